"""Keychains for the tests, as `keyring` finds them by PYTHON_KEYRING_BACKEND: one that works, and some that do not."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class Working(KeyringBackend):
    """It keeps what it gets in the file TEST_KEYCHAIN, where a test can look."""

    priority = 5  # pyright: ignore[reportAssignmentType]  # keyring makes a property of it
    name = "Test Keychain"  # pyright: ignore[reportAssignmentType]  # same

    def get_password(self, service: str, username: str) -> str | None:
        return _kept().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        _file().write_text(json.dumps({**_kept(), f"{service}/{username}": password}), "utf-8")


class Locked(Working):
    """Nobody typed its password."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("Failed to unlock the collection!")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("Failed to unlock the collection!")


class Forgetful(Working):
    """It takes everything and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class Weak(Working):
    """A plain file, as keyring's alternatives have it."""

    priority = 0.5  # pyright: ignore[reportAssignmentType]  # same


def _file() -> Path:
    return Path(os.environ["TEST_KEYCHAIN"])


def _kept() -> dict[str, str]:
    return json.loads(_file().read_text("utf-8")) if _file().exists() else {}
