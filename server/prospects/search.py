"""Finds what resembles a profile in the index, in bounded time however many prospects share a house or a phone.

A key says more, the fewer prospects have it, so the rare ones come first, and every prospect that has one of them
is compared. A key that too many have brings no candidates of its own but the newest; what shares two such keys is
compared, the rarest pairs first. The answer says what was left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from pydantic import TypeAdapter

from leadbridge.server import state
from leadbridge.server.matching.compare import Match, compare
from leadbridge.server.matching.profile import ContactDetails, Profile, details_from_json, profile_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    _Row: TypeAlias = Row[int, Mapping[str, object], str, bool]

CANDIDATES = 600
"""Prospects with a rare key that are compared with one profile; a key that would bring more is a common one."""
OF_A_PAIR = 40
"""Prospects that are compared because they share the same two common keys: the newest."""
OF_A_KEY = 40
"""Prospects that are compared although they share one common key only: the newest."""
AT_MOST = 1_000
"""Prospects that are compared with one profile at all."""
SHARED = 4
"""A phone or an e-mail of more prospects than these distinguishes nobody."""

_KINDS = {
    "p": "phone",
    "e": "e-mail",
    "n": "name",
    "w": "part of the name",
    "h": "house",
    "u": "unit",
    "s": "street",
    "a": "house number in one town",
}
"""What keys are called, by how they begin; the most telling first."""


@dataclass(frozen=True, slots=True)
class Found:
    """A prospect of the index that resembles the query."""

    prospect_id: int
    details: ContactDetails
    deleted: bool
    match: Match


@dataclass(frozen=True, slots=True)
class Common:
    """What so many prospects share with the query that not all of them were compared."""

    count: int
    what: str

    def __str__(self) -> str:
        """In words: `412 share this part of the name`."""
        return f"{self.count:,} share this {self.what}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What resembles the query, the likeliest first, and what was too common to be compared whole."""

    matches: tuple[Found, ...] = ()
    common: tuple[Common, ...] = ()
    left_out: int = 0
    """At least so many prospects share something common with the query and were not compared."""

    def __len__(self) -> int:
        """How many were found."""
        return len(self.matches)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows to compare, and how many prospects have each key."""

    rows: Sequence[_Row]
    counts: Mapping[str, int]
    common: Sequence[str]
    """Keys of which not all prospects are among the rows."""
    streets: frozenset[str] = frozenset()
    """Keys of streets that several prospects have: none of them is a slip of the pen."""


def candidates_for(connection: Connection, account: str, keys: Iterable[str]) -> Candidates:
    """What to compare with a profile of these keys."""
    counts = state.prospects.key_counts(connection, account, keys)
    rare, left = list[str](), CANDIDATES
    common = sorted(counts, key=lambda key: (counts[key], key))
    while common and counts[common[0]] <= left:
        left -= counts[common[0]]
        rare.append(common.pop(0))
    ids = dict.fromkeys(state.prospects.ids_with_any(connection, account, rare))
    for pair in combinations(common, 2):
        ids |= dict.fromkeys(state.prospects.newest_with_all(connection, account, pair, OF_A_PAIR))
    for key in common:
        ids |= dict.fromkeys(state.prospects.newest_with_all(connection, account, [key], OF_A_KEY))
    rows = state.prospects.find(connection, account, ("told", "profile", "deleted"), list(ids)[:AT_MOST])
    return Candidates(rows, counts, common, _known_streets(connection, account, keys, rows))


def _known_streets(connection: Connection, account: str, keys: Iterable[str], rows: Sequence[_Row]) -> frozenset[str]:
    """Streets that several prospects have, of those on which a prospect has the same house number in the same town."""
    houses = {one for one in keys if one.startswith("a|") and not one.startswith("a||")}
    streets = {one for one in keys if one.startswith("s|")}
    for row in rows[:OF_A_KEY] if houses else ():
        theirs = kept_profiles().validate_json(row.profile).keys() if row.profile else frozenset[str]()
        streets |= {one for one in theirs if one.startswith("s|")} if theirs & houses else set()
    counts = state.prospects.key_counts(connection, account, streets)
    return frozenset(one for one, count in counts.items() if count > 1)


@cache
def kept_profiles() -> TypeAdapter[Profile]:
    """Profiles as the table keeps them: to normalise hundreds anew for each search would take most of its time."""
    return TypeAdapter(Profile)


def judge(profile: Profile, candidates: Candidates) -> Findings:
    """Compare the candidates; at equal scores the newest first, and what was deleted behind what was not."""
    often = {key for key, count in candidates.counts.items() if count > SHARED and key.startswith(("p|", "e|"))}
    shared = candidates.streets | often
    found: list[Found] = []
    for row in candidates.rows:
        kept = kept_profiles().validate_json(row.profile) if row.profile else None
        theirs = kept or profile_of(details_from_json(row.told), like=profile)
        match = compare(profile, theirs, shared)
        if match.level == "none":
            match = _by_part_of_name(profile, theirs, match)
        if match.level != "none":
            found.append(Found(row.prospect_id, details_from_json(row.told), row.deleted, match))
    found.sort(key=lambda row: (-row.match.score, row.deleted, -row.prospect_id))
    most = max((candidates.counts[key] for key in candidates.common), default=0)
    return Findings(tuple(found), _in_words(candidates), max(0, most - len(candidates.rows)))


def _by_part_of_name(ours: Profile, theirs: Profile, match: Match) -> Match:
    """Whoever looks for a name alone, a family name for instance, means those who have it as a part of theirs."""
    words = ours.name.words
    if ours.address.known or ours.phones or ours.emails or not set(words) <= set(theirs.name.words):
        return match
    return Match(match.score, "near", (f"part of the name: {' '.join(words).title()}",))


def _in_words(candidates: Candidates) -> tuple[Common, ...]:
    """One line for each kind of key, with the largest count of its keys."""
    kinds = {key: "h" if key.startswith("a||") else key[0] for key in candidates.common}
    if "h" in kinds.values():  # which has its street and its number, too
        kinds = {key: kind for key, kind in kinds.items() if kind not in {"s", "a"}}
    left_out: list[Common] = []
    for kind, what in _KINDS.items():
        keys = [key for key in kinds if kinds[key] == kind]
        if kind == "w":
            left_out += [Common(candidates.counts[key], f"{what} ({key[2:].title()})") for key in keys]
        elif keys:
            left_out.append(Common(max(candidates.counts[key] for key in keys), what))
    return tuple(left_out)
