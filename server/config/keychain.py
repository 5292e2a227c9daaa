"""Keys in the system's keychain: macOS Keychain, Windows Credential Manager, or a Linux desktop's Secret Service."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from leadbridge.server.text import clean

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

WEAKEST = 1
"""keyring's own priority of a keychain that protects what is in it; plain files and missing keychains are below."""


class KeychainError(Exception):
    """Why the keychain cannot be used, in words that fit behind its name."""


def name_of_keychain() -> str:
    """What the system calls its keychain.

    Raises:
        KeychainError: there is none in which a key would be safe.
    """
    with _explained():
        backend = _backend()
        if backend.priority >= WEAKEST:
            return backend.name
    raise KeychainError("this system has none that LeadBridge can use")


def key_in_keychain(entry: str, setting: str) -> str | None:
    """The key that `store_key` put there, or `None`.

    Raises:
        KeychainError: it cannot be asked, or it says no.
    """
    with _explained():
        return _backend().get_password(entry, setting)


def store_key(entry: str, setting: str, key: str) -> None:
    """Put a key into the keychain, in place of an earlier one, and see that it is there.

    Raises:
        KeychainError: it is not there now.
    """
    with _explained():
        _backend().set_password(entry, setting, key)  # pyright: ignore[reportUnknownMemberType]  # wrapped by keyring
    if key_in_keychain(entry, setting) != key:
        raise KeychainError("it did not give the key back")


def _backend() -> KeyringBackend:
    try:
        import keyring
    except ImportError:
        raise KeychainError("LeadBridge was installed without it: install leadbridge[keychain]") from None
    return keyring.get_keyring()


@contextmanager
def _explained() -> Generator[None]:
    """Each system's keychain fails with errors of its own."""
    try:
        yield
    except KeychainError:
        raise
    except Exception as error:  # noqa: BLE001
        raise KeychainError(f"it cannot be used: {clean(str(error), limit=120) or type(error).__name__}") from None
