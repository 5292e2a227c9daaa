"""Prompts from Markdown files with TOML front matter, and what may be put into them.

A prompt is LeadBridge's instructions. A user's or a host's argument is data in it: an id is digits, a choice is
one of a list, a free text is cleaned, cut to one line and put between the marks for other people's text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from typing import Literal, cast

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, GetPromptResult, PromptMessage, TextContent
from mcp.types import Prompt as ListedPrompt
from mcp.types import PromptArgument as ListedArgument
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leadbridge.server.errors import CatalogError
from leadbridge.server.mcp.definition import ADDED_BY_HOSTS
from leadbridge.server.mcp.scalars import REMARKS, amount_digits, day, integer, reads_as_nothing, record_id
from leadbridge.server.spelling import meant
from leadbridge.server.text import clean, fence, label

TEXT_LIMIT = 300
NOT_GIVEN = "(not given)"
MOST_DAYS = 365

_FENCE = "+++\n"
FILLED_IN = frozenset({"today", "seen"})
"""Placeholders that the server fills in: the office's date, and what it last saw of the lead."""
_PLACEHOLDER = re.compile(r"\{\{([a-z_]+)\}\}")
_CODE = re.compile(r"`([^`]*)`")
_CALL = re.compile(r"([a-z_]+)(?:\(([^()]*)\))?")

Kind = Literal["id", "days", "amount", "day", "choice", "text"]
Choices = Mapping[str, tuple[str, ...]]
"""The values of each source of completions that is a fixed list."""


class Argument(BaseModel):
    """One argument, as the front matter describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    description: str = Field(min_length=1, max_length=120)
    kind: Kind
    required: bool = False
    default: int | None = Field(default=None, ge=0)
    """Taken where nothing is given: a number of days, and for a day how many days ago it was."""


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str = Field(pattern=r"^[a-z]+(_[a-z]+)*$")
    title: str = Field(min_length=1, max_length=60)
    description: str = Field(min_length=1, max_length=200)
    arguments: dict[str, Argument] = Field(default_factory=dict)
    completions: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that a prompt's text names, with the arguments it names there."""

    tool: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file, read and checked."""

    name: str
    title: str
    description: str
    arguments: Mapping[str, Argument]
    completions: Mapping[str, str]
    """Argument to the source that completes it."""
    text: str

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every tool call in the text: what is between backticks, and nothing else is."""
        return tuple(_call(code) for code in _CODE.findall(self.text))

    @property
    def tools(self) -> frozenset[str]:
        """The tools that the text names."""
        return frozenset(call.tool for call in self.calls)

    def listed(self) -> ListedPrompt:
        """The prompt as a list shows it."""
        return ListedPrompt(
            name=self.name,
            title=self.title,
            description=self.description,
            arguments=[
                ListedArgument(name=name, description=argument.description, required=argument.required)
                for name, argument in self.arguments.items()
            ],
        )

    def values(self, given: Mapping[str, str], choices: Choices, today: date) -> dict[str, str]:
        """The arguments as they are in the text; a blank one counts as not given, as forms send it.

        Raises:
            MCPError: invalid params; every argument that is missing, unknown or not of its kind, by name.
        """
        problems = [self._unknown(name) for name in given if name not in self.arguments and name not in ADDED_BY_HOSTS]
        values: dict[str, str] = {}
        for name, argument in self.arguments.items():
            raw = given.get(name, "").strip()
            if not raw and argument.default is not None:
                ago = argument.default
                raw = (today - timedelta(days=ago)).isoformat() if argument.kind == "day" else str(ago)
            try:
                values[name] = _value(argument.kind, raw, choices.get(self.completions.get(name, ""), ()))
            except ValueError as error:
                problems.append(f"{name} {error}")
            if not raw and argument.required:
                problems.append(f"{name} is required")
        if problems:
            raise MCPError(INVALID_PARAMS, f"Prompt {self.name}: {'; '.join(problems)}. {self._allowed()}")
        return values

    def rendered(self, values: Mapping[str, str]) -> GetPromptResult:
        """The text with a value for each placeholder."""
        text = _PLACEHOLDER.sub(lambda found: values[found[1]], self.text)
        message = PromptMessage(role="user", content=TextContent(type="text", text=text))
        return GetPromptResult(description=self.description, messages=[message])

    def _unknown(self, name: str) -> str:
        return f"{label(name, limit=60) or '(no name)'} is not an argument of it{meant(name, self.arguments)}"

    def _allowed(self) -> str:
        names = [f"{name} (required)" if one.required else name for name, one in self.arguments.items()]
        return f"Arguments: {', '.join(names)}." if names else "It takes no arguments."


