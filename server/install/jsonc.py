"""Changes one member of a JSON file as a person wrote it: comments, order, indents and line ends stay as they are.

Hosts take comments and commas behind the last member, so both are read. Nothing but the member is written anew.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TypeAlias

_SPACE = re.compile(r"(?:[\s\ufeff]|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}\[\],:]')
_REST_OF_LINE = re.compile(r"[ \t]*(?://[^\n\r]*|/\*[^\n]*?\*/[ \t]*)?(?=\r?\n)")
_DEEPEST = 100

Value: TypeAlias = "dict[str, Value] | list[Value] | str | float | int | bool | None"


@dataclass(slots=True)
class _Member:
    key: str
    start: int
    value: _Node


@dataclass(slots=True)
class _Node:
    """A value, and where it is in the text."""

    start: int
    end: int
    value: Value
    members: list[_Member] = field(default_factory=list[_Member])
    comma: int = -1
    """Where the comma behind the last member is, if there is one."""


def read(text: str) -> Value:
    """The value of a text.

    Raises:
        ValueError: it is not JSON, comments and last commas aside, or has a key twice; with its line.
    """
    return _parse(text).value if _SPACE.fullmatch(text) is None else {}


def put(text: str, path: tuple[str, ...], value: Value) -> str:
    """The text with a value at a path of keys; objects on the way that are missing are made.

    Raises:
        ValueError: see `read`; or what is on the way is not an object.
    """
    if _SPACE.fullmatch(text) is not None:
        text = f"{text.rstrip()}{{}}\n"
    node, unit, line_end = _parse(text), _indent_of(text), "\r\n" if "\r\n" in text else "\n"
    for depth, key in enumerate(path):
        if not isinstance(node.value, dict):
            raise ValueError(f"{'.'.join(path[:depth]) or 'the whole'} is not an object")  # noqa: TRY004  # of the text
        member = next((member for member in node.members if member.key == key), None)
        if member is None:
            for missing in reversed(path[depth + 1 :]):
                value = {missing: value}
            return _insert(text, node, f"{json.dumps(key)}: ", value, (unit, depth, line_end))
        node = member.value
    written = _written(value, unit, len(path), line_end)
    return f"{text[: node.start]}{written}{text[node.end :]}"


def take_out(text: str, path: tuple[str, ...]) -> str:
    """The text without the member at a path, if it is there; see `put` for what is raised."""
    node = _parse(text)
    for key in path[:-1]:
        node = next((member.value for member in node.members if member.key == key), _Node(0, 0, None))
    at = next((number for number, member in enumerate(node.members) if member.key == path[-1]), None)
    if at is None:
        return text
    member, last = node.members[at], at == len(node.members) - 1
    if len(node.members) == 1:
        return f"{text[: node.start]}{{}}{text[node.end :]}"
    if not last:
        return f"{text[: member.start]}{text[node.members[at + 1].start :]}"
    comma = _skip(text, node.members[at - 1].value.end)
    start = comma + 1 + len(_rest_of_line(text, comma + 1))
    if node.comma >= 0:
        return f"{text[:start]}{text[node.comma + 1 :]}"
    return f"{text[:comma]}{text[comma + 1 : start]}{text[member.value.end :]}"


def _rest_of_line(text: str, start: int) -> str:
    found = _REST_OF_LINE.match(text, start)
    return found.group() if found else ""


def _insert(text: str, node: _Node, key: str, value: Value, style: tuple[str, int, str]) -> str:
    unit, depth, line_end = style
    written = f"{line_end}{unit * (depth + 1)}{key}{_written(value, unit, depth + 1, line_end)}"
    if not node.members:
        inside = text[node.start + 1 : node.end - 1].rstrip()
        return f"{text[: node.start + 1]}{inside}{written}{line_end}{unit * depth}{text[node.end - 1 :]}"
    end = node.members[-1].value.end
    comma, after = ("", node.comma + 1) if node.comma >= 0 else (",", end)
    rest = _rest_of_line(text, after)
    head = f"{text[:after]}{comma}{rest}{written}{',' if node.comma >= 0 else ''}"
    tail = text[after + len(rest) :]
    return f"{head}{tail}" if tail[:1] in "\r\n" else f"{head}{line_end}{unit * depth}{tail.lstrip(' ')}"


def _written(value: Value, unit: str, depth: int, line_end: str) -> str:
    text = json.dumps(value, indent=unit, ensure_ascii=False)
    return text.replace("\n", f"{line_end}{unit * depth}")


def _indent_of(text: str) -> str:
    found = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
    return found.group(1) if found else "  "


def _parse(text: str) -> _Node:
    node, end = _value(text, _skip(text, 0), 0)
    if (rest := _skip(text, end)) != len(text):
        raise _unexpected(text, rest)
    return node


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _unexpected(text: str, at: int) -> ValueError:
    return ValueError(f"it is not valid JSON (line {text.count(chr(10), 0, at) + 1})")


def _token(text: str, at: int) -> str:
    found = _TOKEN.match(text, at)
    if found is None:
        raise _unexpected(text, at)
    return found.group()


def _value(text: str, start: int, depth: int) -> tuple[_Node, int]:
    word = _token(text, start)
    if word in "{[":
        if depth == _DEEPEST:
            raise _unexpected(text, start)
        return _container(text, start, depth, close="}" if word == "{" else "]")
    try:
        value: Value = json.loads(word)
    except ValueError:
        raise _unexpected(text, start) from None
    return _Node(start, start + len(word), value), start + len(word)


def _container(text: str, start: int, depth: int, *, close: str) -> tuple[_Node, int]:
    members: list[_Member] = []
    rows: list[Value] = []
    comma, at = -1, _skip(text, start + 1)
    while _token(text, at) != close:
        if (members or rows) and comma < 0:
            raise _unexpected(text, at)
        begin, key = at, ""
        if close == "}":
            key_token = _token(text, at)
            colon = _skip(text, at + len(key_token))
            if not key_token.startswith('"') or _token(text, colon) != ":":
                raise _unexpected(text, at)
            key, at = json.loads(key_token), _skip(text, colon + 1)
        node, end = _value(text, at, depth + 1)
        if close == "}" and any(member.key == key for member in members):
            raise ValueError(f"it has {key!r} twice (line {text.count(chr(10), 0, begin) + 1})")
        if close == "}":
            members.append(_Member(key, begin, node))
        else:
            rows.append(node.value)
        at, comma = _skip(text, end), -1
        if _token(text, at) == ",":
            comma, at = at, _skip(text, at + 1)
    value: Value = {member.key: member.value.value for member in members} if close == "}" else rows
    return _Node(start, at + 1, value, members, comma), at + 1
