"""What method and path a correction may give an operation: on its own service, and with the effect it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from server.catalog.operation import PATH, Operation
from server.effects import Effect

LONGEST = 300
_SHOWN = 80

Table = Mapping[str, JsonValue]


class NotAllowed(Exception):
    """What is wrong with a correction, and where: the keys below its operation that lead to it."""

    def __init__(self, why: str, *where: str) -> None:
        self.why = why
        self.where = where
        super().__init__(why)


def refuse_other_effect(changed: Operation, others: Iterable[Operation]) -> None:
    """A correction must not make of one operation another one whose effect is graver or lighter.

    Raises:
        NotAllowed: method and path are those of an operation with another effect.
    """
    if changed.provenance.path != "override":
        return
    mine = _shape(changed)
    for other in others:
        if other.id != changed.id and _shape(other) == mine and other.effect is not changed.effect:
            raise NotAllowed(
                f"path: {changed.method} {changed.path} is {other.id}, whose effect is {other.effect.value}, "
                f"not {changed.effect.value}; allowed: a path of its own",
                "path",
            )


def _shape(operation: Operation) -> tuple[str, str, str, str]:
    path = re.sub(r"\{\w+\}", "{}", operation.path).rstrip("/").lower()
    return operation.service, operation.api, operation.method, path


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
    if len(path) > LONGEST or not PATH.fullmatch(path):
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
    """A value as it stands in a message of one line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
