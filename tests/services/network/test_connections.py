"""Over which connection a request goes, and how an answer's body is read."""

from __future__ import annotations

import gzip
import json
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import anyio
import pytest
from pydantic import SecretStr

from leadbridge.server.catalog import load
from leadbridge.server.errors import Refused
from leadbridge.server.services import exchange
from leadbridge.server.services.client import ServiceClient
from leadbridge.server.services.rate_limiter import RateLimiter
from tests.services.network.world import Service, connected, listening
from tests.support import PATIENCE, Person, call, data_of, text_of

RECORD = json.dumps({"id": 7, "name": "Ann Example"}).encode()


async def test_reads_share_a_connection_and_each_write_gets_a_new_one():
    service = Service()
    async with listening(service) as port, connected(f"http://127.0.0.1:{port}", person=Person()) as client:
        for _ in range(2):
            await call(client, "rooflink_get_prospect", prospect_id=7)
        for lead_id in (801, 802):
            await call(client, "renovationfind_accept_lead", lead_id=lead_id)
        await call(client, "rooflink_get_prospect", prospect_id=7)
    reads = {number for method, number in service.requests if method == "GET"}
    writes = [number for method, number in service.requests if method != "GET"]
    assert len(reads) == 1
    assert len(set(writes)) == 2
    assert not reads & set(writes)


@dataclass
class NoLeave:
    """A permit that says no once the service has a connection."""

    service: Service
    operation_id: str

    async def sending(self) -> None:
        with anyio.fail_after(PATIENCE):
            while not self.service.connections:  # noqa: ASYNC110  # the service knows no event
                await anyio.sleep(0.01)
        raise Refused("given_up", "it was given up.")


async def test_a_write_asks_for_leave_once_its_connection_is_there():
    """A name that is looked up slowly, or a proxy, is then no time in which the leave can grow old."""
    service, catalog = Service(), load()
    row, operation = catalog.services["rooflink"], catalog["rooflink.create_lead"]
    limiter = RateLimiter(row.title, row.requests, row.seconds)
    async with listening(service) as port:
        url = f"http://127.0.0.1:{port}"
        client = ServiceClient(exchange.Exchanges(row, SecretStr("rl-key-123456"), url), limiter)
        with pytest.raises(Refused):
            await client.request(operation, body={}, permit=NoLeave(service, operation.id))
        await client.aclose()
    assert (service.connections, service.requests) == (1, [])


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(RECORD, mtime=0)),
        ("x-gzip", gzip.compress(RECORD, mtime=0)),
        ("GZIP", gzip.compress(RECORD, mtime=0)),
        ("deflate", zlib.compress(RECORD)),
        ("deflate", zlib.compress(RECORD)[2:-4]),
        ("identity", RECORD),
    ],
    ids=["gzip", "x-gzip", "GZIP", "deflate", "raw deflate", "identity"],
)
async def test_a_packed_body_is_read(coding: str, body: bytes):
    service = Service(body=body, headers=f"content-encoding: {coding}\r\n")
    async with listening(service) as port, connected(f"http://127.0.0.1:{port}") as client:
        assert "Ann Example" in text_of(await call(client, "rooflink_get_prospect", prospect_id=7))


@pytest.mark.parametrize("size", [10_000, 5_000_000])
async def test_a_large_packed_body_is_unpacked_off_the_event_loop(size: int, monkeypatch: pytest.MonkeyPatch):
    body = gzip.compress(json.dumps({**json.loads(RECORD), "description": "x" * size}).encode())
    unpacked: list[tuple[bool, int]] = []
    real = exchange._unpacked

    def seen(packed: bytearray, most: int) -> bytearray:
        whole = real(packed, most)
        unpacked.append((threading.current_thread() is threading.main_thread(), len(whole) // size))
        return whole

    monkeypatch.setattr(exchange, "_unpacked", seen)
    service = Service(body=body, headers="content-encoding: gzip\r\n")
    async with listening(service) as port, connected(f"http://127.0.0.1:{port}") as client:
        assert "Ann Example" in text_of(await call(client, "rooflink_get_prospect", prospect_id=7))
    assert unpacked == [(size == 10_000, 1)]


@cache
def bomb() -> bytes:
    return gzip.compress(bytes(200_000_000))


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        ("content-encoding: gzip, gzip\r\n", lambda: gzip.compress(bomb()), "packed twice"),
        ("content-encoding: gzip\r\ncontent-encoding: gzip\r\n", lambda: gzip.compress(bomb()), "packed twice"),
        ("content-encoding: identity, gzip\r\n", lambda: gzip.compress(RECORD), "packed twice"),
        ("content-encoding: br\r\n", lambda: RECORD, "did not ask for"),
        ("content-encoding: gzip\r\n", bomb, "more than 10 MB"),
        ("content-encoding: gzip\r\n", lambda: gzip.compress(RECORD)[:-9], "cut off"),
        ("content-encoding: gzip\r\n", lambda: RECORD, "cannot be unpacked"),
    ],
    ids=["gzip in gzip", "two headers", "identity and gzip", "br", "a bomb", "cut off", "not packed"],
)
async def test_a_body_that_is_packed_to_do_harm_costs_nothing_and_leaves_a_write_unknown(
    headers: str, body: Callable[[], bytes], message: str
):
    service = Service(body=body(), headers=headers)
    async with listening(service) as port, connected(f"http://127.0.0.1:{port}", person=Person()) as client:
        await client.list_tools()
        tracemalloc.start()
        try:
            read = await call(client, "rooflink_get_prospect", prospect_id=7)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        write = await call(client, "renovationfind_accept_lead", lead_id=801)
    assert read.is_error
    assert message in text_of(read)
    assert peak < 64_000_000
    assert data_of(write)["outcome"] == "unknown"
