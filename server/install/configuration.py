"""A host's configuration file as text: with LeadBridge's entry, and without it. What else is in it stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import tomlkit
import yaml
from tomlkit.exceptions import TOMLKitError

from leadbridge.server.install import jsonc
from leadbridge.server.install.entry import NAME, Json, starts_leadbridge
from leadbridge.server.install.hosts import Format, Host

_BOM = "\ufeff"


class UnreadableConfigurationError(Exception):
    """A file that cannot be changed safely; its text says why, and begins with a small letter."""


def entry_in(text: str, host: Host) -> Mapping[str, Json] | None:
    """LeadBridge's entry in a configuration, if it has one.

    Raises:
        UnreadableConfigurationError: it is not what the host reads, or another server has LeadBridge's name.
    """
    servers: object = _read(text, host.format).get(host.key) or {}
    if not isinstance(servers, Mapping):
        raise UnreadableConfigurationError(f"{host.key} in it is not a table of servers")
    if NAME not in servers:
        return None
    entry = cast("Mapping[str, Any]", servers)[NAME]
    if not starts_leadbridge(entry):
        raise UnreadableConfigurationError(f"the server {NAME} in it is another program; give that another name first")
    return cast("Mapping[str, Json]", entry)


def with_entry(text: str, host: Host, entry: Mapping[str, Json]) -> str:
    """The configuration with this entry for LeadBridge, the same text if it has just that.

    Raises:
        UnreadableConfigurationError: it is not what the host reads, or cannot be changed without a risk for the rest.
    """
    if entry_in(text, host) == entry:
        return text
    new = _put(text, host, entry)
    if "\r\n" in text and "\n" not in text.replace("\r\n", ""):
        new = re.sub(r"(?<!\r)\n", "\r\n", new)
    return _checked(text, new, host, entry)


def without_entry(text: str, host: Host) -> str:
    """The configuration without LeadBridge's entry; for what is raised, see `with_entry`."""
    if entry_in(text, host) is None:
        return text
    if host.format in {"json", "jsonc"}:
        new = jsonc.take_out(text, (host.key, NAME))
    elif host.format == "toml":
        document = tomlkit.parse(text.removeprefix(_BOM))
        del cast("dict[str, Any]", document[host.key])[NAME]
        new = _BOM * text.startswith(_BOM) + tomlkit.dumps(document)
    else:
        start, end = _yaml_lines(text, host)
        new = "".join([*(lines := text.splitlines(keepends=True))[:start], *lines[end:]])
    return _checked(text, new, host, None)


def _put(text: str, host: Host, entry: Mapping[str, Json]) -> str:
    if host.format in {"json", "jsonc"}:
        try:
            return jsonc.put(text, (host.key, NAME), cast("jsonc.Value", entry))
        except ValueError as error:
            raise UnreadableConfigurationError(str(error)) from None
    if host.format == "yaml":
        return _put_yaml(text, host, entry)
    document = tomlkit.parse(text.removeprefix(_BOM))
    servers = document.setdefault(host.key, tomlkit.table(is_super_table=True))
    cast("dict[str, Any]", servers)[NAME] = entry
    return _BOM * text.startswith(_BOM) + tomlkit.dumps(document)


def _put_yaml(text: str, host: Host, entry: Mapping[str, Json]) -> str:
    """YAML is changed line by line, because no library gives every other line back as it was."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if entry_in(text, host) is not None:
        start, end = _yaml_lines(text, host)
        return "".join([*lines[:start], *_yaml_entry(entry, _indent(lines[start])), *lines[end:]])
    at = next((number for number, line in enumerate(lines) if re.match(rf"\ufeff?{host.key}\s*:", line)), None)
    if at is None:
        return "".join([*lines, f"{host.key}:\n", *_yaml_entry(entry, "  ")])
    beside = next((line for line in lines[at + 1 :] if line.strip() and not line.lstrip().startswith("#")), "")
    indent = _indent(beside) or "  "
    lines[at] = re.sub(r":[ \t]*(\{\s*\}|null|~)?(?=[ \t]+#|[ \t]*$)", ":", lines[at].rstrip("\r\n"), count=1) + "\n"
    return "".join([*lines[: at + 1], *_yaml_entry(entry, indent), *lines[at + 1 :]])


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]


def _yaml_entry(entry: Mapping[str, Json], indent: str) -> list[str]:
    written = yaml.safe_dump({NAME: dict(entry)}, sort_keys=False, allow_unicode=True, width=10**6)
    return [f"{indent}{line}" for line in written.splitlines(keepends=True)]


def _yaml_lines(text: str, host: Host) -> tuple[int, int]:
    """The lines of the entry: from its name to the line behind its last."""
    for key, servers in _pairs(cast("yaml.Node | None", yaml.compose(text))):  # pyright: ignore[reportUnknownMemberType]  # PyYAML names no types
        if key.value == host.key:
            for name, value in _pairs(servers):
                if name.value == NAME and name.start_mark.line > key.start_mark.line:
                    end = value.end_mark
                    return name.start_mark.line, end.line if end.column == 0 else _line_of_end(text, end.index)
    raise UnreadableConfigurationError(f"{host.key} in it is written in one line")


def _line_of_end(text: str, index: int) -> int:
    """The line behind the last one of a value; its end mark is at the next key, or behind its last character."""
    return text.count("\n", 0, len(text[:index].rstrip())) + 1


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _read(text: str, format_: Format) -> Mapping[str, Any]:
    try:
        if format_ == "toml":
            value: object = tomlkit.parse(text.removeprefix(_BOM)).unwrap()
        elif format_ == "yaml":
            value = yaml.safe_load(text) or {}
        else:
            value = jsonc.read(text)
    except (TOMLKitError, yaml.YAMLError) as error:
        line = getattr(error, "line", None) or getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise UnreadableConfigurationError(f"it is not valid {format_.upper()} (line {line})") from None
    except RecursionError:
        raise UnreadableConfigurationError("it is nested too deeply") from None
    except ValueError as error:
        raise UnreadableConfigurationError(str(error)) from None
    if not isinstance(value, Mapping):
        raise UnreadableConfigurationError(f"it is not a table of settings in {format_.upper()}")
    return cast("Mapping[str, Any]", value)


def _checked(old: str, new: str, host: Host, entry: Mapping[str, Json] | None) -> str:
    """The new text, once it is seen to say what the old one said, but for the entry."""
    before, after = dict(_read(old, host.format)), {}
    with suppress(UnreadableConfigurationError):
        after = dict(_read(new, host.format))
    servers = dict(before.pop(host.key, None) or {})
    servers.pop(NAME, None)
    now = dict(after.pop(host.key, None) or {})
    if before != after or now.pop(NAME, None) != entry or now != servers:
        raise UnreadableConfigurationError("LeadBridge cannot change it without changing something else in it")
    return new
