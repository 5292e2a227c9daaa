"""`/_sandbox/`: faults, writes and requests for tests in another process.

No key: it is on loopback only. What changes something takes JSON, which no web page can send here unasked.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Protocol, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadbridge.server.sandbox.faults import UNREACHABLE, Fault, Faults
from leadbridge.server.sandbox.state import RequestRecord, Write
from leadbridge.server.sandbox.wire import is_json, read_json
from leadbridge.server.sandbox_keys import SANDBOX_HOME


class Steered(Protocol):
    """What can be steered."""

    faults: Faults

    @property
    def writes(self) -> list[Write]:
        """What took effect."""
        ...

    @property
    def requests(self) -> list[RequestRecord]:
        """What arrived."""
        ...

    def reset(self) -> None:
        """Begin anew."""
        ...


def control_routes(sandbox: Steered) -> list[Route]:
    """The routes; all answer JSON."""

    async def home(_: Request) -> Response:
        return JSONResponse({"simulates": ["RoofLink", "RenovationFind"]})

    async def add_faults(request: Request) -> Response:
        if not is_json(request):
            return _json_only()
        try:
            value = await read_json(request)
            given = cast("list[object]", value) if isinstance(value, list) else [value]
            faults = [Fault.from_options(fault) for fault in given]
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        wrong = [fault.kind for fault in faults if fault.kind in UNREACHABLE]
        if wrong:
            return JSONResponse({"error": f"{wrong[0]} can be simulated in the same process only"}, 400)
        for fault in faults:
            sandbox.faults.add(fault)
        return JSONResponse({"pending": len(sandbox.faults)}, 201)

    async def clear_faults(_: Request) -> Response:
        sandbox.faults.clear()
        return JSONResponse({"pending": 0})

    async def writes(_: Request) -> Response:
        return JSONResponse([asdict(write) for write in sandbox.writes])

    async def requests(_: Request) -> Response:
        return JSONResponse([asdict(record) for record in sandbox.requests])

    async def reset(request: Request) -> Response:
        if not is_json(request):
            return _json_only()
        sandbox.reset()
        return JSONResponse({"pending": 0})

    return [
        Route(SANDBOX_HOME, home),
        Route("/_sandbox/faults", add_faults, methods=["POST"]),
        Route("/_sandbox/faults", clear_faults, methods=["DELETE"]),
        Route("/_sandbox/writes", writes),
        Route("/_sandbox/requests", requests),
        Route("/_sandbox/reset", reset, methods=["POST"]),
    ]


def _json_only() -> Response:
    return JSONResponse({"error": "Content-Type must be application/json"}, 415)
