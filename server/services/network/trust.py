"""Which certificates are trusted: those that the environment names, else the system's, else certifi's."""

from __future__ import annotations

import os
import re
import ssl
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from leadbridge.server.errors import NetworkSettingError

FILE, FOLDER, REQUESTS = "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
    "/etc/ssl/cert.pem",  # Alpine, Arch, BSD, Fedora from 34 to 43, RHEL 9 and 10
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # later ones
    "/etc/pki/tls/certs/ca-bundle.crt",  # earlier ones
    "/etc/ssl/ca-bundle.pem",  # SUSE
)
"""Where the systems keep their store, if this Python's OpenSSL was built to look elsewhere."""
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+", re.IGNORECASE)
_LARGEST = 20_000_000


def tls_context(url: str) -> ssl.SSLContext:
    """The context for TLS to a URL; it may take 20 ms, and is kept after that. Without TLS it trusts nobody.

    Raises:
        NetworkSettingError: a variable names what is not there or holds no certificates.
    """
    if not url.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _context(*(os.environ.get(name, "").strip().strip("\"'") for name in (FILE, FOLDER, REQUESTS)))


def trust_source() -> str:
    """Where the trusted certificates come from, for people."""
    named = [name for name in (FILE, FOLDER) if os.environ.get(name, "").strip()]
    named = named or [name for name in (REQUESTS,) if os.environ.get(name, "").strip()]
    return " and ".join(named) or "the system"


@lru_cache(maxsize=1)
def _context(file: str, folder: str, bundle: str) -> ssl.SSLContext:
    if not (file or folder or bundle):
        return _of_the_system()
    context = _new()
    if file:
        _load_file(context, FILE, file)
    if folder:
        _load_folder(context, FOLDER, folder)
    if not (file or folder):
        (_load_folder if _path(bundle).is_dir() else _load_file)(context, REQUESTS, bundle)
    return context


def _of_the_system() -> ssl.SSLContext:
    if sys.platform in {"win32", "darwin"}:
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Not truststore: on other systems it reads the store again with each connection.
    context, paths = _new(), ssl.get_default_verify_paths()
    folder = paths.openssl_capath if _is_hashed(Path(paths.openssl_capath)) else None
    file = next(filter(os.path.isfile, (paths.openssl_cafile, *(() if folder else BUNDLES))), None)
    if not (file or folder):
        import certifi

        file = certifi.where()
    context.load_verify_locations(file, folder)
    return context


def _load_file(context: ssl.SSLContext, variable: str, name: str) -> None:
    path = _path(name)
    try:
        if path.is_dir():
            raise NetworkSettingError(variable, f"is a folder; give a file in PEM form, or set {FOLDER} to the folder")
        if not path.is_file():
            raise NetworkSettingError(variable, "there is no such file; give a file with certificates in PEM form")
        if path.stat().st_size > _LARGEST:
            raise NetworkSettingError(variable, "the file is too large for certificates; give a file in PEM form")
        if b"-----BEGIN" in (content := path.read_bytes()):
            context.load_verify_locations(cafile=path)
        else:  # an office often hands its certificate out in binary form
            context.load_verify_locations(cadata=content)
    except (ssl.SSLError, ValueError):
        raise NetworkSettingError(variable, "the file holds no certificate; give a file in PEM form") from None
    except OSError as error:
        raise NetworkSettingError(variable, f"the file cannot be read ({error.strerror})") from None


def _load_folder(context: ssl.SSLContext, variable: str, names: str) -> None:
    folders = [_path(name) for name in names.split(os.pathsep) if name]
    if not any(folder.is_dir() for folder in folders):
        raise NetworkSettingError(variable, f"there is no such folder; give a folder with certificates, or set {FILE}")
    usable = [folder for folder in folders if _is_hashed(folder)]
    if not usable:
        why = "the folder holds no certificate under its hash name; run `openssl rehash` on it, or set " + FILE
        raise NetworkSettingError(variable, why)
    for folder in usable:
        context.load_verify_locations(capath=str(folder))


def _path(name: str) -> Path:
    return Path(os.path.expanduser(name))  # noqa: PTH111  # pathlib's fails where there is no home folder


def _is_hashed(folder: Path) -> bool:
    try:
        return any(_HASHED.fullmatch(each.name) for each in folder.iterdir())
    except OSError:
        return False


@contextmanager
def _naming_issuer(connection: ssl.SSLObject | ssl.SSLSocket) -> Generator[None]:
    """Notes on the error who issued a certificate that is refused."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        with suppress(AttributeError, LookupError, TypeError, ValueError, ssl.SSLError):
            error.add_note(_issuer(connection))
        raise


class _Object(ssl.SSLObject):
    """As asyncio makes them."""

    def do_handshake(self) -> None:
        with _naming_issuer(self):
            super().do_handshake()


class _Socket(ssl.SSLSocket):
    """As `wrap_socket` makes them."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 (as the class above has it)
        with _naming_issuer(self):
            super().do_handshake(block)


def _new() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class, context.sslsocket_class = _Object, _Socket
    return context


def _issuer(connection: Any) -> str:
    """The name in the certificate that was shown; Python has no public way to it once the certificate is refused."""
    shown = connection._sslobj.get_unverified_chain()[0].get_info()  # noqa: SLF001
    names = dict(pair for part in shown["issuer"] for pair in part)
    return names.get("commonName") or names["organizationName"]
