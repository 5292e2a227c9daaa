"""Sends a file to the host that RoofLink's form names. That host is not the service: it never gets the key.

Source: https://developers.rooflink.com/reference/photos-create, step 2
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from leadbridge.server.config.loopback import is_loopback
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
    """What is sent instead of what stands in the file."""


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

    service: str
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

        from leadbridge.server.services.connections import open_client

        self._check(form.url)
        reader, progress = _Hashing(file), Progress(left=self.transport is not None)
        try:
            async with open_client(form.url, self.transport, keep_alive=False) as client:
                request = client.build_request(
                    "POST",
                    form.url,
                    data=dict(form.fields),
                    files={"file": (file.name, reader, file.content_type)},  # pyright: ignore[reportArgumentType]
                    headers={"User-Agent": "LeadBridge", "Accept": "*/*"},
                    timeout=httpx.Timeout(IDLE_TIMEOUT, connect=CONNECT_TIMEOUT),
                    extensions={"trace": progress.trace},
                )
                response = await client.send(request, stream=True)
                told = await _beginning_of(response)
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
        self._judge(response, told, form)
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
        loopback = is_loopback(host)
        scheme_fits = parts.scheme == "https" or (parts.scheme == "http" and loopback)
        if not (plain and host and scheme_fits and "@" not in parts.netloc) or parts.fragment:
            raise _no_address("is no https address")
        if (loopback and not self.on_loopback) or (not loopback and _is_private(host)):
            raise _no_address("lies in a private network")

    def _judge(self, response: httpx.Response, told: bytes, form: UploadForm) -> None:
        status = response.status_code
        redirected = status == HTTPStatus.SEE_OTHER and "success_action_redirect" in form.fields
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES or redirected:
            return
        code = f", {found.group(1).decode()}" if (found := _CODE.search(told)) else ""
        if status == HTTPStatus.FORBIDDEN:
            raise FormExpired(
                what=f"The upload host refused the form ({status}{code}): it has probably expired. No file is there.",
                service=self.service,
                status=status,
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {408, 429}:
            raise self._failed(f"failed ({status}{code})", "Try again later.")
        raise Rejected(
            what=f"The upload host did not take the file ({status}{code}). It is not on the photo.",
            service=self.service,
            status=status,
        )

    def _not_reached(self, error: Exception, form: UploadForm, progress: Progress) -> ServiceError:
        proxy = None if self.transport else proxy_for(form.url)
        failure = explain(error, urlsplit(form.url).netloc, proxy, progress.stage)
        return self._failed(f"was not reached: {failure.why}", failure.next_step)

    def _failed(self, why: str, next_step: str) -> ServiceError:
        return Unavailable(
            what=f"The upload host {why}. The file is not on the photo yet; sending it again does no harm.",
            next_step=next_step,
            service=self.service,
        )


async def _beginning_of(response: httpx.Response) -> bytes:
    """The first bytes of an answer: enough for an error's code, and no more of a body that may quote the form."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= _ANSWER:
            break
    return bytes(body[:_ANSWER])


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


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
