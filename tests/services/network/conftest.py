"""An environment without proxies and certificates, and a maker of certificates."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.services.network.world import HOST


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Office Gateway")


@pytest.fixture
def office_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "office.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def tls(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    def make(host: str = HOST, *, days: int = 30) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        end = datetime.now(UTC) + timedelta(days=days)
        authority.issue_cert(host, not_before=end - timedelta(days=60), not_after=end).configure_cert(context)
        return context

    return make
