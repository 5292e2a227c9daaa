"""`leadbridge contract check`: the services' own documentation against the catalog, and the corrections for it.

Shown before anything is written, and nothing is written that was not asked for.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leadbridge.server.catalog import Catalog, Field, Operation
from leadbridge.server.catalog.routes import NotAllowed
from leadbridge.server.config.settings import Settings
from leadbridge.server.config.text_files import UnreadableFileError, read_text
from leadbridge.server.contract import llms, readme_mcp
from leadbridge.server.contract.compare import PARTS, Comparison, compare
from leadbridge.server.contract.formats import described_in
from leadbridge.server.contract.match import bases_of, known_names, matching
from leadbridge.server.contract.openapi import Documented
from leadbridge.server.contract.web import LARGEST_ANSWER, DocumentationError, reading, text_of
from leadbridge.server.errors import CatalogError
from leadbridge.server.text import clean


@dataclass(slots=True)
class Checked:
    """What was read, and how it compares."""

    comparisons: list[Comparison] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def corrected(self) -> list[Operation]:
        """The operations that the documentation corrects, or misses names of, as they are then called."""
        found = [
            one.proposed.model_copy(update={"undocumented": tuple(name for part in PARTS for name in one.missed(part))})
            for one in self.comparisons
            if one.documented is not None
        ]
        before = {one.operation.id: one.operation for one in self.comparisons}
        return [now for now in found if now != before[now.id]]

    def choose_name(self, given: str) -> None:
        """Let an argument go out under a documented name, as in `create_lead.first_name=first`.

        Raises:
            CatalogError: it is not of that form, or names what is not there; says what is allowed.
        """
        said = f"--set {clean(given, limit=80)}"
        name, equals, wire = given.partition("=")
        operation, _, argument = name.strip().rpartition(".")
        found = [one for one in self.comparisons if operation in {one.operation.id, one.operation.name}]
        if not (equals and found and argument and wire.strip()):
            raise CatalogError(f"{said}: must be OPERATION.ARGUMENT=NAME, as in create_lead.first_name=first")
        try:
            found[0].choose_name(argument, wire.strip())
        except NotAllowed as error:
            raise CatalogError(f"{said}: {found[0].operation.id}: {error.why}") from None

    def questions(self) -> Iterator[tuple[Comparison, str, list[str]]]:
        """Each argument whose name is not documented, with the documented names that are left over, likely ones first.

        What was resolved meanwhile is not left over any more.
        """
        from rapidfuzz import fuzz

        for one in self.comparisons:
            for part in PARTS:
                for argument in one.missed(part):
                    wire: str = getattr(one.proposed, part)[argument].wire
                    likely = {name: fuzz.partial_ratio(wire, name) for name in one.left_over(part)}
                    if likely:
                        yield one, argument, sorted(likely, key=lambda name, likely=likely: -likely[name])


async def check(
    catalog: Catalog, settings: Settings, *, service: str, mcp_url: str, llms_url: str, openapi: str
) -> Checked:
    """Read the documentation of the chosen services, or the one OpenAPI document, and compare it."""
    checked = Checked()
    if openapi:
        try:
            documented = described_in(*await _document(openapi))
        except DocumentationError as error:
            checked.failures.append(str(error))
            return checked
        described = [one for one in _services_of(catalog, settings, documented) if service in {"both", one}]
        if not described:
            whose = "either service" if service == "both" else catalog.services[service].title
            checked.failures.append(f"{openapi}: no operation of {whose} is in it")
        for one in described:
            checked.comparisons += compare(catalog, one, documented, settings.base_url(one))
        return checked
    if service != "renovationfind":
        try:
            await _rooflink(catalog, settings, mcp_url, checked)
        except DocumentationError as error:
            checked.failures.append(f"RoofLink's documentation server: {error}")
    if service != "rooflink":
        try:
            await _renovationfind(catalog, settings, llms_url, checked)
        except DocumentationError as error:
            checked.failures.append(f"RenovationFind's index: {error}")
    return checked


async def _rooflink(catalog: Catalog, settings: Settings, url: str, checked: Checked) -> None:
    names = known_names(catalog)
    ours = [operation for operation in catalog if operation.service == "rooflink"]
    bases = bases_of(catalog, ours[0], settings.base_url("rooflink"))

    def wanted(documented: Documented) -> bool:
        """Whether its details are worth asking for."""
        return any(isinstance(matching(one, [documented], names[one.id], bases), Documented) for one in ours)

    documented = await readme_mcp.operations_from(url, wanted)
    checked.notes.append(f"RoofLink's documentation server lists {len(documented)} operations")
    checked.comparisons += compare(catalog, "rooflink", documented, settings.base_url("rooflink"))


async def _renovationfind(catalog: Catalog, settings: Settings, url: str, checked: Checked) -> None:
    documented, notes = await llms.operations_from(url)
    checked.notes.append(f"RenovationFind's pages describe {len(documented)} operations")
    checked.notes += notes
    if not documented:
        raise DocumentationError("no page holds a description that can be read")
    checked.comparisons += compare(catalog, "renovationfind", documented, settings.base_url("renovationfind"))


async def _document(source: str) -> tuple[str, str]:
    """The text of a file or URL, and what it is called."""
    if "://" in source:
        async with reading(source) as (_, client):
            return await text_of(client, source), "the document"
    try:
        return read_text(Path(source), LARGEST_ANSWER), source
    except UnreadableFileError as error:
        raise DocumentationError(f"{source}: {error}") from None


def _services_of(catalog: Catalog, settings: Settings, documented: Sequence[Documented]) -> list[str]:
    """Which services a document describes: those of which it has an operation."""
    names, found = known_names(catalog), set[str]()
    for row in catalog:
        bases = bases_of(catalog, row, settings.base_url(row.service))
        if row.service not in found and isinstance(matching(row, documented, names[row.id], bases), Documented):
            found.add(row.service)
    return [service for service in catalog.services if service in found]


def lines_of(checked: Checked) -> list[str]:
    """What was found, operation by operation."""
    lines = [*checked.failures, *checked.notes]
    for one in checked.comparisons:
        if one.state == "missing":
            lines.append(f"{one.operation.id}: missing, {one.differences[0]}")
            continue
        lines.append(f"{one.operation.id}: {one.state}")
        lines += [f"  {line}" for line in one.differences]
    counted = Counter(one.state for one in checked.comparisons)
    if counted:
        lines.append(", ".join(f"{counted[state]} {state}" for state in ("ok", "differs", "missing", "unknown")))
    return lines


def write(text: str, file: Path, *, overwrite: bool) -> None:
    """Write the contract file; one that is there is replaced only if that was asked for.

    Raises:
        CatalogError: it is there, or cannot be written.
    """
    try:
        with file.open("w" if overwrite else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise CatalogError(
            f"{file} is there already: nothing was written. Choose another, or add --overwrite"
        ) from None
    except OSError as error:
        raise CatalogError(f"{file} cannot be written: {error.strerror}") from None


_HEAD = """\
# Corrections of LeadBridge's contract, from `leadbridge contract check`. Name this file in LEADBRIDGE_CONTRACT_FILE.
# `leadbridge contract show` shows what each one changes, and what it was.
"""


def contract_text(catalog: Catalog, operations: Iterable[Operation]) -> str:
    """The file that makes of the catalog's operations the given ones; earlier corrections of the user stay in it."""
    given = {**catalog.operations, **{operation.id: operation for operation in operations}}
    blocks = [_HEAD.rstrip()]
    for operation in given.values():
        blocks += _tables(catalog.before.get(operation.id, catalog[operation.id]), operation)
    return "\n\n".join(blocks) + "\n"


