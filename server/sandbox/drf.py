"""The manners of Django REST Framework, in which RoofLink is written: error bodies, field checks, pages.

RoofLink's pages name status codes, not bodies; the bodies are the framework's own.
"""
# assumption drf-bodies

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeAlias, TypeVar, cast
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from leadbridge.server.sandbox.wire import JsonObject, NotJson, as_object, is_json, positive_int, read_json

T = TypeVar("T")

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Routes: TypeAlias = Mapping[str, Mapping[str, Handler]]
"""What a resource answers: path, method, handler."""

REQUIRED = "This field is required."
NULL = "This field may not be null."
BLANK = "This field may not be blank."
NOT_TEXT = "Not a valid string."
NOT_INTEGER = "A valid integer is required."


def detail(status: int, text: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error that concerns no field."""
    return JSONResponse({"detail": text}, status, headers)


def no_such_page() -> Response:
    """Django's own answer to a path that no route matches."""
    # assumption unknown-path-html
    return HTMLResponse(
        '<!doctype html>\n<html lang="en">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n  <h1>Not Found</h1>'
        "<p>The requested resource was not found on this server.</p>\n</body>\n</html>\n",
        404,
    )


async def read_object(request: Request) -> JsonObject | Response:
    """The JSON object in the body, or the framework's refusal."""
    if not is_json(request):
        content_type = request.headers.get("content-type", "")
        return detail(415, f'Unsupported media type "{content_type}" in request.')
    try:
        value = await read_json(request)
    except NotJson as error:
        return detail(400, f"JSON parse error - {error}")
    body = as_object(value)
    if body is None:
        kind = type(value).__name__
        return JSONResponse({"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]}, 400)
    return body


class Fields:
    """Checks the fields of a body one by one and collects what is wrong with all of them."""

    def __init__(self, body: Mapping[str, object]) -> None:
        self._body = body
        self.errors: dict[str, list[str]] = {}

    def refuse(self, name: str, message: str) -> None:
        """Add a message to a field's."""
        self.errors.setdefault(name, []).append(message)

    def text(self, name: str, *, required: bool = False, limit: int | None = None) -> str:
        """A text without the space around it; empty when left out or null and not required."""
        value = self._body.get(name)
        if value is None:
            if required:
                self.refuse(name, NULL if name in self._body else REQUIRED)
            return ""
        if not isinstance(value, str):
            # assumption strict-text
            self.refuse(name, NOT_TEXT)
            return ""
        text = value.strip()
        if required and not text:
            self.refuse(name, BLANK)
        if "\0" in text:
            self.refuse(name, "Null characters are not allowed.")
        if limit is not None and len(text) > limit:
            self.refuse(name, f"Ensure this field has no more than {limit} characters.")
        return text

    def coordinate(self, name: str, bound: int) -> float:
        """A required number written as text, between -bound and bound."""
        text = self.text(name, required=True)
        if name in self.errors:
            return 0.0
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.refuse(name, "A valid number is required.")
        elif abs(number) > bound:
            than = f"less than or equal to {bound}" if number > 0 else f"greater than or equal to {-bound}"
            self.refuse(name, f"Ensure this value is {than}.")
        return number

    def choice(self, name: str, choices: Collection[str], limit: int) -> str:
        """A required text that is one of the choices."""
        text = self.text(name, required=True, limit=limit)
        if name not in self.errors and text not in choices:
            self.refuse(name, f'"{text}" is not a valid choice.')
        return text

    def integer(self, name: str, *, required: bool = False) -> int | None:
        """An integer, or null."""
        value = self._body.get(name)
        if value is None:
            if required:
                self.refuse(name, NULL if name in self._body else REQUIRED)
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            # assumption strict-integer
            self.refuse(name, NOT_INTEGER)
            return None
        return value

    def related(self, name: str, records: Mapping[int, T]) -> T | None:
        """One of the company's records by its id, or null."""
        number = self.integer(name)
        if number is None:
            return None
        if number not in records:
            self.refuse(name, f'Invalid pk "{number}" - object does not exist.')
        return records.get(number)

    def flag(self, name: str) -> bool:
        """True or false; false when left out."""
        value = self._body.get(name, False)
        if not isinstance(value, bool):
            self.refuse(name, NULL if value is None else "Must be a valid boolean.")
            return False
        return value

    def items(self, name: str) -> list[object]:
        """The items of a list; none when left out or null."""
        value = self._body.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(name, f'Expected a list of items but got type "{type(value).__name__}".')
            return []
        return cast("list[object]", value)

    def json_object(self, name: str) -> JsonObject | None:
        """An object, or null."""
        value = self._body.get(name)
        if value is None:
            return None
        found = as_object(value)
        if found is None:
            self.refuse(name, f'Expected a dictionary of items but got type "{type(value).__name__}".')
        return found


def positive(text: str | None, default: int, highest: int) -> int:
    """The framework's reading of `page_size`: what is no positive number counts as not given, too much is cut."""
    try:
        number = int(text or "")
    except ValueError:
        return default
    return min(number, highest) if number > 0 else default


def page(request: Request, rows: Sequence[T], render: Callable[[T], JsonObject], highest: int, origin: str) -> Response:
    """One page of rows in RoofLink's envelope; `page` and `page_size` are taken from the query."""
    # assumption paging
    size = positive(request.query_params.get("page_size"), 10, highest)
    last = max(1, math.ceil(len(rows) / size))
    asked = request.query_params.get("page", "1")
    number = last if asked == "last" else positive_int(asked) or 0
    if not 1 <= number <= last:
        return detail(404, "Invalid page.")
    first = (number - 1) * size
    shown = rows[first : first + size]
    address = (origin.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}") + request.url.path
    envelope: JsonObject = {
        "count": len(rows),
        "from_index": first + 1 if shown else None,
        "to_index": first + len(shown) if shown else None,
        "next": _with_page(address, request.url.query, number + 1) if number < last else None,
        "previous": _with_page(address, request.url.query, number - 1) if number > 1 else None,
        "next_page": number + 1 if number < last else None,
        "results": [render(row) for row in shown],
    }
    return JSONResponse(envelope)


def _with_page(address: str, query: str, number: int) -> str:
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "page"]
    # Page 1 is written without a number, as the framework does.
    pairs = [*kept, ("page", str(number))] if number > 1 else kept
    return f"{address}?{urlencode(pairs)}" if pairs else address
