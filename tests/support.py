"""What the tests share: servers on the sandbox, clients of both protocol versions, people who answer."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from mcp import Client
from mcp.client import ClientRequestContext
from mcp.client.session import ElicitationFnT
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent

from leadbridge.server.app import build_server
from leadbridge.server.catalog import SERVICES
from leadbridge.server.config.settings import Settings
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.services.client import ServiceClient
from leadbridge.server.services.rate_limiter import RateLimiter

Version = Literal["modern", "legacy"]
VERSIONS: tuple[Version, ...] = ("modern", "legacy")
EVERY_PATH = Path(__file__).parent / "every_path.toml"
"""A contract file that gives every operation a path, so that no tool is hidden for want of one."""
EVERY_PATH_SERVED = {
    "reply_to_note_path": "/light/notes/{note_id}/reply/",
    "update_customer_email_path": "/light/jobs/{job_id}/customer_email/",
    "search_jobs_path": "/light/customers/{customer_id}/jobs/",
}
"""Options of a sandbox that answers at the paths of that file."""
EVERY_TOOL: dict[str, Any] = {"toolsets": "all", "contract_file": EVERY_PATH}
"""Settings with which every tool is offered."""
PHOTOS = Path(__file__).parent / "photos"
"""An upload folder."""
DEFAULT_STORE: list[str] = []
"""The URL of the store for servers that name none, while a test runs on another one than in memory."""
ACCOUNTS: dict[str, str] = dict.fromkeys(SERVICES, "account")
"""Of a ledger that a test makes."""
MODES = {"modern": "auto", "legacy": "legacy"}


class Person:
    """Answers every question the same way and remembers what was shown."""

    def __init__(self, action: Literal["accept", "decline", "cancel"] = "accept", *, confirm: bool = True) -> None:
        self.action: Literal["accept", "decline", "cancel"] = action
        self.confirm = confirm
        self.shown: list[str] = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context
        self.shown.append(params.message)
        content: dict[str, str | int | float | bool | list[str] | None] | None = None
        if self.action == "accept":
            content = {"confirm": self.confirm}
        return ElicitResult(action=self.action, content=content)


PATIENCE = 120.0
"""Seconds within which anything that a test waits for comes, also on a machine that is busy with other things."""


class Time:
    """A clock that sleeping moves, so that no test waits for a rate limit."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def patient_rate_limiter(time: Time) -> Callable[..., RateLimiter]:
    """Governors on a test's own clock."""

    def make(*, service: str, requests: int, seconds: float, account: str = "") -> RateLimiter:
        del account
        return RateLimiter(service, requests, seconds, clock=time, sleep=time.sleep)

    return make


@contextmanager
def unhurried() -> Iterator[None]:
    """Servers built meanwhile make no real pause before another attempt."""
    pauses = Time()
    with patch(
        "leadbridge.server.services.services.ServiceClient", partial(ServiceClient, clock=pauses, sleep=pauses.sleep)
    ):
        yield


def make_sandbox(time: Time | None = None, **options: Any) -> Sandbox:
    """A simulator whose rate limiter runs on the test's clock, if one is given."""
    return Sandbox(clock=time, **options) if time is not None else Sandbox(**options)


def make_settings(**values: Any) -> Settings:
    """Settings that depend on nothing around the test."""
    if DEFAULT_STORE:
        values.setdefault("state_url", DEFAULT_STORE[0])
    tests = {"sandbox": True, "background_reading": False, "time_zone": "UTC", "upload_root": PHOTOS}
    return Settings(**{**tests, **values})


@asynccontextmanager
async def connected(
    sandbox: Sandbox,
    *,
    version: Version = "modern",
    person: ElicitationFnT | None = None,
    time: Time | None = None,
    clock: Callable[[], float] | None = None,
    **settings: Any,
) -> AsyncIterator[Client]:
    """A client of a fresh server on this sandbox. Without `person` the client cannot be asked.

    With `time`, nothing waits: neither for a rate limit nor before another attempt, whose pauses pass on a clock of
    their own.
    """
    options: dict[str, Any] = {"rate_limiter": patient_rate_limiter(time)} if time is not None else {}
    if clock is not None:
        options["clock"] = clock
    with unhurried() if time is not None else nullcontext():
        server = build_server(make_settings(**settings), sandbox=sandbox, **options)
    async with Client(server, mode=MODES[version], elicitation_callback=person) as client:
        yield client


async def call(client: Client, tool: str, /, **arguments: Any) -> CallToolResult:
    """Call a tool; the result is never an unanswered question."""
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


def text_of(result: CallToolResult) -> str:
    """All text a model would read."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def data_of(result: CallToolResult) -> dict[str, Any]:
    """The structured content."""
    assert result.structured_content is not None, text_of(result)
    return result.structured_content


def jwt(payload: Any) -> str:
    """A token with this payload (a text as it is) and no real signature."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    middle = urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJIUzI1NiJ9.{middle}.c2lnbmF0dXJl"


def jwt_for(days: float) -> str:
    """A token that expires in so many days from now; negative: it expired."""
    return jwt({"sub": "42", "exp": int(datetime.now(UTC).timestamp() + days * 86_400)})
