"""Settings from the environment (prefix `LEADBRIDGE_`), from an env file that is named, and from `*_FILE` secrets."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from leadbridge.server.config.env_file import NAMED_BY, PREFIX, named_file, settings_in, unread_settings
from leadbridge.server.config.keychain import KeychainError, key_in_keychain
from leadbridge.server.config.loopback import is_loopback, plain_url
from leadbridge.server.config.pasted import key_in, unwrapped
from leadbridge.server.config.paths import fill_in
from leadbridge.server.config.state_address import state_address
from leadbridge.server.config.text_files import UnreadableFileError, read_text
from leadbridge.server.config.token_claims import read_claims
from leadbridge.server.errors import SettingsError
from leadbridge.server.sandbox_keys import SANDBOX_SECRETS
from leadbridge.server.spelling import allowed_values, meant, nearest
from leadbridge.server.text import clean

LONGEST_COMPANY = 40
ApprovalMode = Literal["auto", "human", "token", "off"]
LARGEST_SECRET = 16_000
"""Bytes of a file that contains a key or an address."""
KEYS = ("rooflink_api_key", "renovationfind_token")
_SECRETS = (*KEYS, "state_url")
PATHS = {*(f"{name}_file" for name in _SECRETS), "contract_file", "upload_root", "env_file"}
_IN_FILE = {**dict.fromkeys(KEYS, key_in), "state_url": state_address}
KEY_SOURCES = {*(f"{PREFIX}{name.upper()}_FILE" for name in KEYS), f"{PREFIX}KEYCHAIN", NAMED_BY}
"""Variables that say where a key is, without being one."""


class Settings(BaseModel):
    """What the server runs with. Every field is `LEADBRIDGE_` plus its name in capitals."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    rooflink_api_key: SecretStr | None = None
    rooflink_api_key_file: Path | None = None
    rooflink_base_url: str = ""
    renovationfind_token: SecretStr | None = None
    renovationfind_token_file: Path | None = None
    renovationfind_base_url: str = ""
    keychain: str = ""
    """The name under which `leadbridge setup` put keys into the system's keychain; they are read if it is set."""
    state_url: SecretStr | None = None
    state_url_file: Path | None = None
    company: str = "default"
    """Whose history, index and leads these are; see `leadbridge.server.company.company`."""
    read_only: bool = False
    toolsets: str = "default"
    approvals: ApprovalMode = "auto"
    background_reading: bool = True
    """Whether RoofLink's list of prospects is read while nobody calls, so that a duplicate check finds it read."""
    call_deadline: float = Field(default=50.0, gt=0, le=600)
    upload_root: Path | None = None
    contract_file: Path | None = None
    sandbox: bool = False
    time_zone: str = ""
    """The office's; the machine's if it is empty."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "WARNING"
    env_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _unwrap_and_read_secret_files(cls, given: Any) -> Any:
        texts = {name: unwrapped(value) if isinstance(value, str) else value for name, value in given.items()}
        values: dict[str, Any] = {name: value for name, value in texts.items() if value != "" or name in _SECRETS}
        for name in [name for name in PATHS if values.get(name) is not None]:
            try:
                values[name] = Path(fill_in(str(values[name])))
            except ValueError as error:
                raise ValueError(f"{PREFIX}{name.upper()}: {error}") from None
        for name in _SECRETS:
            path = values.get(f"{name}_file")
            if path is None:
                continue
            if values.get(name) is not None:
                raise ValueError(f"{PREFIX}{name.upper()} and {PREFIX}{name.upper()}_FILE are both set; keep one")
            try:
                values[name] = _IN_FILE[name](unwrapped(read_text(path, LARGEST_SECRET)))
            except UnreadableFileError as error:
                raise ValueError(f"{PREFIX}{name.upper()}_FILE cannot be read: {error}") from None
            except ValueError as error:
                raise ValueError(f"{PREFIX}{name.upper()}_FILE: what is in the file {error}") from None
        if entry := values.get("keychain"):
            for name in [name for name in KEYS if values.get(name) is None]:
                try:
                    values[name] = key_in_keychain(entry, name)
                except KeychainError as error:
                    raise ValueError(f"{PREFIX}KEYCHAIN: the system's keychain: {error}") from None
        return values

    @field_validator("log_level", "approvals", mode="before")
    @classmethod
    def _any_case(cls, value: Any, info: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.upper() if info.field_name == "log_level" else value.lower()

    @field_validator("rooflink_api_key", "renovationfind_token")
    @classmethod
    def _key_alone(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(key_in(value.get_secret_value()))

    @field_validator("rooflink_base_url", "renovationfind_base_url")
    @classmethod
    def _base_url_is_safe(cls, value: str) -> str:
        if not value:
            return value
        parts = plain_url(value)
        if parts is None or parts.scheme not in {"https", "http"} or parts.query or parts.fragment or " " in value:
            raise ValueError("must be a plain URL such as https://host/path, without user, query or fragment")
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("must be https; without TLS only a loopback address is accepted")
        return value.rstrip("/")

    @field_validator("company")
    @classmethod
    def _company_is_a_name(cls, value: str) -> str:
        name = unicodedata.normalize("NFC", " ".join(value.split()))
        if not name or not name.isprintable() or "/" in name or len(name.casefold()) > LONGEST_COMPANY:
            raise ValueError(f"must be a name of at most {LONGEST_COMPANY} characters, without line breaks or /")
        return name

    @field_validator("upload_root")
    @classmethod
    def _upload_root_is_a_folder(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
        if not value.is_absolute():
            msg = "must be an absolute path: a relative one would be another folder for each that a host starts in"
            raise ValueError(msg)
        if not value.is_dir():
            raise ValueError("must be a folder that exists; files are uploaded from it only")
        return value

    @field_validator("time_zone")
    @classmethod
    def _time_zone_exists(cls, value: str) -> str:
        from zoneinfo import ZoneInfo, available_timezones

        try:
            return ZoneInfo(value).key if value else ""
        except (ValueError, OSError, KeyError):
            hint = meant(value, available_timezones())
            raise ValueError(f"must be the name of a time zone such as America/Chicago{hint}") from None

    @field_validator("state_url")
    @classmethod
    def _state_url_is_a_store(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(state_address(value.get_secret_value()))

    @property
    def zone(self) -> tzinfo | None:
        """The office's time zone; `None` for the machine's."""
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.time_zone) if self.time_zone else None

    def secret(self, service: str) -> SecretStr | None:
        """The key for a service (`rooflink`, `renovationfind`), if there is one."""
        return self.rooflink_api_key if service == "rooflink" else self.renovationfind_token

    def simulates(self, service: str) -> bool:
        """Whether a service is the sandbox: in this process, or on this machine, where its own key opens it.

        The sandbox takes no other key and no service takes that one, so it is known before any answer.
        """
        if self.sandbox:
            return True
        secret, host = self.secret(service), urlsplit(self.base_url(service)).hostname or ""
        return secret is not None and secret.get_secret_value() == SANDBOX_SECRETS[service] and is_loopback(host)

    def warnings(self) -> Iterator[str]:
        """Lines for the start: settings that are not read, and a key that says that it is over, or will be soon.

        The key of the other service may be fine, so the server starts all the same.
        """
        if unread := unread_settings(self.env_file):
            yield unread
        now = datetime.now(UTC)
        for setting, secret in (
            ("ROOFLINK_API_KEY", self.rooflink_api_key),
            ("RENOVATIONFIND_TOKEN", self.renovationfind_token),
        ):
            claims = read_claims(secret.get_secret_value()) if secret is not None else None
            if claims is not None and claims.expires_soon(now) and not self.sandbox:
                yield f"{PREFIX}{setting} {claims.expiry(now)}; get a new one and set it"

    def base_url(self, service: str) -> str:
        """The configured base URL of a service, or an empty text for the catalog's."""
        return self.rooflink_base_url if service == "rooflink" else self.renovationfind_base_url


