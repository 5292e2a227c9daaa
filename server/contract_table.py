"""The contract as a table: how each operation of both services is called, and how certain that is."""

from __future__ import annotations

from server.catalog import Catalog, Operation

COLUMNS = ("operation", "method", "path", "effect", "operation is", "path is", "inferred names", "source")
_WORDS = (
    "documented: a page says so. observed: seen in somebody's use of it. inferred: concluded, unproven. "
    "override: from LEADBRIDGE_CONTRACT_FILE."
)


def contract_rows(catalog: Catalog) -> list[tuple[str, ...]]:
    """One row for each operation, overrides applied, in the order of `COLUMNS`."""
    return [
        (
            operation.id,
            operation.method or "unknown",
            operation.path or "unknown",
            str(operation.effect),
            operation.provenance.operation,
            operation.provenance.path,
            ", ".join(_inferred(operation)),
            operation.source,
        )
        for operation in catalog
    ]


def contract_markdown(catalog: Catalog) -> str:
    """The contract as Markdown, with a line for each service's base URL."""
    lines = ["# How the services are called", ""]
    for service in catalog.services.values():
        manager = f", manager API {service.manager_base_url}" if service.manager_base_url else ""
        lines.append(f"- {service.title}: {service.base_url}{manager}; {service.docs}")
    lines += [
        "",
        _WORDS,
        "",
        _row(COLUMNS),
        _row(("---",) * len(COLUMNS)),
        *(_row(row) for row in contract_rows(catalog)),
    ]
    return "\n".join(lines)


def _inferred(operation: Operation) -> list[str]:
    fields = {**operation.query, **operation.body}
    return [f"{name} ({field.wire})" for name, field in fields.items() if field.provenance == "inferred"]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
