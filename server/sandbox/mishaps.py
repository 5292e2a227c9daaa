"""Plays a fault: spoils, delays or drops the answer to one request."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime

from leadbridge.server.sandbox.exchange import Answer, Broken, Connection, Incoming
from leadbridge.server.sandbox.faults import UNREACHABLE, Fault

_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
_PIECE = b" " * 65_536
_FOREVER = 120.0

_STATUS: Mapping[str, int] = {
    "rate_limited": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "html_200": 200,
    "success_false_200": 200,
    "redirect": 302,
    "status": 400,
}
_PAGES: Mapping[str, str] = {
    "bad_gateway": "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1>"
    "</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
    "unavailable": "<html><body><h1>503 Service Unavailable</h1></body></html>",
    "html_200": "<!doctype html><html><head><title>Sign in</title></head>"
    "<body><form action='/login'></form></body></html>",
    "redirect": "",
}
_DETAILS: Mapping[str, str] = {
    "rate_limited": "Request was throttled.",
    "server_error": "Internal server error",
    "success_false_200": "The lead could not be processed.",
    "status": "Something is wrong.",
}


async def play(
    fault: Fault,
    incoming: Incoming,
    connection: Connection,
    carry_out: Callable[[], Awaitable[Answer]],
    now: datetime,
) -> Answer:
    """The answer that the caller gets instead of the right one.

    Raises:
        Broken: the caller gets none.
    """
    if fault.kind in UNREACHABLE:
        raise Broken(fault.kind)
    if fault.kind == "slow" and not await connection.wait(fault.seconds):
        raise Broken("read_timeout")
    right = await carry_out() if fault.takes_effect else None
    if fault.kind == "slow_after_commit" and not await connection.wait(fault.seconds):
        raise Broken("read_timeout")
    if fault.kind == "read_timeout":
        await connection.wait(fault.seconds or _FOREVER)
        raise Broken("read_timeout")
    if fault.kind in {"drop_before", "drop_after"}:
        raise Broken(fault.exception or fault.kind)
    answer = _spoiled(fault, right or _other_answer(fault)) or _instead(fault, incoming, now)
    answer.status = fault.status or answer.status
    for name, value in fault.headers.items():
        answer.with_header(name, value)
    return answer


def _other_answer(fault: Fault) -> Answer:
    """What replaces the right answer of a request that is not carried out."""
    body = (fault.body or '{"id": 1, "success": true, "message": "ok", "data": {"id": 1}}').encode()
    return Answer(200, [(b"content-type", _JSON.encode()), (b"content-length", str(len(body)).encode())], body)


def _spoiled(fault: Fault, right: Answer) -> Answer | None:
    """The right answer with something wrong about it; none where another one takes its place."""
    match fault.kind:
        case "slow" | "slow_after_commit":
            return right
        case "truncated_json":
            right.body = right.body[: len(right.body) // 2]
            return right.with_header("content-length", str(len(right.body)))
        case "cut_body":
            right.cut = True
            return right
        case "empty_200":
            return Answer(200, [(b"content-length", b"0")])
        case "wrong_content_type":
            return right.with_header("content-type", _HTML)
        case "huge":
            length = str(len(right.body) + fault.size) if fault.content_length else ""
            right.pieces = _padded(right.body, fault.size)
            return right.with_header("content-length", length)
        case _:
            return None


def _padded(body: bytes, size: int) -> Iterator[bytes]:
    yield body
    while size > 0:
        yield _PIECE[:size]
        size -= len(_PIECE)


def _instead(fault: Fault, incoming: Incoming, now: datetime) -> Answer:
    """An answer that has nothing to do with the request."""
    django = incoming.path.startswith("/roof_link")
    content_type = _HTML if fault.kind in _PAGES else _JSON
    body = fault.body or _PAGES.get(fault.kind, "")
    if not body and fault.kind in _DETAILS:
        text = _DETAILS[fault.kind]
        body = json.dumps({"detail": text} if django else {"success": False, "error": text})
    content = body.encode()
    answer = Answer(
        fault.status or _STATUS[fault.kind],
        [(b"content-type", content_type.encode()), (b"content-length", str(len(content)).encode())],
        content,
    )
    if fault.kind == "redirect":
        answer.with_header("location", fault.location or incoming.path)
    if fault.seconds and fault.retry_after != "none" and answer.status in {429, 503}:
        at = format_datetime(now + timedelta(seconds=fault.seconds), usegmt=True)
        answer.with_header("retry-after", at if fault.retry_after == "date" else f"{fault.seconds:g}")
    return answer
