"""Reads the body of an answer: at most `MAX_BYTES` of it, unpacked in bounded steps, from one layer of packing."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

from leadbridge.server.services.answers import MAX_BYTES

if TYPE_CHECKING:
    import httpx

STEP = 256 * 1024
_EITHER, _BARE = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS
"""gzip or zlib, as its first bytes say; or deflate without a header, which some servers send."""


class BodyUnreadable(Exception):
    """Why a body cannot be unpacked."""


class BodyTooLarge(Exception):
    """More than `MAX_BYTES`, packed or unpacked; the rest was not read."""


async def read_body(response: httpx.Response) -> bytes:
    """The whole body.

    Raises:
        BodyTooLarge: it is longer than allowed.
        BodyUnreadable: it is packed in a way that was not asked for, more than once, or is damaged.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise BodyUnreadable("a body that is packed twice, or in a way that LeadBridge did not ask for")
    unpacker = None if coding in {"", "identity"} else _Unpacker()
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BYTES:
        raise BodyTooLarge
    body, received = bytearray(), 0
    async for chunk in cast("AsyncIterator[bytes]", response.stream):
        received += len(chunk)
        if received > MAX_BYTES:
            raise BodyTooLarge
        if unpacker is None:
            body += chunk
        else:
            unpacker.unpack(chunk, body)
    if unpacker is not None and received:
        unpacker.end(body)
    return bytes(body)


class _Unpacker:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_EITHER)
        self._bare = False

    def unpack(self, packed: bytes, body: bytearray) -> None:
        """Append what a chunk holds. What follows the end is left unread."""
        while packed and not self._inner.eof:
            try:
                body += self._inner.decompress(packed, STEP)
            except zlib.error:
                if body or self._bare:
                    raise BodyUnreadable("a body that cannot be unpacked") from None
                self._inner, self._bare = zlib.decompressobj(_BARE), True
                continue
            if len(body) > MAX_BYTES:
                raise BodyTooLarge
            packed = self._inner.unconsumed_tail

    def end(self, body: bytearray) -> None:
        """Append the last bytes."""
        body += self._inner.flush(STEP)
        if not self._inner.eof:
            raise BodyUnreadable("a body that is cut off")