def load_settings(*, sandbox: bool = False, needs_key: bool = True, env_file: str | None = None) -> Settings:
    """Settings of this process. `sandbox` and `env_file` are the command line's `--sandbox` and `--env-file`.

    The environment wins over the file. What is in neither has its default: no other file is looked at.

    Raises:
        SettingsError: an unknown `LEADBRIDGE_` name, a value that is not allowed, or, where a key is needed, neither
            a key nor the sandbox. The text is one line and never holds a secret.
    """
    file = named_file(env_file, os.environ)
    from_file = settings_in(file) if file is not None else {}
    _refuse_unknown_names([*os.environ, *from_file])
    if any(name.upper() == NAMED_BY for name in from_file):
        raise SettingsError(f"{NAMED_BY} names this file; it cannot name another one from inside {file}")
    values: dict[str, Any] = {
        name.upper().removeprefix(PREFIX).lower(): value
        for name, value in [*from_file.items(), *os.environ.items()]
        if value and name.upper().startswith(PREFIX)
    }
    values["env_file"] = file
    if sandbox:
        values["sandbox"] = True
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from None
    keyless = settings.rooflink_api_key is None and settings.renovationfind_token is None
    if needs_key and keyless and not settings.sandbox:
        unread = unread_settings(file)
        looked = f"the system's keychain has none under the name {settings.keychain}; " if settings.keychain else ""
        raise SettingsError(
            f"no key: {looked}set LEADBRIDGE_ROOFLINK_API_KEY and/or LEADBRIDGE_RENOVATIONFIND_TOKEN, "
            f"or add --sandbox to try LeadBridge on simulated services{'; ' if unread else ''}{unread}"
        )
    return settings


