"""When a request is sent again: a read whenever it may help, a write only if it provably was not carried out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from leadbridge.server.catalog import Operation, load
from leadbridge.server.errors import (
    AuthError,
    NotFound,
    NotReached,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Rejected,
    ServiceError,
    Unavailable,
    UnexpectedResponse,
)
from leadbridge.server.services.client import DEADLINE, ServiceClient
from leadbridge.server.services.exchange import Exchanges
from leadbridge.server.services.retry import LONGEST_COOL_OFF, MAX_ATTEMPTS, MAX_DELAY, decide, retry_after
from tests.support import Time, patient_rate_limiter

unhurried = settings(deadline=None)  # a busy machine is no failure
CATALOG = load()
READ = CATALOG["rooflink.list_prospects"]
REVERSIBLE = CATALOG["renovationfind.update_job_status"]
ADDITIVE = CATALOG["rooflink.create_lead"]
IRREVERSIBLE = CATALOG["renovationfind.mark_won"]
WRITES = [REVERSIBLE, ADDITIVE, IRREVERSIBLE]
KINDS: list[type[ServiceError]] = [
    AuthError, NotFound, OutcomeUnknown, PermissionDenied, RateLimited, Rejected, Unavailable, UnexpectedResponse,
]  # fmt: skip
operations = st.sampled_from([READ, *WRITES])


def by_id(operation: Operation) -> str:
    return operation.id


@unhurried
@given(st.sampled_from(KINDS), operations, st.integers(1, 6), st.sampled_from([None, 400, 429, 500, 502, 503]))
def test_a_write_that_may_have_taken_effect_is_never_sent_again(
    kind: type[ServiceError], operation: Operation, attempt: int, status: int | None
) -> None:
    error = kind(what="x", status=status, may_have_taken_effect=True)
    if operation.effect.writes and kind is not RateLimited:
        assert decide(error, operation, CATALOG.services[operation.service], attempt) is None


@unhurried
@given(st.sampled_from(KINDS), operations, st.integers(MAX_ATTEMPTS, 50))
def test_four_attempts_are_all_there_are(kind: type[ServiceError], operation: Operation, attempt: int) -> None:
    assert decide(kind(what="x"), operation, CATALOG.services[operation.service], attempt) is None


@unhurried
@given(
    st.sampled_from([AuthError, NotFound, OutcomeUnknown, PermissionDenied, Rejected, UnexpectedResponse]), operations
)
def test_an_answer_that_will_be_the_same_is_not_asked_for_again(kind: type[ServiceError], operation: Operation) -> None:
    assert decide(kind(what="x"), operation, CATALOG.services[operation.service], 1) is None


@unhurried
@given(operations, st.integers(1, MAX_ATTEMPTS - 1), st.floats(0, LONGEST_COOL_OFF))
def test_after_429_the_whole_service_is_left_alone_for_its_cool_off_or_longer_if_it_says_so(
    operation: Operation, attempt: int, asked: float
) -> None:
    service = CATALOG.services[operation.service]
    again = decide(RateLimited(what="x", status=429, retry_after=asked), operation, service, attempt)
    assert again is not None
    assert again.everyone
    assert again.delay >= max(asked, 2)


@unhurried
@given(st.integers(1, MAX_ATTEMPTS - 2))
def test_the_wait_after_a_429_of_rooflink_grows_and_is_not_the_same_for_everybody(attempt: int) -> None:
    service = CATALOG.services["rooflink"]
    error = RateLimited(what="x", status=429)

    def delays(number: int) -> list[float]:
        decided = [decide(error, READ, service, number) for _ in range(20)]
        return [again.delay for again in decided if again is not None]

    assert len(set(delays(attempt))) > 1
    assert min(delays(attempt + 1)) > max(delays(attempt))


@pytest.mark.parametrize("operation", [READ, *WRITES], ids=by_id)
@pytest.mark.parametrize("unsure", [False, True])
def test_a_503_is_never_slept_through_because_its_minute_is_longer_than_anybodys_patience(
    operation: Operation, unsure: bool
) -> None:
    error = Unavailable(what="x", status=503, retry_after=60, may_have_taken_effect=unsure)
    assert decide(error, operation, CATALOG.services[operation.service], 1) is None


@unhurried
@given(operations, st.integers(1, MAX_ATTEMPTS - 1))
def test_what_never_reached_the_service_is_sent_again_soon(operation: Operation, attempt: int) -> None:
    again = decide(Unavailable(what="x"), operation, CATALOG.services[operation.service], attempt)
    assert again is not None
    assert 0 < again.delay <= MAX_DELAY
    assert not again.everyone


# Retry-After

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


@unhurried
@given(st.integers(0, 10**6))
def test_seconds_are_read_up_to_a_day(seconds: int) -> None:
    assert retry_after({"retry-after": f" {seconds} "}, NOW) == min(seconds, LONGEST_COOL_OFF)


@unhurried
@given(st.integers(-(10**6), 10**6))
def test_a_date_is_read_as_the_seconds_until_then(seconds: int) -> None:
    text = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after({"retry-after": text}, NOW) == min(max(seconds, 0), LONGEST_COOL_OFF)


def test_a_date_without_a_zone_is_read_as_utc_and_one_with_a_zone_as_it_says() -> None:
    assert retry_after({"retry-after": "Mon, 04 May 2026 12:00:30"}, NOW) == 30
    assert retry_after({"retry-after": "Mon, 04 May 2026 14:00:30 +0200"}, NOW) == 30


def test_no_header_asks_for_nothing() -> None:
    assert retry_after({}, NOW) == 0
    assert retry_after({"retry-after": ""}, NOW) == 0


@unhurried
@given(st.text(max_size=60))
@example("soon")
@example("-5")
@example("1.5")
@example("1e9")
@example("²")
@example("٣")
@example("Mon, 01 Jan 2024 00:00:00 +999999999999999999")
@example("Mon, 99 Foo 99999 99:99:99 GMT")
@example("Sat, 01 Jan 0001 00:00:00 +2359")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
def test_whatever_the_header_says_the_wait_is_a_number_of_seconds_up_to_a_day(text: str) -> None:
    assert 0 <= retry_after({"retry-after": text}, NOW) <= LONGEST_COOL_OFF


numbers = st.integers(-1, 99)
zones = st.one_of(st.sampled_from(["GMT", "", "XYZ"]), st.integers(-(10**25), 10**25))


@unhurried
@given(
    st.builds(
        "Mon, {} {} {} {}:{}:{} {}".format,
        numbers,
        st.sampled_from(["Jan", "Foo"]),
        numbers,
        numbers,
        numbers,
        numbers,
        zones,
    )
)
def test_a_date_that_does_not_exist_asks_for_nothing_or_for_a_day_at_most(text: str) -> None:
    assert 0 <= retry_after({"retry-after": text}, NOW) <= LONGEST_COOL_OFF


# On the wire

_NEVER_REACHED: list[Exception] = [
    httpx.ConnectError("All connection attempts failed"),
    httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"),
    httpx.ConnectError("[Errno -2] Name or service not known"),
    httpx.ConnectTimeout(""),
    httpx.PoolTimeout(""),
    httpx.UnsupportedProtocol("Request URL is missing an 'http://' or 'https://' protocol."),
]
_MAY_HAVE_REACHED: list[Exception] = [
    httpx.ReadTimeout(""),
    httpx.WriteTimeout(""),
    httpx.ReadError(""),
    httpx.WriteError(""),
    httpx.CloseError(""),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    httpx.LocalProtocolError("bad"),
    httpx.ProxyError("502 Bad Gateway"),
    TimeoutError(),
]


class _Leave:
    def __init__(self, operation_id: str) -> None:
        self.operation_id = operation_id

    async def sending(self) -> None:
        """Nothing to put on record here."""


async def attempts(operation: Operation, time: Time, answer: Callable[[], httpx.Response]) -> tuple[int, ServiceError]:
    """How often a request leaves when each attempt fails in this way, and what is reported in the end."""
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answer()

    service = CATALOG.services[operation.service]
    client = ServiceClient(
        Exchanges(service, SecretStr("key"), transport=lambda: httpx.MockTransport(handle)),
        patient_rate_limiter(time)(service=service.title, requests=service.requests, seconds=service.seconds),
        sleep=time.sleep,
        clock=time,
    )
    path = dict.fromkeys(["lead_id"] if "lead_id" in operation.path else [], 7)
    with pytest.raises(ServiceError) as caught:
        await client.request(operation, path=path, permit=_Leave(operation.id))
    await client.aclose()
    return len(sent), caught.value


def raising(error: Exception) -> Callable[[], httpx.Response]:
    def answer() -> httpx.Response:
        raise error

    return answer


@pytest.mark.parametrize("error", _NEVER_REACHED, ids=repr)
@pytest.mark.parametrize("operation", [READ, *WRITES], ids=by_id)
async def test_what_never_reaches_the_service_is_tried_four_times_and_then_failed(
    operation: Operation, error: Exception, time: Time
) -> None:
    sent, failure = await attempts(operation, time, raising(error))
    assert sent == MAX_ATTEMPTS
    assert isinstance(failure, NotReached)
    assert not failure.may_have_taken_effect
    assert not failure.sent
    assert len(time.slept) == MAX_ATTEMPTS - 1
    assert sum(time.slept) < DEADLINE / 2


@pytest.mark.parametrize("error", _MAY_HAVE_REACHED, ids=repr)
@pytest.mark.parametrize("operation", [READ, *WRITES], ids=by_id)
async def test_what_may_have_reached_the_service_is_tried_again_for_a_read_and_never_for_a_write(
    operation: Operation, error: Exception, time: Time
) -> None:
    sent, failure = await attempts(operation, time, raising(error))
    if operation.effect.writes:
        assert sent == 1
        assert isinstance(failure, OutcomeUnknown)
        assert failure.may_have_taken_effect
        assert time.slept == []
    else:
        assert sent == MAX_ATTEMPTS
        assert type(failure) is Unavailable
        assert not failure.may_have_taken_effect


@pytest.mark.parametrize("status", [408, 500, 501, 502, 504, 507, 520, 524, 599])
@pytest.mark.parametrize("operation", [READ, *WRITES], ids=by_id)
async def test_a_failure_of_the_server_is_tried_again_for_a_read_and_unknown_for_a_write(
    operation: Operation, status: int, time: Time
) -> None:
    sent, failure = await attempts(operation, time, lambda: httpx.Response(status, text="<h1>Oops</h1>"))
    assert sent == (1 if operation.effect.writes else MAX_ATTEMPTS)
    assert isinstance(failure, OutcomeUnknown if operation.effect.writes else Unavailable)
    assert failure.status == status
    assert "Oops" not in str(failure)


@pytest.mark.parametrize("operation", [READ, ADDITIVE], ids=by_id)
async def test_a_503_of_rooflink_ends_at_once_with_a_minute_at_least(operation: Operation, time: Time) -> None:
    sent, failure = await attempts(operation, time, lambda: httpx.Response(503, headers={"retry-after": "10"}))
    assert sent == 1
    assert isinstance(failure, Unavailable)
    assert (failure.retry_after, failure.may_have_taken_effect) == (60, False)


@pytest.mark.parametrize("operation", [REVERSIBLE, IRREVERSIBLE], ids=by_id)
async def test_a_503_of_renovationfind_leaves_the_outcome_of_a_write_unknown(operation: Operation, time: Time) -> None:
    sent, failure = await attempts(operation, time, lambda: httpx.Response(503))
    assert sent == 1
    assert isinstance(failure, OutcomeUnknown)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451])
@pytest.mark.parametrize("operation", [READ, *WRITES], ids=by_id)
async def test_a_refusal_is_not_argued_with(operation: Operation, status: int, time: Time) -> None:
    sent, failure = await attempts(operation, time, lambda: httpx.Response(status, json={"detail": "No."}))
    assert sent == 1
    assert not failure.may_have_taken_effect
    assert failure.status == status


@pytest.mark.parametrize("asked", ["86400", "315360000", "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_a_far_retry_after_locks_out_for_an_hour_at_most_and_says_so(asked: str, time: Time) -> None:
    sent, failure = await attempts(READ, time, lambda: httpx.Response(429, headers={"retry-after": asked}))
    assert sent == 1
    assert isinstance(failure, RateLimited)
    assert failure.retry_after == LONGEST_COOL_OFF == 3_600
    assert "Try again in 3600 s. It asked for an hour or more" in str(failure)
