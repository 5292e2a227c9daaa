"""What reads documentation, brings a file or examines the installation goes the same way as a call."""

from __future__ import annotations

import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest

from leadbridge.server.contract.web import DocumentationError, reading, text_of
from leadbridge.server.doctor.network import host_findings, way_findings
from leadbridge.server.errors import Refused, Unavailable
from leadbridge.server.services.network import trust
from leadbridge.server.services.rooflink.files import UploadForm
from leadbridge.server.services.uploads import Outgoing, Uploads
from tests.services.network.world import HOST, HttpProxy, Service, SocksProxy, listening

URL = f"https://{HOST}/doc"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    trust._context.cache_clear()


async def _document() -> str:
    async with reading(URL) as (_, client):
        return await text_of(client, URL)


async def _upload(url: str = URL) -> None:
    content = b"a photo"
    with tempfile.TemporaryFile() as stream:
        stream.write(content)
        stream.seek(0)
        file = Outgoing(stream, "a.jpg", "image/jpeg", len(content), sha256(content).hexdigest())
        await Uploads(on_loopback=False).send(UploadForm(url=url, fields={"key": "1"}), file)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("way", [_document, _upload])
async def test_documentation_and_files_go_through_the_proxy_and_trust_the_offices_certificate(
    way: Callable[[], Awaitable[object]],
    scheme: str,
    tls: Callable[..., ssl.SSLContext],
    office_file: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    service, proxy = Service(), HttpProxy() if scheme == "http" else SocksProxy()
    monkeypatch.setenv("SSL_CERT_FILE", str(office_file))
    async with listening(service, tls()) as proxy.port, listening(proxy) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{port}")
        await way()
    assert len(proxy.asked) == len(service.requests) == 1


@pytest.mark.parametrize("way", [_document, _upload])
@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SSL_CERT_FILE": "/no/such/ca.pem"}, "SSL_CERT_FILE: there is no such file"),
        ({"HTTPS_PROXY": "socks4://jo:secret@127.0.0.1"}, "HTTPS_PROXY: "),
        ({"HTTPS_PROXY": "http://jo:secret@127.0.0.1:1"}, "the proxy http://127.0.0.1:1 (HTTPS_PROXY)"),
    ],
)
async def test_what_stops_documentation_and_files_is_named(
    way: Callable[[], Awaitable[object]], variables: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises((DocumentationError, Unavailable)) as caught:
        await way()
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("way", [_document, _upload])
async def test_a_proxy_that_refuses_is_not_taken_for_the_host(
    way: Callable[[], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
):
    proxy = HttpProxy(407)
    async with listening(proxy) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
        with pytest.raises((DocumentationError, Unavailable), match=r"asks for a user and a password \(407\)"):
            await way()


def test_doctor_says_which_way_each_service_is_reached(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://jo:secret@127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "direct.example")
    monkeypatch.setenv("SSLKEYLOGFILE", "/no/such/dir/keys.log")
    found = list(way_findings([("RoofLink", URL), ("RenovationFind", "https://direct.example/")]))
    assert [(one.state, one.found) for one in found[:2]] == [
        ("ok", "reached through the proxy socks5://127.0.0.1:1 (ALL_PROXY)"),
        ("ok", "none: reached directly"),
    ]
    assert [one.subject for one in found[2:]] == ["certificates", "SSLKEYLOGFILE"]
    (failure,) = [one for one in host_findings("RoofLink", URL) if one.state == "failure"]
    assert "the proxy socks5://127.0.0.1:1 (ALL_PROXY) was not reached" in failure.found
    assert "ALL_PROXY" in failure.do


@pytest.mark.parametrize("value", ["ftp://x", "http://x:99999"])
def test_doctor_finds_a_proxy_that_cannot_be_read(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", value)
    (failure,) = [one for one in way_findings([("RoofLink", URL)]) if one.state == "failure"]
    assert (failure.subject, failure.do) == ("RoofLink proxy", "Correct HTTPS_PROXY.")
    (failure,) = host_findings("RoofLink", URL)
    assert failure.found == "not tried, because HTTPS_PROXY cannot be used"


async def test_a_name_that_leads_into_the_machine_or_its_network_gets_no_file(
    tls: Callable[..., ssl.SSLContext], office_file: Path, monkeypatch: pytest.MonkeyPatch
):
    """What counts is the address that is connected to; nothing is sent before it was looked at."""
    service = Service()
    monkeypatch.setenv("SSL_CERT_FILE", str(office_file))
    async with listening(service, tls()) as port:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(Refused, match=r"leads to 127\.0\.0\.1, which lies in a private network"):
            await _upload(f"https://{HOST}:{port}/doc")
    assert service.requests == []
