"""Sends a file to the host that RoofLink's form names. That host is not the service: it never gets the key.

Source: https://developers.rooflink.com/reference/photos-create, step 2
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from leadbridge.server.errors import NetworkSettingError, Refused, Rejected, ServiceError, Unavailable
from leadbridge.server.services.network.failures import Progress, explain
from leadbridge.server.services.network.proxies import proxy_for
from leadbridge.server.services.photo_places import Change, changed
from leadbridge.server.services.rooflink.files import UploadForm

if TYPE_CHECKING:
    import httpx

    from leadbridge.server.services.connections import MakeTransport

CONNECT_TIMEOUT = 10.0
IDLE_TIMEOUT = 30.0
_ANSWER = 4_096
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""Source: https://www.rfc-editor.org/rfc/rfc6052 and https://www.rfc-editor.org/rfc/rfc8215"""
_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")


class FormExpired(Rejected):
    """403: the host takes nothing under this form any more."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file on its way: `stream` is open at its beginning."""

    stream: BinaryIO
    name: str
    content_type: str
    size: int
    digest: str
    changes: Sequence[Change] = ()
    """What is sent instead of what is in the file."""


class _Hashing:
    """Reads at most so many bytes, and knows what they were."""

    def __init__(self, file: Outgoing) -> None:
        self._file = file
        self._left = file.size
        self._hash = hashlib.sha256()

    def fileno(self) -> int:
        return self._file.stream.fileno()

    def read(self, size: int) -> bytes:
        at = self._file.size - self._left
        chunk = changed(self._file.stream.read(min(size, self._left)), at, self._file.changes)
        self._left -= len(chunk)
        self._hash.update(chunk)
        return chunk

    @property
    def as_promised(self) -> bool:
        return not self._left and self._hash.hexdigest() == self._file.digest


@dataclass(frozen=True, slots=True)
class Uploads:
    """The way to upload hosts: a connection of its own each time, without key, cookie or redirect."""

    on_loopback: bool
    """Whether the service itself is on this machine; only then may the upload host be."""
    transport: MakeTransport | None = None

    async def send(self, form: UploadForm, file: Outgoing) -> None:
        """Post all fields of the form in their order, then the file as the last part, streamed.

        Raises:
            Refused: the form's address is none that a file may go to, or the file changed meanwhile.
            ServiceError: the host did not take it; `FormExpired` if it never will under this form.
        """
        import httpx

        from leadbridge.server.services.connections import open_connections

        self._check(form.url)
        reader, progress = _Hashing(file), Progress(left=self.transport is not None)
        try:
            if self.transport is None and not proxy_for(form.url):  # what a proxy connects to, only the proxy knows
                progress.connected = self._check_peer
            async with open_connections(form.url, self.transport, keep_alive=False) as connections:
                request = httpx.Request(
                    "POST",
                    form.url,
                    data=dict(form.fields),
                    files={"file": (file.name, reader, file.content_type)},  # pyright: ignore[reportArgumentType]
                    headers={"User-Agent": "LeadBridge", "Accept": "*/*"},
                    extensions={
                        "timeout": httpx.Timeout(IDLE_TIMEOUT, connect=CONNECT_TIMEOUT).as_dict(),
                        "trace": progress.trace,
                    },
                )
                response = await connections.handle_async_request(request)
                body = await _beginning_of(response)
                await response.aclose()
        except NetworkSettingError as error:
            raise self._failed(f"was not reached: {error}", f"Correct {error.source}.") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.PoolTimeout) as error:
            raise self._not_reached(error, form, progress) from None
        except httpx.LocalProtocolError:
            raise _changed() from None
        except httpx.TimeoutException:
            raise self._failed("did not answer in time", "Try again.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if not progress.left:
                raise self._not_reached(error, form, progress) from None
            raise self._failed("broke the connection", "Try again.") from None
        self._judge(response, body, form)
        if not reader.as_promised:
            raise _changed()

    def _check(self, url: str) -> None:
        """TLS to a host of the network; without it this machine only, and only where the service is there too."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            host, parts = "", urlsplit("")
        plain = url.isascii() and url.isprintable() and " " not in url
        loopback = _is_this_machine(host)
        scheme_fits = parts.scheme == "https" or (parts.scheme == "http" and loopback)
        if not (plain and host and scheme_fits and "@" not in parts.netloc) or parts.fragment:
            raise _no_address("is no https address")
        if not self._may_go_to(host):
            raise _no_address("lies in a private network")

    def _check_peer(self, address: str) -> None:
        """The same once the name has become an address, before anything is sent there."""
        if not self._may_go_to(address):
            raise _no_address(f"leads to {address}, which lies in a private network")

    def _may_go_to(self, host: str) -> bool:
        return self.on_loopback if _is_this_machine(host) else not _is_private(host)

    def _judge(self, response: httpx.Response, body: bytes, form: UploadForm) -> None:
        status = response.status_code
        redirected = status == HTTPStatus.SEE_OTHER and "success_action_redirect" in form.fields
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES or redirected:
            return
        code = f", {found.group(1).decode()}" if (found := _CODE.search(body)) else ""
        if status == HTTPStatus.FORBIDDEN:
            what = f"The upload host refused the form ({status}{code}): it has probably expired. No file is there."
            raise FormExpired(what)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {408, 429}:
            raise self._failed(f"failed ({status}{code})", "Try again later.")
        raise Rejected(f"The upload host did not take the file ({status}{code}). It is not on the photo.")

    def _not_reached(self, error: Exception, form: UploadForm, progress: Progress) -> ServiceError:
        proxy = None if self.transport else proxy_for(form.url)
        failure = explain(error, urlsplit(form.url).netloc, proxy, progress.stage)
        return self._failed(f"was not reached: {failure.why}", failure.next_step)

    def _failed(self, why: str, next_step: str) -> ServiceError:
        what = f"The upload host {why}. The file is not on the photo yet; sending it again does no harm."
        return Unavailable(what, next_step)


async def _beginning_of(response: httpx.Response) -> bytes:
    """The first bytes of an answer: enough for an error's code, and no more of a body that may quote the form."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= _ANSWER:
            break
    return bytes(body[:_ANSWER])


def _is_this_machine(host: str) -> bool:
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost") or any(one.is_loopback for one in _addresses(name))


def _is_private(host: str) -> bool:
    return any(not one.is_global or one.is_multicast for one in _addresses(host.rstrip(".")))


def _addresses(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """What a host is without asking anybody: an address in any of its spellings, and one that is within another."""
    try:
        one = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return [ipaddress.IPv4Address(socket.inet_aton(host))]  # 2130706433, 0x7f000001 and 127.1 too
        except (OSError, ValueError):
            return []
    if isinstance(one, ipaddress.IPv4Address):
        return [one]
    within = [one.ipv4_mapped, one.sixtofour, *(one.teredo or ())]
    if any(one in network for network in _NAT64):
        within.append(ipaddress.IPv4Address(one.packed[-4:]))
    return [one, *filter(None, within)]


def _no_address(why: str) -> Refused:
    return Refused(
        "upload_address",
        f"the address that RoofLink gave for the file {why}.",
        "Look at LEADBRIDGE_ROOFLINK_BASE_URL; if it is right, tell RoofLink's support.",
    )


def _changed() -> Refused:
    return Refused(
        "file_changed",
        "the file was changed while it was being sent. What it was for is not complete.",
        "Call again once nothing writes to the file.",
        sent=True,
    )
