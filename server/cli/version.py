"""`leadbridge --version --verbose`: what is installed, from where, and what the tools' definitions hash to."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import leadbridge
from leadbridge.server import __version__
from leadbridge.server.mcp.schemas import DEFINITIONS

NAME = "leadbridge"
_PACKAGE = re.compile(r"^[A-Za-z0-9._-]+")


def lines() -> Iterator[str]:
    """One thing each; nothing is asked of anybody."""
    yield f"leadbridge {__version__}"
    yield f"Files: {Path(leadbridge.__file__).parent}"
    try:
        ours = distribution(NAME)
    except PackageNotFoundError:
        yield "Installed: not as a package"
    else:
        yield f"Installed: {_origin(ours)}"
        yield f"With: {', '.join(sorted(_packages(ours)))}"
    yield f"Python: {platform.python_version()}, {sys.executable}, on {platform.platform()}"
    count, digest = definitions()
    yield f"Tools: {count} definitions, sha256 {digest}"


def definitions() -> tuple[int, str]:
    """How many tools are defined, and the SHA-256 of all that a client is shown of them.

    It is that of each tool's name, title, description, schemas and hints as JSON with sorted keys, a line each, in the
    order of their names. So it changes with any word, and with nothing else: settings only hide tools.
    """
    shown: list[dict[str, Any]] = [json.loads(file.read_text("utf-8")) for file in DEFINITIONS.glob("*.json")]
    shown.sort(key=lambda definition: definition["name"])
    text = "".join(f"{json.dumps(one, sort_keys=True, separators=(',', ':'))}\n" for one in shown)
    return len(shown), hashlib.sha256(text.encode()).hexdigest()


def _origin(ours: Distribution) -> str:
    """As PEP 610 and 627 have it."""
    installer = (ours.read_text("INSTALLER") or "").strip()
    by = f", by {installer}" if installer else ""
    address = ours.read_text("direct_url.json")
    if not address:
        return f"from a package index{by}"
    origin: dict[str, Any] = json.loads(address)
    if origin.get("dir_info", {}).get("editable"):
        return f"editable, from {origin['url']}{by}"
    digest = origin.get("archive_info", {}).get("hashes", {}).get("sha256", "")
    return f"from {origin['url']}{f', sha256 {digest}' if digest else ''}{by}"


def _packages(ours: Distribution) -> Iterator[str]:
    """The packages that it names itself, extras among them, as far as they are installed."""
    for requirement in ours.requires or ():
        if found := _PACKAGE.match(requirement):
            try:
                yield f"{found[0]} {version(found[0])}"
            except PackageNotFoundError:
                continue
