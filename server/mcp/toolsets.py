"""Which tools are offered, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterable

from leadbridge.server.catalog import Catalog, load
from leadbridge.server.config.pasted import unwrapped
from leadbridge.server.config.settings import Settings
from leadbridge.server.errors import SettingsError
from leadbridge.server.mcp.definition import ToolSpec
from leadbridge.server.spelling import meant

DEFAULT = ("prospects", "jobs", "notes", "photos", "customers", "leads", "pipeline")
OPT_IN = tuple(dict.fromkeys(row.toolset for row in load() if row.toolset not in DEFAULT))


def chosen_toolsets(text: str) -> set[str]:
    """Toolsets from `default`, `all`, names, and `-name` to drop one, separated by commas.

    Raises:
        SettingsError: a toolset that does not exist.
    """
    chosen: set[str] = set()
    words = [word for part in text.split(",") if (word := unwrapped(part).lower())]
    if words and words[0].startswith("-"):
        chosen |= set(DEFAULT)
    for word in words:
        names = {"default": DEFAULT, "all": (*DEFAULT, *OPT_IN)}.get(word.removeprefix("-"), (word.removeprefix("-"),))
        unknown = [name for name in names if name not in (*DEFAULT, *OPT_IN)]
        if unknown:
            allowed = ("default", "all", *DEFAULT, *OPT_IN)
            raise SettingsError(
                f"LEADBRIDGE_TOOLSETS: {unknown[0]!r} is not a toolset{meant(unknown[0], allowed) or '.'} "
                f"Allowed: {', '.join(allowed)}, each also with - to drop it"
            )
        if word.startswith("-"):
            chosen -= set(names)
        else:
            chosen |= set(names)
    if not chosen:
        msg = "LEADBRIDGE_TOOLSETS leaves no toolset"
        raise SettingsError(msg)
    return chosen


def hidden_tools(settings: Settings, catalog: Catalog, specs: Iterable[ToolSpec], keys: set[str]) -> dict[str, str]:
    """Tools that are not offered under these settings, each with the reason."""
    chosen = chosen_toolsets(settings.toolsets)
    hidden: dict[str, str] = {}
    for spec in specs:
        rows = [catalog[operation] for operation in spec.operations]
        missing = [row.service for row in rows if row.service not in keys]
        if settings.read_only and spec.effect.writes:
            hidden[spec.name] = "LEADBRIDGE_READ_ONLY is set"
        elif spec.toolset not in chosen:
            hidden[spec.name] = f"toolset {spec.toolset} is not in LEADBRIDGE_TOOLSETS"
        elif missing:
            hidden[spec.name] = f"no key for {missing[0]}"
        elif spec.reads_files and settings.upload_root is None:
            hidden[spec.name] = "LEADBRIDGE_UPLOAD_ROOT is not set; it names the folder from which files may be sent"
        elif any(not row.path for row in rows):
            hidden[spec.name] = "its path is unknown; give it in LEADBRIDGE_CONTRACT_FILE"
    return hidden
