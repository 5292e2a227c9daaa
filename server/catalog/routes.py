"""What method and path a correction may give an operation: on its own service, and with the effect it has."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import JsonValue

from leadbridge.server.catalog.effects import Effect
from leadbridge.server.catalog.operation import Operation

LONGEST = 300
_PATH = re.compile(r"(/[A-Za-z0-9_.~-]*[A-Za-z0-9_~-]|/\{[a-z_]+\})+/?", re.ASCII)
"""Plain segments, of which none is only dots, and variables in braces."""
_SHOWN = 80

Table = Mapping[str, JsonValue]


class NotAllowed(Exception):
    """What is wrong with a correction, and where: the keys below its operation that lead to it."""

    def __init__(self, why: str, *where: str) -> None:
        self.why = why
        self.where = where
        super().__init__(why)


def refuse_taken_route(changed: Operation, before: Mapping[str, Operation], changes: Mapping[str, Operation]) -> None:
    """A correction must not make another operation of one: neither of the catalog nor of the other corrections.

    A write takes the path of no other write, whatever the method: services are lax about methods. Operations that have
    one path in the catalog may move to another one together.

    Raises:
        NotAllowed: the path, or method and path, are those of another operation.
    """
    original = before[changed.id]
    for other in (*before.values(), *changes.values()):
        if other.id == changed.id or not changed.path or not other.path:
            continue
        together = _place(before[other.id]) == _place(original)
        same_route = _place(other) == _place(changed) and other.method == changed.method
        moved_there = _place(other) == _place(changed) != _place(original) and not together
        became_one = same_route and other.effect is not changed.effect and before[other.id].method != original.method
        if moved_there or became_one:
            raise NotAllowed(
                f"path: {changed.method} {changed.path} is that of {other.id} ({other.effect.value}); "
                "allowed: a path of its own",
                "path" if moved_there else "method",
            )


def _place(operation: Operation) -> tuple[str, str, bool, str]:
    """Where an operation is, among reads or among writes, whatever its variables are called."""
    path = re.sub(r"\{\w+\}", "{}", operation.path).rstrip("/").lower()
    return operation.service, operation.api, operation.effect.writes, path


def methods_for(operation: Operation) -> tuple[str, ...]:
    """The methods that keep the operation's effect: a read reads, and only what deletes may delete."""
    if operation.effect is Effect.READ:
        return ("GET",)
    return ("DELETE", "POST") if operation.method == "DELETE" else ("POST", "PUT", "PATCH")


def method_of(operation: Operation, change: Table) -> str:
    """The method that a correction gives, or the operation's own; `NotAllowed` if it is another effect's."""
    if "method" not in change and not operation.method:
        allowed = " or ".join(methods_for(operation))
        raise NotAllowed(f"method is missing: it is not known, so it is given with the path; allowed: {allowed}")
    given = change.get("method", operation.method)
    allowed = methods_for(operation)
    if not isinstance(given, str) or given.upper() not in allowed:
        raise NotAllowed(
            f"method {short(given)} does not fit effect {operation.effect.value}; allowed: {', '.join(allowed)}",
            "method",
        )
    return given.upper()


def path_of(operation: Operation, change: Table) -> str:
    """The path that a correction gives, or the operation's own; `NotAllowed` if it leaves the service."""
    if "path" not in change and not operation.path:
        raise NotAllowed("path is missing: it is not known, so it is given with the method")
    given = change.get("path", operation.path)
    if not isinstance(given, str) or not given:
        raise NotAllowed("path must be a text such as /light/jobs/{job_id}/", "path")
    if (why := path_problem(given)) is not None:
        raise NotAllowed(
            f"path {short(given)} {why}; allowed: a path below the service's base URL, such as /light/jobs/{{job_id}}/",
            "path",
        )
    _refuse_variables(operation, operation.model_copy(update={"path": given}).variables)
    return given


def path_problem(path: str) -> str | None:
    """Why a text is no path on the service itself, if it is none."""
    if "://" in path or path.startswith("//") or "@" in path:
        return "names another origin"
    if not path.startswith("/"):
        return "must begin with one /"
    if "?" in path or "#" in path:
        return "holds a query or a fragment; names of filters go into the table query"
    if any(segment and not segment.strip(".") for segment in re.split(r"[/\\]", path)):
        return "holds a segment of dots only"
    if len(path) > LONGEST or not _PATH.fullmatch(path):
        return "is not made of plain segments and {variables}"
    return None


def _refuse_variables(operation: Operation, given: frozenset[str]) -> None:
    """A path has the variables that the tool fills in: all of them, or of an unknown path those that are known."""
    known = operation.variables if operation.path else frozenset(operation.path_variables)
    if given == known or (not operation.path and given <= known):
        return
    named = ", ".join(f"{{{name}}}" for name in sorted(known)) or "no variables"
    got = ", ".join(f"{{{name}}}" for name in sorted(given)) or "none"
    raise NotAllowed(f"path must have {named}, not {got}", "path")


def short(value: object) -> str:
    """A value as it appears in a message of one line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
