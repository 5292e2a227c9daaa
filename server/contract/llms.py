"""RenovationFind's documentation: its index `llms.txt`, and the OpenAPI fragments of the pages that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from urllib.parse import urljoin, urlsplit

from leadbridge.server.contract.documents import document_of
from leadbridge.server.contract.openapi import Documented, operations_in
from leadbridge.server.contract.web import DocumentationError, reading, same_origin, text_of

MOST_PAGES = 100
MOST_FRAGMENTS = 20
"""Of one page."""
_LINK = re.compile(r"\]\(\s*([^)\s]{1,500})\s*\)|(?<![\w(])(https?://[^\s)>\]]{1,500})")
_FENCE = re.compile(r"(?P<mark>`{3,8}|~{3,8})[ \t]*(?P<kind>\w*)(?P<rest>[^\n]*)")


async def operations_from(url: str) -> tuple[list[Documented], list[str]]:
    """The operations of the pages that an index names, and notes on what was not read.

    Raises:
        DocumentationError: the index cannot be read, or the whole is out of bounds.
    """
    async with reading(url) as (_, client):
        index = await text_of(client, url)
        pages, elsewhere = _pages(index, url)
        notes = [f"{elsewhere} links to other origins were not followed"] if elsewhere else []
        if len(pages) > MOST_PAGES:
            notes.append(f"only the first {MOST_PAGES} of {len(pages)} pages were read")
        found: list[Documented] = []
        failed = 0
        for page in pages[:MOST_PAGES]:
            try:
                found += _operations(await text_of(client, page), page)
            except DocumentationError:
                failed += 1
        if failed:
            notes.append(f"{failed} pages could not be read")
        return found, notes


def _pages(index: str, url: str) -> tuple[list[str], int]:
    """The pages of the index on its own origin, API reference first, and how many links lead elsewhere."""
    pages: dict[str, None] = {}
    elsewhere = 0
    for match in _LINK.finditer(index):
        try:
            link = urljoin(url, match[1] or match[2]).partition("#")[0]
            own = same_origin(link, url)
        except ValueError:
            continue
        if not own:
            elsewhere += 1
        elif urlsplit(link).path.endswith((".md", ".json", ".yaml", ".yml")):
            pages[link] = None
    return sorted(pages, key=lambda link: "/api" not in urlsplit(link).path), elsewhere


def _operations(text: str, page: str) -> list[Documented]:
    if not urlsplit(page).path.endswith(".md"):
        return operations_in(document_of(text, "a page"))
    found: list[Documented] = []
    for fragment in islice(_fragments(text), MOST_FRAGMENTS):
        with suppress(DocumentationError):
            found += operations_in(document_of(fragment, "a fragment"))
    return found


def _fragments(text: str) -> Iterator[str]:
    """What is between fences that say yaml or json."""
    lines = iter(text.split("\n"))
    for line in lines:
        begin = _FENCE.match(line.strip())
        if begin is None:
            continue
        inside: list[str] = []
        for row in lines:
            if row.strip().startswith(begin["mark"]) and not row.strip().strip(begin["mark"][0]):
                break
            inside.append(row)
        if begin["kind"].lower() in {"yaml", "yml", "json"}:
            yield "\n".join(inside)
