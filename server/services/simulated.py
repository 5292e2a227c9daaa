"""A service that is LeadBridge's sandbox says so in each answer; what contradicts the settings counts for nothing.

The header only ever closes: whether a service is simulated, and whose state is used, the settings say alone.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from leadbridge.server.catalog import Operation, Service
from leadbridge.server.errors import OutcomeUnknown, WrongService
from leadbridge.server.sandbox_keys import SANDBOX_HEADER, SANDBOX_HOME
from leadbridge.server.services.answers import KEY_SETTING, HttpAnswer, base_url_setting, key_refused


def home_of(service: Service, base_url: str) -> tuple[Operation, str]:
    """What the sandbox answers whoever asks, and where."""
    parts = urlsplit(base_url)
    operation = {
        "id": f"{service.id}.sandbox",
        "service": service.id,
        "title": "Meet the sandbox",
        "toolset": "pipeline",
        "effect": "read",
        "method": "GET",
        "path": SANDBOX_HOME,
        "provenance": {"operation": "documented", "path": "documented"},
        "source": "LeadBridge itself",
    }
    return Operation.model_validate(operation), f"{parts.scheme}://{parts.netloc}{SANDBOX_HOME}"


def refuse_other(answer: HttpAnswer, operation: Operation, service: Service, base_url: str, *, simulated: bool) -> None:
    """Let an answer pass that comes from what the settings say is there.

    Raises:
        AuthError: the sandbox is asked with a key that is not its own.
        WrongService: it comes from the sandbox instead of the service, or the other way round.
        OutcomeUnknown: the same, and it may have taken a write.
    """
    if (SANDBOX_HEADER in answer.headers) == simulated:
        return
    key, address = KEY_SETTING[service.id], base_url_setting(service.id)
    if simulated:
        what = (
            f"{key} is the key of LeadBridge's sandbox, and what answers at {base_url} ({address}) is not the sandbox."
        )
        next_step = (
            f"Start `leadbridge sandbox` and set what it prints, or set {key} and {address} for {service.title}."
        )
    elif answer.status == HTTPStatus.UNAUTHORIZED:
        error = key_refused(service)
        error.next_step = (
            f"Check {key} against what `leadbridge sandbox` prints, for the sandbox answers at {base_url} ({address}); "
            f"or take {address} out to reach {service.title}."
        )
        raise error
    else:
        what = f"LeadBridge's sandbox answers at {base_url} ({address}), and {key} is not the sandbox's key."
        next_step = f"Take {address} out to reach {service.title}, or set both as `leadbridge sandbox` prints them."
    refused = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if operation.effect.writes and not refused:
        raise OutcomeUnknown(f"{what} It may have taken {operation.title!r}.", next_step)
    raise WrongService(what, next_step)
