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
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import TypeAdapter

from leadbridge.server import state
from leadbridge.server.matching.compare import SAME_PERSON, Match, compare
from leadbridge.server.matching.names import Name, compare_names
from leadbridge.server.matching.profile import ContactDetails, Profile, details_from_json

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    _Row: TypeAlias = Row[int, str, bool]

Judged: TypeAlias = tuple[int, bool, Match]
"""A prospect, whether it is deleted, and what it has in common with the query."""

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
    rows = state.prospects.find(connection, account, ("profile", "deleted"), list(ids)[:AT_MOST])
    return Candidates(rows, counts, common, _known_streets(connection, account, keys, rows))


def _known_streets(connection: Connection, account: str, keys: Iterable[str], rows: Sequence[_Row]) -> frozenset[str]:
    """Streets that several prospects have, of those on which a prospect has the same house number in the same town."""
    houses = {one for one in keys if one.startswith("a|") and not one.startswith("a||")}
    streets = {one for one in keys if one.startswith("s|")}
    for row in rows[:OF_A_KEY] if houses else ():
        theirs = kept_profiles().validate_json(row.profile).keys()
        streets |= {one for one in theirs if one.startswith("s|")} if theirs & houses else set()
    counts = state.prospects.key_counts(connection, account, streets)
    return frozenset(one for one, count in counts.items() if count > 1)


@cache
def kept_profiles() -> TypeAdapter[Profile]:
    """Profiles as the table keeps them: to normalise hundreds anew for each search would take most of its time."""
    return TypeAdapter(Profile)


@dataclass(frozen=True, slots=True)
class _Named:
    """The part of a kept profile that counts where a name is all there is."""

    name: Name


@cache
def _kept_names() -> TypeAdapter[_Named]:
    return TypeAdapter(_Named)


def judge(profile: Profile, candidates: Candidates) -> list[Judged]:
    """Compare the candidates; at equal scores the newest first, and what was deleted behind what was not."""
    often = {key for key, count in candidates.counts.items() if count > SHARED and key.startswith(("p|", "e|"))}
    shared = candidates.streets | often
    named = not (profile.address.known or profile.phones or profile.emails)
    judged: list[Judged] = []
    for row in candidates.rows:
        if named:
            match = _by_name(profile.name, _kept_names().validate_json(row.profile).name)
        else:
            match = compare(profile, kept_profiles().validate_json(row.profile), shared)
        if match.level != "none":
            judged.append((row.prospect_id, row.deleted, match))
    return sorted(judged, key=lambda one: (-one[2].score, one[1], -one[0]))


def _by_name(ours: Name, theirs: Name) -> Match:
    """Whoever looks for a name alone, a family name for instance, means those who have it as a part of theirs."""
    part = set(ours.words) <= set(theirs.words)
    if not part and compare_names(ours, theirs) not in SAME_PERSON:
        return Match()
    match = compare(Profile(name=ours), Profile(name=theirs))
    if match.level == "none" and part:
        return Match(match.score, "near", (f"part of the name: {' '.join(ours.words).title()}",))
    return match


def findings_of(candidates: Candidates, judged: Sequence[Judged], told: Mapping[int, Mapping[str, Any]]) -> Findings:
    """What resembles the profile, with its details; what went meanwhile is left out."""
    found = [Found(one, details_from_json(told[one]), deleted, match) for one, deleted, match in judged if one in told]
    most = max((candidates.counts[key] for key in candidates.common), default=0)
    return Findings(tuple(found), _in_words(candidates), max(0, most - len(candidates.rows)))


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
