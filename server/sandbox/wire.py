"""JSON as the sandbox reads and writes it."""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeAlias, cast

from starlette.requests import Request

JsonObject: TypeAlias = dict[str, object]


class NotJson(ValueError):
    """A body that is not JSON, or holds what the services cannot store."""


def _no_constant(name: str) -> NoReturn:
    msg = f"Out of range float values are not JSON compliant: {name}"
    raise NotJson(msg)


def parse_json(body: bytes) -> object:
    """Parse strictly: no NaN, no Infinity, no half of a surrogate pair.

    Raises:
        NotJson: with the parser's words.
    """
    try:
        value = cast("object", json.loads(body, parse_constant=_no_constant))
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from None
    return value


async def read_json(request: Request) -> object:
    """The request's body as JSON; see `parse_json`."""
    return parse_json(await request.body())


def is_json(request: Request) -> bool:
    """Whether the request says that its body is JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


_POSITIVE = re.compile(r"0*[1-9][0-9]{0,17}", re.ASCII)


def positive_int(text: str) -> int | None:
    """The number, if the text is a positive integer of a length that a database holds."""
    return int(text) if _POSITIVE.fullmatch(text) else None


def as_object(value: object) -> JsonObject | None:
    """The value, if it is a JSON object."""
    return cast("JsonObject", value) if isinstance(value, dict) else None
