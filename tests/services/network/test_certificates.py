"""Which certificates are trusted, and what a refused one says."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from leadbridge.server.doctor.network import way_findings
from leadbridge.server.errors import NetworkSettingError
from leadbridge.server.services.network import trust
from leadbridge.server.services.network.trust import tls_context
from tests.services.network.world import HOST, HttpProxy, Service, connected, listening
from tests.support import VERSIONS, Person, Version, call, data_of, text_of


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    trust._context.cache_clear()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("host", "days", "trusted", "message"),
    [
        (HOST, 30, False, "issued by 'Office Gateway', which the system does not trust"),
        (HOST, -1, True, "has expired"),
        (HOST, 365, True, "is not valid yet"),
        ("other.invalid", 30, True, "is for another host name"),
    ],
)
async def test_a_certificate_that_is_refused_says_why_and_nothing_was_sent(
    host: str,
    days: int,
    trusted: bool,
    message: str,
    version: Version,
    tls: Callable[..., ssl.SSLContext],
    office_file: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    service, proxy = Service(), HttpProxy()
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(office_file))
    async with listening(service, tls(host, days=days)) as proxy.port, listening(proxy) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
        async with connected(f"https://{HOST}/api", version=version, person=Person()) as client:
            read = await call(client, "rooflink_get_prospect", prospect_id=7)
            write = await call(client, "renovationfind_accept_lead", lead_id=801)
    assert data_of(write)["outcome"] == "refused"
    for text in (text_of(read), text_of(write)):
        assert f"of {HOST}" in text or f"{HOST} showed" in text
        assert message in text
        assert "Nothing was sent" in text
        assert ("SSL_CERT_FILE" in text) is not trusted
    assert len(proxy.asked) == 2, "another try would be refused as well"
    assert service.requests == []


def _file(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def _unusable(tmp_path: Path, authority: trustme.CA) -> dict[str, dict[str, str]]:
    empty = tmp_path / "empty"
    empty.mkdir()
    text = _file(tmp_path / "text.pem", b"not a certificate")
    return {
        "no such file": {"SSL_CERT_FILE": "/no/such/ca.pem"},
        "a text": {"SSL_CERT_FILE": text},
        "an empty file": {"SSL_CERT_FILE": _file(tmp_path / "nothing.pem", b"")},
        "a key": {"SSL_CERT_FILE": _file(tmp_path / "key.pem", authority.private_key_pem.bytes())},
        "a folder for a file": {"SSL_CERT_FILE": str(tmp_path)},
        "a device": {"SSL_CERT_FILE": "/dev/zero"},
        "no such folder": {"SSL_CERT_DIR": "/no/such/certs"},
        "a file for a folder": {"SSL_CERT_DIR": text},
        "an empty folder": {"SSL_CERT_DIR": str(empty)},
        "a bundle that is gone": {"REQUESTS_CA_BUNDLE": "/no/such/bundle.pem"},
        "a bundle that is a text": {"REQUESTS_CA_BUNDLE": text},
        "a bundle that is an empty folder": {"REQUESTS_CA_BUNDLE": str(empty)},
    }


UNUSABLE = (
    "no such file", "a text", "an empty file", "a key", "a folder for a file", "a device", "no such folder",
    "a file for a folder", "an empty folder", "a bundle that is gone", "a bundle that is a text",
    "a bundle that is an empty folder",
)  # fmt: skip


@pytest.mark.parametrize("kind", UNUSABLE)
async def test_a_variable_that_names_no_certificates_refuses_the_call_by_its_name_and_doctor_finds_it(
    kind: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ((variable, value),) = _unusable(tmp_path, authority)[kind].items()
    monkeypatch.setenv(variable, value)
    async with connected(f"https://{HOST}/api", person=Person()) as client:
        read = await call(client, "rooflink_get_prospect", prospect_id=7)
        write = await call(client, "renovationfind_accept_lead", lead_id=801)
    assert data_of(write)["outcome"] == "refused"
    for text in (text_of(read), text_of(write)):
        assert f"{variable}: " in text
        assert "Nothing was sent" in text
    (found,) = [one for one in way_findings([("RoofLink", f"https://{HOST}")]) if one.state == "failure"]
    assert (found.subject, found.do) == ("certificates", f"Correct {variable}.")


def test_a_variable_for_certificates_matters_to_tls_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/ca.pem")
    assert tls_context("http://127.0.0.1:8000").cert_store_stats()["x509"] == 0
    with pytest.raises(NetworkSettingError):
        tls_context("https://127.0.0.1:8000")


@pytest.mark.parametrize("way", ["PEM", "binary", "quoted", "folder", "bundle"])
def test_certificates_are_taken_from_where_an_office_puts_them(
    way: str, authority: trustme.CA, office_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "certs"
    folder.mkdir()
    pem = office_file.read_text()
    (folder / "0a1b2c3d.0").write_text(pem)
    variable, value = {
        "PEM": ("SSL_CERT_FILE", str(office_file)),
        "binary": ("SSL_CERT_FILE", _file(tmp_path / "office.cer", ssl.PEM_cert_to_DER_cert(pem))),
        "quoted": ("SSL_CERT_FILE", f' "{office_file}" '),
        "folder": ("SSL_CERT_DIR", f"/no/such/one:{folder}"),
        "bundle": ("REQUESTS_CA_BUNDLE", str(office_file)),
    }[way]
    monkeypatch.setenv(variable, value)
    stored = tls_context("https:").cert_store_stats()["x509_ca"]
    assert stored == (0 if way == "folder" else 1), "a folder is read when a connection is made"


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="those systems are asked themselves")
def test_a_system_without_a_store_gets_certifis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    nowhere = str(tmp_path / "nothing")
    paths = ssl.DefaultVerifyPaths(nowhere, nowhere, "SSL_CERT_FILE", nowhere, "SSL_CERT_DIR", nowhere)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    monkeypatch.setattr(trust, "BUNDLES", ())
    assert tls_context("https:").cert_store_stats()["x509_ca"] > 50


async def test_an_office_certificate_is_trusted_for_calls(
    tls: Callable[..., ssl.SSLContext], office_file: Path, monkeypatch: pytest.MonkeyPatch
):
    service = Service()
    monkeypatch.setenv("SSL_CERT_FILE", str(office_file))
    async with listening(service, tls("127.0.0.1")) as port, connected(f"https://127.0.0.1:{port}/api") as client:
        assert "Ann Example" in text_of(await call(client, "rooflink_get_prospect", prospect_id=7))