def _refuse_unknown_names(names: Iterable[str]) -> None:
    """A misspelt `LEADBRIDGE_READONLY` or `LEADBRIGE_READ_ONLY` must not leave a server able to write."""
    known = sorted(name.upper() for name in Settings.model_fields)
    for name in names:
        given = name.upper()
        ours = [one for one in known if given.endswith(f"_{one}")]
        if ours and _looks_like_the_prefix(given.removesuffix(max(ours, key=len))):
            raise SettingsError(f"{name} is not a setting; did you mean {PREFIX}{max(ours, key=len)}?")
        if given.startswith(PREFIX) and given.removeprefix(PREFIX) not in known:
            near = nearest(given.removeprefix(PREFIX), known)
            hint = f"; did you mean {PREFIX}{near}?" if near else f"; known: {', '.join(PREFIX + one for one in known)}"
            raise SettingsError(f"{name} is not a setting{hint}")


def _looks_like_the_prefix(text: str) -> bool:
    """Whether somebody who wrote this meant the prefix of the settings."""
    likeness = SequenceMatcher(None, text.replace("_", ""), PREFIX.replace("_", "")).ratio()
    return text != PREFIX and text.startswith(PREFIX[:2]) and likeness > _ALIKE


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    name = PREFIX + where.upper() + ": " if where else ""
    kind, given = first["type"], first["input"]
    if kind in _WORDED and isinstance(given, str):  # no secret is of these types
        expected = str(first.get("ctx", {}).get("expected", ""))
        hint = meant(given, allowed_values(expected))
        return f"{name}must be {_WORDED[kind] or expected}, not {clean(given, limit=40)!r}{hint}"
    return name + first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


_ALIKE = 0.85
"""`LEADBRIGE_` and `LEAD_BRIDGE_` are meant; `LEADERBOARD_` is another program's."""
_WORDED = {"bool_parsing": "true or false", "float_parsing": "a number", "literal_error": ""}
