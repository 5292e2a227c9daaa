"""`/_sandbox/`: an index, faults, writes, requests, checkpoints and the clock, for people and for tests elsewhere.

No key: it is on loopback only. What changes something takes JSON, which no web page can send here unasked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from leadbridge.server.sandbox.checkpoints import CLOCK
from leadbridge.server.sandbox.faults import UNREACHABLE, Fault
from leadbridge.server.sandbox.index import AGAIN, Steered, overview, page
from leadbridge.server.sandbox.wire import JsonObject, NotJson, as_object, is_json, parse_json
from leadbridge.server.sandbox_keys import SANDBOX_HOME

_CHECKPOINT = "/_sandbox/checkpoints/{name}"


def control_routes(sandbox: Steered) -> list[Route]:
    """The routes; all answer JSON, and the index HTML to a browser."""

    def home(request: Request) -> Response:
        origin = str(request.base_url).rstrip("/")
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(page(sandbox, origin))
        return JSONResponse(overview(sandbox, origin))

    def add_faults(_: Request, body: object) -> object:
        given = cast("list[object]", body) if isinstance(body, list) else [body]
        faults = [Fault.from_options(fault) for fault in given]
        if wrong := [fault.kind for fault in faults if fault.kind in UNREACHABLE]:
            raise ValueError(f"{wrong[0]} can be simulated in the same process only")
        for fault in faults:
            sandbox.faults.add(fault)
        return {"pending": len(sandbox.faults)}

    def clear_faults(_: Request) -> Response:
        sandbox.faults.clear()
        return JSONResponse({"pending": 0})

    def reset(_: Request, __: object) -> object:
        sandbox.reset()
        return {"pending": 0, "next": AGAIN}

    def save(_: Request, body: object) -> object:
        sandbox.checkpoints.save(_text(body, "name"))
        return {"checkpoints": sandbox.checkpoints.names}

    def go_back(request: Request, _: object) -> object:
        sandbox.checkpoints.go_back(request.path_params["name"])
        return {"now": sandbox.options.now().isoformat(), "next": AGAIN}

    def set_clock(_: Request, body: object) -> object:
        given = _object(body)
        if "now" not in given:
            raise ValueError(f"now is missing; {CLOCK}")
        sandbox.clock.set(None if given["now"] is None else _moment(_text(body, "now")))
        return {"now": sandbox.options.now().isoformat()}

    return [
        Route(SANDBOX_HOME, home),
        Route(SANDBOX_HOME.rstrip("/"), home),
        Route("/_sandbox/faults", _changing(add_faults, 201), methods=["POST"]),
        Route("/_sandbox/faults", clear_faults, methods=["DELETE"]),
        Route("/_sandbox/writes", _reading(lambda _: [asdict(write) for write in sandbox.writes])),
        Route("/_sandbox/requests", _reading(lambda _: [asdict(record) for record in sandbox.requests])),
        Route("/_sandbox/reset", _changing(reset), methods=["POST"]),
        Route("/_sandbox/checkpoints", _reading(lambda _: sandbox.checkpoints.names)),
        Route("/_sandbox/checkpoints", _changing(save, 201), methods=["POST"]),
        Route(_CHECKPOINT, _reading(lambda request: sandbox.checkpoints.changes(request.path_params["name"]))),
        Route(_CHECKPOINT, _changing(go_back), methods=["POST"]),
        Route("/_sandbox/clock", _changing(set_clock), methods=["PUT"]),
    ]


def _reading(read: Callable[[Request], object]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(read(request))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 404)

    return endpoint


def _changing(change: Callable[[Request, object], object], status: int = 200) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        if not is_json(request):
            return JSONResponse({"error": "Content-Type must be application/json"}, 415)
        try:
            body = await request.body()
            return JSONResponse(change(request, parse_json(body) if body else None), status)
        except NotJson as error:
            return JSONResponse({"error": f"the body is not valid JSON: {error}"}, 400)
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint


def _object(body: object) -> JsonObject:
    if (given := as_object(body)) is None:
        raise ValueError("the body must be a JSON object")
    return given


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"now is {text!r}; {CLOCK}") from None


def _text(body: object, name: str) -> str:
    value = _object(body).get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")  # noqa: TRY004  # it is data that is wrong
    return value