def _tables(before: Operation, after: Operation) -> Iterator[str]:
    tables = defaultdict[str, list[str]](list)
    if (before.method, before.path) != (after.method, after.path):
        tables[""] += [f"method = {_quoted(after.method)}", f"path = {_quoted(after.path)}"]
    if before.max_page_size != after.max_page_size:
        tables[""].append(f"max_page_size = {after.max_page_size}")
    if after.undocumented:
        tables[""].append(f"undocumented = [{', '.join(map(_quoted, after.undocumented))}]")
    for part in PARTS:
        old: Mapping[str, Field] = getattr(before, part)
        new: Mapping[str, Field] = getattr(after, part)
        for name, one in new.items():
            if one.wire != old[name].wire:
                tables[f".{part}"].append(f"{name} = {_quoted(one.wire)}")
        for name, one in new.items():
            for ours, value in one.values.items():
                if value != old[name].values[ours]:
                    tables[f".values.{name}"].append(f"{ours} = {_quoted(value)}")
    for which, lines in tables.items():
        yield "\n".join([f'[operations."{after.id}"{which}]', *lines])


def _quoted(text: str) -> str:
    """A TOML text; JSON's notation is one, but for a character that TOML wants escaped."""
    return json.dumps(text).replace("\x7f", "\\u007f")