class Prompts:
    """The prompts that are offered, read when they are first asked for."""

    def __init__(
        self,
        offers: Callable[[str], bool],
        choices: Choices,
        *,
        today: Callable[[], date],
        seen: Callable[[int], Awaitable[str]],
    ) -> None:
        self._offers = offers
        self._choices = choices
        self._today = today
        self._seen = seen
        """What was last seen of a RenovationFind lead, in one line."""
        self._read: dict[str, Prompt] | None = None

    @property
    def offered(self) -> dict[str, Prompt]:
        """By name: the prompts of which every tool is offered."""
        if self._read is None:
            self._read = {
                prompt.name: prompt for prompt in read_prompts() if all(self._offers(tool) for tool in prompt.tools)
            }
        return self._read

    async def get(self, name: str, given: Mapping[str, str]) -> GetPromptResult:
        """One prompt with its arguments filled in, and what the server knows itself.

        Raises:
            MCPError: invalid params, naming what is wrong and what is allowed.
        """
        prompt, today = self.named(name), self._today()
        values = prompt.values(given, self._choices, today)
        seen = await self._seen(int(values["lead_id"])) if "{{seen}}" in prompt.text else ""
        return prompt.rendered({**values, "today": today.isoformat(), "seen": seen})

    def named(self, name: str) -> Prompt:
        """One prompt that is offered.

        Raises:
            MCPError: invalid params: there is none of that name, or its tools are hidden.
        """
        prompt = self.offered.get(name)
        if prompt is None:
            known = f"Prompts: {', '.join(self.offered)}." if self.offered else "These settings leave no prompt."
            raise MCPError(INVALID_PARAMS, f"There is no prompt {label(name, limit=60) or '(no name)'}. {known}")
        return prompt


def read_prompts() -> list[Prompt]:
    """Every prompt that comes with LeadBridge, in the order of their names.

    Raises:
        CatalogError: a file that is malformed.
    """
    found = (entry for entry in files("leadbridge.prompts").iterdir() if entry.name.endswith(".md"))
    return [parse_prompt(entry.name, entry.read_text("utf-8")) for entry in sorted(found, key=lambda entry: entry.name)]


def parse_prompt(file_name: str, document: str) -> Prompt:
    """A prompt from its file's text.

    Raises:
        CatalogError: no front matter, a key or value that is not allowed, an argument without its placeholder or the
            other way round, a completion of no argument, or something between backticks that is no tool call.
    """

    def broken(why: str) -> CatalogError:
        return CatalogError(f"prompts/{file_name}: {why}")

    document = document.replace("\r\n", "\n")
    before, opening, rest = document.partition(_FENCE)
    head, closing, text = rest.partition(f"\n{_FENCE}")
    if before or not opening or not closing:
        raise broken("must begin with front matter in TOML between two lines +++")
    try:
        front = _FrontMatter.model_validate(tomllib.loads(head))
    except tomllib.TOMLDecodeError as error:
        raise broken(f"front matter: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise broken(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    text = text.strip()
    placeholders = set(_PLACEHOLDER.findall(text))
    prompt = Prompt(front.name, front.title, front.description, front.arguments, front.completions, text)
    problems = [
        *(f"argument {name!r} has no placeholder" for name in front.arguments if name not in placeholders),
        *(f"placeholder {name!r} has no argument" for name in sorted(placeholders - set(front.arguments) - FILLED_IN)),
        *(f"completions: {name!r} is no argument" for name in front.completions if name not in front.arguments),
        *(
            f"argument {name!r} is a choice without completions"
            for name, argument in front.arguments.items()
            if argument.kind == "choice" and name not in front.completions
        ),
        *(
            f"arguments.{name}.default is a number of days, and it is of kind {argument.kind}"
            for name, argument in front.arguments.items()
            if argument.default is not None and argument.kind not in {"day", "days"}
        ),
        *(f"`{code}` is no tool call" for code in _CODE.findall(text) if not _CALL.fullmatch(code)),
    ]
    if f"{front.name}.md" != file_name:
        problems.append(f"the name is {front.name!r}")
    if not text:
        problems.append("has no text")
    if problems:
        raise broken("; ".join(problems))
    return prompt


def _call(code: str) -> ToolCall:
    found = cast("re.Match[str]", _CALL.fullmatch(code))
    named = [part.partition("=")[0].strip() for part in (found[2] or "").split(",")]
    return ToolCall(found[1], tuple(name for name in named if name))


def _value(kind: Kind, raw: str, allowed: tuple[str, ...]) -> str:
    """The value as it is in the text.

    Raises:
        ValueError: it is not of this kind; says what is allowed.
    """
    if not raw:
        return NOT_GIVEN
    if kind == "text":
        if raw not in REMARKS and reads_as_nothing(raw):
            raise ValueError("must be a text or left out, not what programs write for nothing")
        return fence(clean(raw, limit=TEXT_LIMIT), limit=TEXT_LIMIT) or NOT_GIVEN
    if kind == "choice":
        canonical = {value.casefold(): value for value in allowed}
        if (value := canonical.get(raw.casefold())) is None:
            raise ValueError(f"must be one of {', '.join(allowed)}{meant(raw, allowed)}")
        return value
    if kind == "day":
        return _day(raw)
    if kind == "amount":
        return amount_digits(raw)
    if kind == "id":
        return str(record_id(raw))
    days = integer(raw)
    if not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise ValueError(f"must be a number of days, 1 to {MOST_DAYS}")
    return str(days)


def _day(raw: str) -> str:
    try:
        return day(raw).isoformat()
    except ValueError:
        raise ValueError("must be a day of the calendar as YYYY-MM-DD") from None
