"""Compares the catalog with what a service documents, operation by operation, and says what would correct it.

What is documented can correct method and path within the effect, names on the wire, values and the page size. It
cannot do more: every correction passes the same checks as a user's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from leadbridge.server.catalog import Catalog, Field, Operation
from leadbridge.server.catalog.candidates import Candidates, Kind, Names, load_candidates
from leadbridge.server.catalog.overrides import corrected
from leadbridge.server.catalog.routes import NotAllowed, refuse_taken_route, short
from leadbridge.server.contract.match import bases_of, known_names, matching, route_of
from leadbridge.server.contract.openapi import Documented, DocumentedName
from leadbridge.server.contract.show import changes

PARTS = ("query", "body")
State = Literal["ok", "differs", "missing", "unknown"]
_MOST_SHOWN = 12
_LONGEST_NAME = 60
_KINDS: Mapping[str, Kind] = {
    "string": "text", "number": "number", "integer": "number", "boolean": "flag", "object": "object", "array": "list",
}  # fmt: skip

Change = dict[str, JsonValue]


@dataclass(slots=True)
class Comparison:
    """One operation against its documentation."""

    operation: Operation
    """As it is called today."""
    proposed: Operation
    """As it would be called with what is documented."""
    documented: Documented | None = None
    notes: list[str] = field(default_factory=list)
    """What no correction changes; or, where nothing is documented, why."""
    doubtful: set[str] = field(default_factory=set[str])
    """Arguments that may be one of several documented names."""

    @property
    def state(self) -> State:
        """How it compares."""
        if self.documented is None:
            return "missing" if self.notes[0].startswith("not ") else "unknown"
        if next(changes(self.operation, self.proposed), None):
            return "differs"
        return "unknown" if self.differences else "ok"

    @property
    def differences(self) -> list[str]:
        """What differs, and what is left open."""
        differences = [*changes(self.operation, self.proposed), *self.notes]
        for part in PARTS:
            if missed := [name for name in self.missed(part) if name not in self.doubtful]:
                differences.append(f"{part}: not documented under any known name: {', '.join(missed)}")
            if missed and (left := self.left_over(part)):
                differences.append(f"{part}: documented, and sent by no argument: {shown_names(left)}")
        return differences

    def documented_names(self, part: str) -> Mapping[str, DocumentedName] | None:
        """The documented names of the query or body; `None` where they are not given."""
        return getattr(self.documented, part, None)

    def missed(self, part: str) -> list[str]:
        """The arguments whose name on the wire is not documented."""
        documented = self.documented_names(part)
        if documented is None:
            return []
        fields: Mapping[str, Field] = getattr(self.proposed, part)
        return [
            name
            for name, one in fields.items()
            if one.wire not in documented
            and name not in self.proposed.variables
            and not _in_free_object(one, documented)
        ]

    def left_over(self, part: str) -> list[str]:
        """The documented names that no argument goes out under."""
        wires = [one.wire for one in getattr(self.proposed, part).values()]
        return [
            name
            for name in self.documented_names(part) or {}
            if not any(name == wire or wire.startswith(f"{name}.") or name.startswith(f"{wire}.") for wire in wires)
        ]

    def correct(self, change: Change) -> None:
        """Take a correction, or note why it is not allowed."""
        try:
            self.proposed = corrected(self.proposed, change)
        except NotAllowed as error:
            self.notes.append(f"not taken: {error.why}")

    def choose_name(self, argument: str, wire: str) -> None:
        """Let an argument go out under a documented name.

        Raises:
            NotAllowed: there is no such argument or documented name, or another argument has it; says what is allowed.
        """
        part = next((part for part in PARTS if argument in getattr(self.operation, part)), "")
        if not part:
            known = ", ".join([*self.operation.query, *self.operation.body])
            raise NotAllowed(f"no argument {short(argument)}; it has: {known or 'none'}")
        documented = self.documented_names(part)
        if documented is None or wire not in documented:
            left = shown_names(self.left_over(part)) or "nothing"
            raise NotAllowed(f"{short(wire)} is not a documented name of its {part}; left over there: {left}")
        self.proposed = corrected(self.proposed, {part: {argument: wire}})
        self.doubtful.discard(argument)


def compare(catalog: Catalog, service: str, documented: Sequence[Documented], base: str) -> list[Comparison]:
    """Every operation of a service. `base` is the configured base URL, or empty."""
    names = known_names(catalog)
    originals = {operation.id: catalog.before.get(operation.id, operation) for operation in catalog}
    taken: dict[str, Operation] = {}
    found: list[Comparison] = []
    for operation in catalog:
        if operation.service != service:
            continue
        bases = bases_of(catalog, operation, base)
        match = matching(operation, documented, names[operation.id], bases)
        if isinstance(match, str):
            found.append(Comparison(operation, operation, notes=[match]))
            continue
        compared = Comparison(operation, operation, match)
        _correct_route(compared, route_of(operation, match, bases), originals, taken)
        for part in PARTS:
            _correct_names(compared, part)
        _correct_limit(compared)
        taken[operation.id] = compared.proposed
        found.append(compared)
    return found


def _correct_route(
    compared: Comparison,
    route: tuple[str, str] | str,
    originals: Mapping[str, Operation],
    taken: Mapping[str, Operation],
) -> None:
    if isinstance(route, str):
        compared.notes.append(route)
    elif route != (compared.operation.method, compared.operation.path):
        try:
            proposed = corrected(compared.operation, {"method": route[0], "path": route[1]})
            refuse_taken_route(proposed, originals, taken)
            compared.proposed = proposed
        except NotAllowed as error:
            compared.notes.append(f"not taken: {error.why}")


def _correct_names(compared: Comparison, part: str) -> None:
    """Give each argument its documented name, only where there is no doubt."""
    documented = compared.documented_names(part)
    whole: Mapping[str, Field] = getattr(compared.operation, part)
    fields = {name: one for name, one in whole.items() if name not in compared.proposed.variables}
    if documented is None:
        compared.notes += [f"{part}: the documentation does not tell the names"] if fields else []
        return
    candidates = load_candidates().get(compared.operation.id, Candidates())
    confirmed = {one.wire for one in fields.values() if one.wire in documented}
    names: dict[str, str] = {}
    for argument, one in fields.items():
        known = candidates.names.get(argument, Names())
        if one.wire in documented:
            if not _fits(documented[one.wire], known.type):
                theirs = _KINDS[documented[one.wire].type]
                compared.notes.append(f"{argument}: sent as {known.type}, documented as {theirs}")
            continue
        fitting = [
            name
            for name in known.names
            if name in documented and name not in confirmed and _fits(documented[name], known.type)
        ]
        if len(fitting) == 1:
            names[argument] = fitting[0]
        elif fitting:
            compared.doubtful.add(argument)
            compared.notes.append(f"{part} {argument}: may be {' or '.join(fitting)}; not guessed")
    # All at once, since some change places; if that is not allowed, those that are, one by one.
    try:
        compared.proposed = corrected(compared.proposed, {part: dict(names)})
    except NotAllowed:
        for argument, wire in names.items():
            compared.correct({part: {argument: wire}})
    wires = [one.wire for one in getattr(compared.proposed, part).values()]
    needed = [name for name, one in documented.items() if one.required and not _filled(name, wires)]
    if needed:
        compared.notes.append(f"{part}: required by the documentation, filled by no argument: {shown_names(needed)}")
    _correct_values(compared, part, documented)


def _correct_values(compared: Comparison, part: str, documented: Mapping[str, DocumentedName]) -> None:
    fields: Mapping[str, Field] = getattr(compared.proposed, part)
    for argument, one in fields.items():
        allowed = documented[one.wire].values if one.wire in documented else ()
        wrong = {ours: theirs for ours, theirs in one.values.items() if allowed and theirs not in allowed}
        change: dict[str, JsonValue] = {ours: ours for ours in wrong if ours in allowed}
        if change:
            compared.correct({"values": {argument: change}})
        if left := [ours for ours in wrong if ours not in change]:
            why = f"the documentation does not list what goes out for {', '.join(left)}"
            compared.notes.append(f"{part} {argument}: {why}")


def _correct_limit(compared: Comparison) -> None:
    size, documented = compared.proposed.query.get("page_size"), compared.documented_names("query") or {}
    most = documented[size.wire].maximum if size is not None and size.wire in documented else None
    if most is not None and most < (compared.proposed.max_page_size or 100):
        compared.correct({"max_page_size": most})


def _in_free_object(one: Field, documented: Mapping[str, DocumentedName]) -> bool:
    """Whether it is in a documented object whose fields are not given."""
    parent = one.wire.rpartition(".")[0]
    return parent in documented and not any(name.startswith(f"{parent}.") for name in documented)


def _fits(documented: DocumentedName, ours: Kind) -> bool:
    theirs = _KINDS.get(documented.type, "")
    plain = {"text", "number"}
    return not ours or not theirs or theirs == ours or {theirs, ours} <= plain


def _filled(name: str, wires: Iterable[str]) -> bool:
    """Whether something goes out under a name, or within the object of that name; or its object is left out."""
    parent = name.rpartition(".")[0]
    wires = list(wires)
    used = not parent or any(wire == parent or wire.startswith(f"{parent}.") for wire in wires)
    return not used or any(wire == name or wire.startswith(f"{name}.") for wire in wires)


def shown_names(names: Sequence[str]) -> str:
    """Names that somebody else wrote: only what can be a name is shown, to the person at the terminal."""
    plain = [
        name for name in names if len(name) <= _LONGEST_NAME and name.replace(".", "_").replace("-", "_").isidentifier()
    ]
    shown = ", ".join(plain[:_MOST_SHOWN])
    more = len(names) - min(len(plain), _MOST_SHOWN)
    return f"{shown}{' and ' if shown else ''}{more} more" if more else shown
