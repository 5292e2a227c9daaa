"""Which tools are offered, and why the others are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass

from leadbridge.server.catalog import Catalog, load
from leadbridge.server.config.pasted import unwrapped
from leadbridge.server.config.settings import Settings
from leadbridge.server.errors import SettingsError
from leadbridge.server.mcp.definition import ToolSpec
from leadbridge.server.services.answers import KEY_SETTING
from leadbridge.server.services.renovationfind.answered import LIST, ONE, LeadPaths
from leadbridge.server.spelling import meant

DEFAULT = ("prospects", "jobs", "notes", "photos", "customers", "leads", "pipeline")
MOST_NAMED = 4
"""Tools of one reason that are not named, but counted."""
LEADS_READ = "leads-read"
"""Its tools are offered by default where RenovationFind was seen to answer their paths."""
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
        raise SettingsError("LEADBRIDGE_TOOLSETS leaves no toolset")
    return chosen


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """Why a tool is not offered, and how it would be."""

    why: str
    how: str
    usual: bool = False
    """It was chosen so, and nothing is amiss."""
    toolset: str = ""
    """The one that was not chosen."""
    key: str = ""
    """The setting with the key that is missing."""

    def __str__(self) -> str:
        return f"{self.why}; {self.how}"


def no_key(service: str) -> SwitchedOff:
    """A service cannot be called."""
    return SwitchedOff(f"no key for {service}", f"set {KEY_SETTING[service]}", key=KEY_SETTING[service])


READ_ONLY = SwitchedOff("LEADBRIDGE_READ_ONLY is set", "unset it to let tools write", usual=True)
NO_PATH = SwitchedOff("the path is unknown", "give it in LEADBRIDGE_CONTRACT_FILE")
_LEADS_READ_HOW = f"correct it in LEADBRIDGE_CONTRACT_FILE, or set LEADBRIDGE_TOOLSETS=default,{LEADS_READ}"
NO_FOLDER = SwitchedOff("LEADBRIDGE_UPLOAD_ROOT is not set", "set it to the folder from which files may be sent")


def hidden_tools(
    settings: Settings,
    catalog: Catalog,
    specs: Iterable[ToolSpec],
    keys: set[str],
    lead_paths: LeadPaths,
) -> dict[str, SwitchedOff]:
    """Tools that are not offered under these settings, each with the reason."""
    chosen = chosen_toolsets(settings.toolsets)
    hidden: dict[str, SwitchedOff] = {}
    for spec in specs:
        rows = [catalog[operation] for operation in spec.operations]
        missing = [row.service for row in rows if row.service not in keys]
        if settings.read_only and spec.effect.writes:
            hidden[spec.name] = READ_ONLY
        elif spec.toolset == LEADS_READ and (why := lead_paths.refuses(rows[0].id)):
            hidden[spec.name] = SwitchedOff(why, _LEADS_READ_HOW, usual=True)
        elif spec.toolset not in chosen and not any(map(lead_paths.answers, spec.operations)):
            why = f"toolset {spec.toolset} is not in LEADBRIDGE_TOOLSETS"
            how = f"set LEADBRIDGE_TOOLSETS={settings.toolsets},{spec.toolset}"
            hidden[spec.name] = SwitchedOff(why, how, usual=True, toolset=spec.toolset)
        elif missing:
            hidden[spec.name] = no_key(missing[0])
        elif spec.reads_files and settings.upload_root is None:
            hidden[spec.name] = NO_FOLDER
        elif any(not row.path for row in rows):
            hidden[spec.name] = NO_PATH
    return hidden


def switched_off(hidden: Mapping[str, SwitchedOff]) -> list[str]:
    """What is not offered: a line for each reason, with how to switch it on."""
    tools = defaultdict[SwitchedOff, list[str]](list)
    for name, off in hidden.items():
        tools[off].append(name)
    by_setting = [off for off in tools if off.toolset]
    toolsets = ", ".join(f"{off.toolset} ({_tools(tools[off])})" for off in by_setting)
    lines = [f"Toolsets {toolsets}; for instance, {by_setting[0].how}"] if by_setting else []
    for off, names in tools.items():
        if not off.toolset:
            lines.append(f"{', '.join(names) if len(names) < MOST_NAMED else _tools(names)}: {off}")
    return lines


def switched_on(hidden: Mapping[str, SwitchedOff], lead_paths: LeadPaths) -> list[str]:
    """What is offered though it is not by default, with the reason."""
    tools = {operation: lead_paths.catalog[operation].tool for operation in (LIST, ONE)}
    return [
        f"{tool}: {lead_paths.said(operation)}"
        for operation, tool in tools.items()
        if tool not in hidden and lead_paths.answers(operation)
    ]


def _tools(names: Sized) -> str:
    return "1 tool" if len(names) == 1 else f"{len(names)} tools"
