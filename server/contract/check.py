"""`leadbridge contract check`: the services' own documentation against the catalog, and the corrections that settle it.

Shown before anything is written, and nothing is written that was not asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from leadbridge.server.catalog import Catalog
from leadbridge.server.catalog.candidates import load_candidates
from leadbridge.server.config.settings import Settings
from leadbridge.server.config.text_files import UnreadableFileError, read_text
from leadbridge.server.contract import llms, readme_mcp
from leadbridge.server.contract.compare import Comparison, compare
from leadbridge.server.contract.documents import document_of
from leadbridge.server.contract.match import bases_of, known_names, matching, may_be_ours
from leadbridge.server.contract.openapi import Documented, operations_in
from leadbridge.server.contract.toml_text import contract_text
from leadbridge.server.contract.web import LARGEST_ANSWER, DocumentationError, reading, text_of
from leadbridge.server.errors import CatalogError


@dataclass(slots=True)
class Checked:
    """What was read, and how it compares."""

    comparisons: list[Comparison] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def settled(self) -> list[Comparison]:
        """The operations that the documentation corrects."""
        return [one for one in self.comparisons if one.settled != one.operation]


async def check(
    catalog: Catalog, settings: Settings, *, service: str, mcp_url: str, llms_url: str, openapi: str
) -> Checked:
    """Read the documentation of the chosen services, or the one OpenAPI document, and compare it."""
    checked = Checked()
    if openapi:
        try:
            documented = operations_in(await _document(openapi))
        except DocumentationError as error:
            checked.failures.append(f"OpenAPI: {error}")
            return checked
        described = [service] if service != "both" else _services_of(catalog, settings, documented)
        if not described:
            checked.failures.append("OpenAPI: no operation of either service is in it")
        for one in described:
            checked.comparisons += _compare(catalog, settings, one, documented)
        return checked
    if service != "renovationfind":
        await _source(
            checked, "RoofLink's documentation server", lambda: _rooflink(catalog, settings, mcp_url, checked)
        )
    if service != "rooflink":
        await _source(checked, "RenovationFind's index", lambda: _renovationfind(catalog, settings, llms_url, checked))
    return checked


async def _source(checked: Checked, name: str, read: Callable[[], Awaitable[None]]) -> None:
    try:
        await read()
    except DocumentationError as error:
        checked.failures.append(f"{name}: {error}")


async def _rooflink(catalog: Catalog, settings: Settings, url: str, checked: Checked) -> None:
    names = known_names(catalog, load_candidates())
    ours = [operation for operation in catalog if operation.service == "rooflink"]
    bases = bases_of(catalog, ours[0], settings.base_url("rooflink"))

    def wanted(documented: Documented) -> bool:
        return any(may_be_ours(operation, documented, names[operation.id], bases) for operation in ours)

    documented = await readme_mcp.operations_from(url, wanted)
    checked.notes.append(f"RoofLink's documentation server lists {len(documented)} operations")
    checked.comparisons += _compare(catalog, settings, "rooflink", documented)


async def _renovationfind(catalog: Catalog, settings: Settings, url: str, checked: Checked) -> None:
    documented, notes = await llms.operations_from(url)
    checked.notes.append(f"RenovationFind's pages describe {len(documented)} operations")
    checked.notes += notes
    if not documented:
        raise DocumentationError("no page holds a description that can be read")
    checked.comparisons += _compare(catalog, settings, "renovationfind", documented)


def _compare(catalog: Catalog, settings: Settings, service: str, documented: Sequence[Documented]) -> list[Comparison]:
    return compare(catalog, service, documented, load_candidates(), settings.base_url(service))


async def _document(source: str) -> JsonValue:
    if "://" in source:
        async with reading(source) as (_, client):
            return document_of(await text_of(client, source), "the document")
    return _file(Path(source))


def _file(path: Path) -> JsonValue:
    try:
        text = read_text(path, LARGEST_ANSWER)
    except UnreadableFileError as error:
        raise DocumentationError(f"{path}: {error}") from None
    return document_of(text, str(path))


def _services_of(catalog: Catalog, settings: Settings, documented: Sequence[Documented]) -> list[str]:
    """Which services a document describes: those of which it has an operation."""
    names = known_names(catalog, load_candidates())
    return [
        service
        for service in catalog.services
        if any(
            matching(row, documented, names[row.id], bases_of(catalog, row, settings.base_url(service))).documented
            for row in catalog
            if row.service == service
        )
    ]


def lines_of(checked: Checked) -> list[str]:
    """What was found, operation by operation."""
    lines = [*checked.failures, *checked.notes]
    for one in checked.comparisons:
        if one.state == "missing":
            lines.append(f"{one.operation.id}: missing, {one.told[0]}")
            continue
        lines.append(f"{one.operation.id}: {one.state}")
        lines += [f"  {told}" for told in one.told]
    counted = Counter(one.state for one in checked.comparisons)
    if counted:
        lines.append(", ".join(f"{counted[state]} {state}" for state in ("ok", "differs", "missing", "unknown")))
    return lines


def written_text(catalog: Catalog, checked: Checked) -> str:
    """The contract file that settles what differs; the user's own corrections stay in it."""
    return contract_text(catalog, [one.settled for one in checked.settled])


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
