"""Which documented operation is which of the catalog's, and what its path would be in the catalog's words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from leadbridge.server.catalog import Catalog, Operation
from leadbridge.server.catalog.candidates import Candidates, load_candidates
from leadbridge.server.catalog.routes import methods_for, path_problem
from leadbridge.server.contract.openapi import Documented

_MOST_SEGMENTS, _LONGEST_SEGMENT, _MOST_WORDS = 8, 40, 6
_VARIABLE = re.compile(r"\{[^{}/]{1,60}\}|:[A-Za-z_]\w{0,59}|<[^<>/]{1,60}>")


def bases_of(catalog: Catalog, operation: Operation, configured: str) -> list[str]:
    """The base URLs below which the operation's path lies: the documented one and the user's (`configured`), if any."""
    service = catalog.services[operation.service]
    own = service.manager_base_url if operation.api == "manager" else service.base_url
    return [url for url in (own, configured) if url]


def _below(urls: Sequence[str], documented: Documented) -> str | None:
    """The documented path below a base URL; `None` if it is elsewhere."""
    server = urlsplit(documented.server) if "://" in documented.server else urlsplit("")
    full = server.path.rstrip("/") + documented.path
    bases = [urlsplit(url) for url in urls]
    if server.netloc and all((base.scheme, base.netloc) != (server.scheme, server.netloc) for base in bases):
        return None
    for base in bases:
        if base.path and full.startswith(f"{base.path.rstrip('/')}/"):
            return full[len(base.path.rstrip("/")) :]
    return documented.path if server.path.rstrip("/") == "" else None


def slug(name: str) -> str:
    """A name without the differences of notation."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def path_shape(path: str) -> str:
    """A path whatever its variables are called, and whether it ends in a slash."""
    return _VARIABLE.sub("{}", path).rstrip("/").lower()


def known_names(catalog: Catalog) -> dict[str, frozenset[str]]:
    """By operation: what documentation may call it. A page that several operations share names none of them."""
    pages = Counter(operation.source for operation in catalog)
    shared = {slug(operation.title) for operation in catalog}
    titles = Counter(slug(operation.title) for operation in catalog)
    names: dict[str, frozenset[str]] = {}
    for operation in catalog:
        found = {slug(name) for name in load_candidates().get(operation.id, Candidates()).known_as}
        if titles[slug(operation.title)] == 1:
            found.add(slug(operation.title))
        if pages[operation.source] == 1 and "/" in operation.source:
            page = slug(operation.source.rstrip("/").rpartition("/")[2])
            found |= {page} - shared
        names[operation.id] = frozenset(found)
    return names


def matching(
    operation: Operation, documented: Sequence[Documented], names: frozenset[str], bases: Sequence[str]
) -> Documented | str:
    """The one documented operation that is ours: by its name, else by method and path. Or why there is none."""
    by_name = [found for found in documented if not names.isdisjoint(map(slug, found.names))]
    by_path = [
        found
        for found in documented
        if operation.path
        and found.method == operation.method
        and (path := _below(bases, found)) is not None
        and path_shape(path) == path_shape(operation.path)
    ]
    same = set(map(id, by_path))
    for found in ([one for one in by_name if id(one) in same], by_name, by_path):
        routes = {(one.method, path_shape(one.path)) for one in found}
        if len(routes) == 1:
            return max(found, key=lambda one: (one.body is not None, one.query is not None, len(one.body or {})))
        if routes:
            return f"{len(routes)} documented operations may be this one"
    return "not in this documentation"


def route_of(operation: Operation, documented: Documented, bases: Sequence[str]) -> tuple[str, str] | str:
    """Method and path in the catalog's words, or why they are not taken."""
    path = _below(bases, documented)
    if path is None:
        return "the documented path lies on another origin or below another base URL: not taken"
    if documented.method not in methods_for(operation):
        return f"the documented method {documented.method[:10]} would change the effect ({operation.effect}): not taken"
    named = _with_our_variables(operation, path)
    if named is None:
        return "the documented path has other variables than the tool fills in: not taken"
    if (why := path_problem(named)) is not None:
        return f"the documented path {why}: not taken"
    if not _is_terse(named):
        return "the documented path reads like a sentence, not like a path: not taken"
    if path_shape(named) == path_shape(operation.path):
        return documented.method, operation.path  # a slash at the end, or another name of a variable, is no difference
    return documented.method, named


def _is_terse(path: str) -> bool:
    """A path is shown to models: none is taken from documentation in which more than names would fit."""
    segments = [segment for segment in path.split("/") if segment]
    words = [len(re.findall(r"[A-Za-z]+", segment)) for segment in segments]
    return (
        len(segments) <= _MOST_SEGMENTS
        and all(len(one) <= _LONGEST_SEGMENT for one in segments)
        and (max(words, default=0) <= _MOST_WORDS)
    )


def _with_our_variables(operation: Operation, path: str) -> str | None:
    """The path with our variables in the places of the documented ones."""
    theirs = _VARIABLE.findall(path)
    ours: list[str] = re.findall(r"\{([a-z_]+)\}", operation.path)
    if not operation.path:
        ours = _guessed(operation.path_variables, path, len(theirs))
    if len(ours) != len(theirs):
        return None
    remaining = iter(ours)
    return _VARIABLE.sub(lambda _: f"{{{next(remaining)}}}", path)


def _guessed(known: Sequence[str], path: str, count: int) -> list[str]:
    """Which of the variables that an operation may have is in a path: the one that its folder is named after."""
    if count != 1:
        return []
    if len(known) == 1:
        return [*known]
    before = _VARIABLE.split(path)[0].lower().rstrip("/").rpartition("/")[2]
    return [name for name in known if before.rstrip("s") == name.removesuffix("_id")]
