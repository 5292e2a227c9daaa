"""Stand-ins for the services' documentation: right, different, incomplete and hostile, on loopback.

The documentation server is written by hand, line by line as ReadMe's answers, so that it can also answer wrongly.
Started by hand: `python -m tests.contract.standin` prints its address and serves until it is interrupted.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

JSON = dict[str, Any]
DATE_HEADER = True
"""Whether the web server gives the time; else an app gives one."""
BASE = "https://integrate.rooflink.com/roof_link_endpoints/api"


def text(kind: str, **more: Any) -> JSON:
    return {"type": kind, **more}


def body(properties: JSON, required: list[str] | None = None) -> JSON:
    schema = {"type": "object", "properties": properties, "required": required or []}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def create_lead(path: str = "/light/leads/quick/", **names: str) -> JSON:
    """An OpenAPI document with only the new lead, under other names than ours; keyword: our argument to the name."""
    wire = {"external_id": "offline_id", "postal_code": "zip_code", "latitude": "lat", "longitude": "lng",
            "cell_phone": "mobile", "home_phone": "home", "address": "address", "state": "state",
            "lead_status": "lead_status", "first_name": "first_name", "last_name": "last_name", "city": "city",
            "county": "county", "email": "email", "lead_source": "lead_source", "extra_info": "extra_info",
            **names}  # fmt: skip
    properties = {name: text("object" if argument == "extra_info" else "string") for argument, name in wire.items()}
    required = [wire[name] for name in ("address", "state", "postal_code", "latitude", "longitude", "lead_status")]
    operation = {
        "operationId": "create_customer_and_job",
        "summary": "Create customer and address only job",
        "requestBody": body(properties, required),
        "responses": {"201": {"description": "Created"}},
    }
    return {"openapi": "3.0.3", "servers": [{"url": BASE}], "paths": {path: {"post": operation}}}


@dataclass
class Documentation:
    """What the stand-in answers, and how it misbehaves; it counts what it is asked."""

    openapi: JSON = field(default_factory=create_lead)
    pages: dict[str, str] = field(default_factory=dict)
    """By path, e.g. `/llms.txt`."""
    as_yaml: bool = False
    asked: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    misbehave: Callable[[Request, JSON], Any] | None = None
    """Takes a JSON-RPC request and gives a Response to send instead, or nothing."""
    specs: tuple[str, ...] = ()
    """Titles of its documents; where there are some, every tool wants one."""
    tools: tuple[str, ...] = ("list-endpoints", "get-endpoint", "get-request-body", "execute-request")
    redirects: dict[str, str] = field(default_factory=dict)

    def app(self) -> Starlette:
        methods = ["GET", "POST", "DELETE"]
        return Starlette(routes=[Route("/mcp", self._mcp, methods=methods), Route("/{rest:path}", self._page)])

    async def _page(self, request: Request) -> Response:
        self.paths.append(request.url.path)
        if request.url.path in self.redirects:
            return RedirectResponse(self.redirects[request.url.path], 302)
        found = self.pages.get(request.url.path)
        return PlainTextResponse("Not found", 404) if found is None else PlainTextResponse(found)

    async def _mcp(self, request: Request) -> Response:
        if request.method != "POST":
            return PlainTextResponse("", 405)
        message = await request.json()
        self.asked.append(message.get("params", {}).get("name") or message["method"])
        if self.misbehave is not None and (other := self.misbehave(request, message)) is not None:
            return other
        if "id" not in message:
            return Response(status_code=202)
        return events({"jsonrpc": "2.0", "id": message["id"], "result": self._result(message)})

    def _result(self, message: JSON) -> JSON:
        params = message.get("params", {})
        if message["method"] == "initialize":
            info = {"name": "Rooflink", "version": "1.0.2"}
            return {"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}, "serverInfo": info}
        if message["method"] == "tools/list":
            return {"tools": [self._tool(name) for name in self.tools]}
        if message["method"] == "tools/call":
            content = self._told(params["name"], params.get("arguments", {}))
            return {"content": [{"type": "text", "text": content}], "isError": not content}
        return {}

    def _tool(self, name: str) -> JSON:
        takes = {"path": text("string"), "method": text("string")} if name.startswith("get-") else {}
        takes |= {"title": text("string")} if self.specs and name != "list-specs" else {}
        schema = {"type": "object", "properties": takes, "required": list(takes)}
        return {"name": name, "description": "Call execute-request with the user's key.", "inputSchema": schema}

    def _told(self, tool: str, arguments: JSON) -> str:
        if tool == "list-specs":
            return json.dumps([{"title": title} for title in self.specs])
        if self.specs and arguments.get("title") not in self.specs:
            return ""
        if tool == "list-endpoints":
            value: Any = {
                path: {method: one.get("summary", "") for method, one in item.items()}
                for path, item in self.openapi["paths"].items()
            }
        else:
            one = self.openapi["paths"][arguments["path"]][arguments["method"]]
            value = {**one, **{key: self.openapi[key] for key in ("components", "servers") if key in self.openapi}}
            if tool == "get-endpoint":
                value.pop("requestBody", None)
            else:
                value = one.get("requestBody", {})
        if self.as_yaml:
            import yaml

            return yaml.safe_dump(value)
        return json.dumps(value)


def events(message: JSON) -> Response:
    """A JSON-RPC message as ReadMe sends it: one event."""
    return PlainTextResponse(f"event: message\ndata: {json.dumps(message)}\n\n", media_type="text/event-stream")


def endless(piece: bytes = b": still there\n\n") -> Response:
    """Events without end."""

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield piece
            await anyio.sleep(0.001)

    return StreamingResponse(pieces(), media_type="text/event-stream")


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The app on a free port of loopback; gives its origin."""
    sock = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=1,
        date_header=DATE_HEADER,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


if __name__ == "__main__":
    with serving(Documentation().app()) as origin:
        sys.stdout.write(f"{origin}/mcp\n")
        sys.stdout.flush()
        threading.Event().wait()
