"""From an HTTP answer to JSON or to an error: what each status code and each odd body means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from pydantic import JsonValue

from leadbridge.server.catalog import Operation, Service
from leadbridge.server.config.token_claims import NO_CLAIMS, TokenClaims
from leadbridge.server.errors import (
    AuthError,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Rejected,
    ServiceError,
    Unavailable,
    UnexpectedResponse,
)
from leadbridge.server.redaction import Redactor
from leadbridge.server.services.json_body import json_of
from leadbridge.server.services.retry import LONGEST_COOL_OFF, retry_after
from leadbridge.server.text import in_sentence

MAX_BYTES = 10 * 1024 * 1024

KEY_SETTING = {"rooflink": "LEADBRIDGE_ROOFLINK_API_KEY", "renovationfind": "LEADBRIDGE_RENOVATIONFIND_TOKEN"}
"""The setting with a service's key."""
_KEY_SOURCE = {
    "rooflink": "RoofLink's Company Settings > API Keys",
    "renovationfind": "the RenovationFind Manager Portal",
}
_FIELD = re.compile(r"[A-Za-z0-9_.]{1,60}")
_WHY_REFUSED = {"rooflink": "it may have been disabled or deleted", "renovationfind": "tokens may expire"}


def base_url_setting(service: str) -> str:
    """The setting that says where a service is."""
    return f"LEADBRIDGE_{service.upper()}_BASE_URL"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer as it came: headers by their names in any case, a body of at most `MAX_BYTES`, or cut there."""

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray
    too_large: bool = False
    redactor: Redactor = field(default_factory=Redactor)
    """Knows the key that was sent, which is struck out before anything of the answer is read, shown or kept."""


def parse(
    answer: HttpAnswer, operation: Operation, service: Service, path: Mapping[str, int], key: TokenClaims = NO_CLAIMS
) -> JsonValue:
    """The JSON of a good answer; `None` for 204.

    `path` has the ids that were asked for, in the path or elsewhere, `key` what the key that was sent says of itself.

    Raises:
        ServiceError: everything else. After a write, an answer that cannot be read raises `OutcomeUnknown`.
    """
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        error = _error_for(answer, operation, service, path, key)
        error.status = answer.status
        raise error
    nothing = operation.may_answer_nothing and not answer.too_large and not answer.body.strip()
    if answer.status == HTTPStatus.NO_CONTENT or nothing:
        return None
    value = _json(answer, operation, service)
    documented = operation.answer.envelope or not operation.effect.writes
    shows = operation.effect.writes and isinstance(value, dict) and value.get("data")  # then it may be both
    if documented and not shows and isinstance(value, dict) and value.get("success") is False:
        raise _rejected(value, answer.status, operation, service, path)
    return value


def unreadable(why: str, operation: Operation, service: Service) -> ServiceError:
    """An answer that cannot be used: unexpected for a read, an unknown outcome for a write."""
    what = f"{service.title} answered {operation.title!r} with {why}."
    if operation.effect.writes:
        return OutcomeUnknown(what)
    return UnexpectedResponse(what, "Try again later; if it stays, check the base URL.")


def _json(answer: HttpAnswer, operation: Operation, service: Service) -> JsonValue:
    try:
        if answer.body.strip() and not answer.too_large:
            return answer.redactor.value(json_of(answer.body, service.title))
        why = f"more than {MAX_BYTES // 1024 // 1024} MB" if answer.too_large else "an empty body"
    except RecursionError:
        why = "lists and objects nested too deeply"
    except ValueError:
        html = answer.body.lstrip()[:1] == b"<"
        why = "an HTML page instead of JSON" if html else "something that is not JSON (perhaps cut off)"
    raise unreadable(why, operation, service)


def key_refused(service: Service, key: TokenClaims = NO_CLAIMS) -> AuthError:
    """401, in words; `key` is what the key that was sent says of itself."""
    setting, now = KEY_SETTING[service.id], datetime.now(UTC)
    if key.expired(now):
        return AuthError(
            what=f"{service.title} refused the key (401): it {key.expiry(now)}.",
            next_step=f"Get a new one from {_KEY_SOURCE[service.id]} and set {setting}.",
        )
    return AuthError(
        what=f"{service.title} refused the key (401).",
        next_step=f"Check {setting} against {_KEY_SOURCE[service.id]} ({_WHY_REFUSED[service.id]}), "
        "or ask whoever set up LeadBridge.",
    )


def _error_for(
    answer: HttpAnswer, operation: Operation, service: Service, path: Mapping[str, int], key: TokenClaims
) -> ServiceError:
    status, title = answer.status, service.title
    if status == HTTPStatus.UNAUTHORIZED:
        return key_refused(service, key)
    if status == HTTPStatus.FORBIDDEN:
        return PermissionDenied(
            what=f"{title} does not allow this key to {operation.doing(path)} (403).",
            next_step="Check the permissions of the key's user on the service.",
        )
    if status == HTTPStatus.NOT_FOUND:
        asked = {name: f"{name.removesuffix('_id')} {identity}" for name, identity in path.items()}
        named = " and ".join(text for name, text in asked.items() if name in operation.variables)
        about = f" for {' and '.join(asked.values())}" if asked else ""
        return NotFound(
            what=f"{title} has {f'no {named} for this key' if named else f'nothing at {operation.path}{about}'} (404).",
            missing=tuple(path),
            hints=_doubtful_path(operation),
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        asked = retry_after(answer.headers)
        wait = asked or service.cool_off_429
        return RateLimited(
            what=f"{title} asked to slow down (429).",
            next_step=_try_again(wait),
            retry_after=wait,
            asked=asked > 0,
        )
    if status == HTTPStatus.SERVICE_UNAVAILABLE and status in service.unprocessed:
        wait = max(retry_after(answer.headers), service.cool_off_503)
        return Unavailable(
            what=f"{title} is over its service-wide limit (503).",
            next_step=_try_again(wait),
            retry_after=wait,
        )
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        unavailable = status == HTTPStatus.SERVICE_UNAVAILABLE
        return Unavailable(
            what=f"{title} failed ({status}).",
            next_step="Try again later.",
            retry_after=max(retry_after(answer.headers), service.cool_off_503) if unavailable else 0.0,
            may_have_taken_effect=operation.effect.writes,
        )
    if status < HTTPStatus.BAD_REQUEST:
        return unreadable(f"a redirect ({status}), which is not followed", operation, service)
    return _rejected(_body_of(answer, operation, service), status, operation, service, path)


def _try_again(wait: float) -> str:
    capped = " It asked for an hour or more, and LeadBridge leaves a service alone for an hour at most."
    return f"Try again in {wait:.0f} s.{capped if wait >= LONGEST_COOL_OFF else ''}"


def _rejected(
    body: JsonValue, status: int, operation: Operation, service: Service, path: Mapping[str, int]
) -> Rejected:
    fields = _field_messages(body)
    message = "; ".join(f"{name}: {text}" if name else text for name, text in fields.items())
    return Rejected(
        what=f"{service.title} refused to {operation.doing(path)} ({status}).",
        said=message,
        fields=fields,
        hints=_doubtful_path(operation) if status == 405 else _inferred_names(operation, fields),
    )


def _body_of(answer: HttpAnswer, operation: Operation, service: Service) -> JsonValue:
    try:
        return _json(answer, operation, service)
    except ServiceError:
        return None


def _field_messages(body: JsonValue) -> dict[str, str]:
    """At most 12 messages from DRF's `{field: [text]}` (also one level down) and `{detail}`, or from `{error}`."""
    if not isinstance(body, dict):
        return {}
    for key in ("error", "detail", "message"):
        if isinstance(body.get(key), str):
            return {"": in_sentence(body[key], limit=200)}
    messages: dict[str, str] = {}
    rows: list[tuple[str, JsonValue]] = []
    for name, value in body.items():
        inner = [(f"{name}.{part}", text) for part, text in value.items()] if isinstance(value, dict) else []
        rows += inner or [(name, value)]
    for name, value in rows[:12]:
        if name == "success":
            continue
        first = value[0] if isinstance(value, list) and value else value
        field = name if _FIELD.fullmatch(name) else in_sentence(name, limit=60)
        messages["" if name == "non_field_errors" else field] = in_sentence(first, limit=200)
    return messages


def _doubtful_path(operation: Operation) -> list[str]:
    if operation.path_is_certain:
        return []
    if operation.provenance.path == "override":
        return [f"Note: method and path ({operation.method} {operation.path}) come from LEADBRIDGE_CONTRACT_FILE."]
    message = (
        f"Note: the path of this operation ({operation.method} {operation.path}) is inferred, not documented; if it is "
        f"wrong, correct it in LEADBRIDGE_CONTRACT_FILE under [operations.'{operation.id}']. "
        "`leadbridge contract check` looks for the documented one."
    )
    return [message]


def _inferred_names(operation: Operation, fields: Mapping[str, str]) -> list[str]:
    inferred = {field.wire for field in operation.body.values() if field.provenance == "inferred"}
    # An object that does not exist was looked up, so the service knows the name of the field.
    if not inferred or all("does not exist" in message for message in fields.values()):
        return []
    message = (
        "Note: names of this operation's fields are partly inferred, not documented; if the service misses one "
        f"that was given, correct its name in LEADBRIDGE_CONTRACT_FILE under [operations.'{operation.id}'.body]."
    )
    return [message]
