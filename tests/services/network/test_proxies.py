"""Proxies as offices and desktops set them: they are used, or named; their passwords are never shown."""

from __future__ import annotations

import base64
import gc
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from leadbridge.server.errors import NetworkSettingError
from leadbridge.server.services.network.proxies import proxy_for
from tests.services.network.world import HOST, HttpProxy, NoProxyAtAll, Service, SocksProxy, connected, listening
from tests.support import VERSIONS, Person, Version, call, data_of, text_of

PASSWORD = "p@ss/w#r?d:ü"


@pytest.mark.parametrize(
    ("written", "url", "auth"),
    [
        ("proxy.example:3128", "http://proxy.example:3128", None),
        ("localhost:3128", "http://localhost:3128", None),
        ("  http://proxy.example:3128/ \n", "http://proxy.example:3128", None),
        ('"HTTP://Proxy.example"', "http://proxy.example:80", None),
        ("https://proxy.example", "https://proxy.example:443", None),
        ("http://[::1]:3128", "http://[::1]:3128", None),
        ("socks5://127.0.0.1", "socks5://127.0.0.1:1080", None),
        ("socks5h://127.0.0.1:9050", "socks5h://127.0.0.1:9050", None),
        ("socks://127.0.0.1:1080/", "socks5://127.0.0.1:1080", None),
        (f"http://jo:{PASSWORD}@proxy.example:8080", "http://proxy.example:8080", ("jo", PASSWORD)),
        ("jo%40office:p%3Aw@proxy.example:8080", "http://proxy.example:8080", ("jo@office", "p:w")),
    ],
)
def test_a_proxy_is_read_as_people_write_it(
    written: str, url: str, auth: tuple[str, str] | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", written)
    proxy = proxy_for(f"https://{HOST}/api")
    assert proxy is not None
    assert (proxy.url, proxy.auth, proxy.source) == (url, auth, "HTTPS_PROXY")
    assert PASSWORD not in f"{proxy} {proxy!r}"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    "written",
    [
        "http://jo:secret@proxy.example:99999",
        "http://jo:secret@proxy.example:port",
        "http://jo:secret@proxy.example:0",
        "http://jo:secret@",
        "http://jo:secret@::1:3128",
        "http://jo:secret@[::1:3128",
        "http://jo:secret@a b:3128",
        "http://jo:secret@999.1.1.1:3128",
        "socks4://jo:secret@proxy.example:1080",
        "ftp://jo:secret@proxy.example",
        "://secret",
    ],
)
async def test_a_proxy_that_cannot_be_read_refuses_the_call_by_its_name_and_sends_nothing(
    variable: str, written: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(variable, written)
    async with connected(f"https://{HOST}/api", person=Person()) as client:
        read = await call(client, "rooflink_get_prospect", prospect_id=7)
        write = await call(client, "renovationfind_accept_lead", lead_id=801)
    assert read.is_error
    assert data_of(write)["outcome"] == "refused"
    for message in (text_of(read), text_of(write)):
        assert f"{variable}: " in message
        assert "socks5h://" in message
        assert "Nothing was sent" in message
        assert "secret" not in message


@pytest.mark.parametrize(
    ("exceptions", "url"),
    [
        ("*", "https://api.example/x"),
        ("other.example , api.example", "https://api.example/x"),
        ("other.example api.example", "https://api.example/x"),
        (".example", "https://api.example/x"),
        ("*.example", "https://api.example/x"),
        ("example", "https://API.Example./x"),
        ("api.example:443", "https://api.example/x"),
        ("https://api.example", "https://api.example/x"),
        ("10.0.0.0/8", "https://10.1.2.3/x"),
        ("10.1.2.3:8443", "https://10.1.2.3:8443/x"),
        ("2001:db8::1", "https://[2001:db8::1]/x"),
        ("[2001:db8::1]", "https://[2001:db8:0::1]/x"),
        ("[2001:db8::1]:443", "https://[2001:db8::1]/x"),
        ("2001:db8::/32", "https://[2001:db8::1]/x"),
        ("", "http://127.0.0.1:8000/x"),
        ("", "http://[::1]:8000/x"),
        ("", "http://localhost:8000/x"),
    ],
)
def test_no_proxy_is_understood_in_every_notation(exceptions: str, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert proxy_for(url) is None


@pytest.mark.parametrize(
    ("exceptions", "url"),
    [
        ("xample", "https://api.example/x"),
        ("api.example:80", "https://api.example/x"),
        ("10.0.0.0/8", "https://11.1.2.3/x"),
        ("2001:db8::/32", "https://[2001:db9::1]/x"),
        (" , ,,", "https://api.example/x"),
        ("[", "https://api.example/x"),
    ],
)
def test_no_proxy_excepts_nothing_else(exceptions: str, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert proxy_for(url) is not None


def test_an_error_about_a_proxy_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy.example")
    with pytest.raises(NetworkSettingError) as caught:
        proxy_for(f"https://{HOST}/")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h", "socks"])
async def test_a_call_goes_through_the_proxy_with_user_and_password(
    scheme: str, tls: Callable[..., ssl.SSLContext], office_file: Path, monkeypatch: pytest.MonkeyPatch
):
    service, proxy = Service(), HttpProxy() if scheme == "http" else SocksProxy(login=("jo", PASSWORD))
    async with listening(service, tls()) as proxy.port, listening(proxy) as port:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://jo:{PASSWORD}@127.0.0.1:{port}")
        monkeypatch.setenv("SSL_CERT_FILE", str(office_file))
        async with connected(f"https://{HOST}/api") as client:
            read = await call(client, "rooflink_get_prospect", prospect_id=7)
    assert "Ann Example" in text_of(read)
    assert service.requests == [("GET", 1)]
    if isinstance(proxy, SocksProxy):
        assert proxy.asked == [(HOST, 443)]
    else:
        login = base64.b64encode(f"jo:{PASSWORD}".encode()).decode()
        assert f"Proxy-Authorization: Basic {login}" in proxy.asked[0]
        assert "rl-key" not in proxy.asked[0]


_REFUSALS = {
    "407": (HttpProxy(407), "user and a password (407)", 1),
    "403": (HttpProxy(403), "refused to connect to rooflink.invalid (403)", 1),
    "502": (HttpProxy(502), "could not connect to rooflink.invalid (502)", 4),
    "503": (HttpProxy(503), "could not connect to rooflink.invalid (503)", 4),
    "cut": (HttpProxy(0), "broke the connection, or is not a proxy", 4),
    "socks: not allowed": (SocksProxy(2), "refused to connect to rooflink.invalid", 1),
    "socks: host unreachable": (SocksProxy(4), "could not connect to rooflink.invalid", 4),
    "socks: wants a login": (SocksProxy(login=("jo", "x")), "asks for a user and a password", 0),
    "socks: is a web server": (NoProxyAtAll(), "broke the connection, or is not a proxy", 0),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # httpcore leaves a refused SOCKS open
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("refusal", _REFUSALS)
async def test_a_proxy_that_does_not_connect_has_sent_nothing(
    refusal: str, version: Version, monkeypatch: pytest.MonkeyPatch
):
    proxy, message, attempts = _REFUSALS[refusal]
    proxy.asked.clear()
    scheme = "socks5" if refusal.startswith("socks") else "http"
    async with listening(proxy) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{port}")
        async with connected(f"https://{HOST}/api", version=version, person=Person()) as client:
            write = await call(client, "renovationfind_accept_lead", lead_id=801)
            text = text_of(write)
            assert data_of(write)["outcome"] == "refused"
            assert "Nothing was sent" in text
            assert f"the proxy {scheme}://127.0.0.1:{port} (HTTPS_PROXY)" in text
            assert message in text
            assert "Word of the proxy" not in text
            assert not attempts or len(proxy.asked) == attempts
            again = await call(client, "renovationfind_accept_lead", lead_id=801)
            assert message in text_of(again), "it is not blocked as unresolved"
    gc.collect()
