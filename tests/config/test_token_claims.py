"""Expiry and subject of a JWT, read without trust: whatever the token holds, reading it never fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.server.config.token_claims import TokenClaims, read_claims
from tests.support import jwt

MOMENT = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("subject", ["42", "vendor-42", "Ärzte?>", "a"])
def test_expiry_and_subject_are_read(subject: str) -> None:
    claims = read_claims(jwt({"sub": subject, "exp": int(MOMENT.timestamp())}))
    assert claims == TokenClaims(MOMENT, subject)


def test_a_token_is_expired_from_its_moment_on() -> None:
    claims = TokenClaims(MOMENT)
    assert claims.expired(MOMENT)
    assert not claims.expired(MOMENT - timedelta(seconds=1))
    assert not TokenClaims().expired(MOMENT)


@pytest.mark.parametrize(
    "exp", ["1796113800", "soon", True, None, 0, -5, 10**30, 1e308, 1e400, float("nan"), [1], {"a": 1}, 1796113800000]
)
def test_an_expiry_that_is_not_a_moment_counts_as_none(exp: Any) -> None:
    assert read_claims(jwt({"sub": "42", "exp": exp})) == TokenClaims(None, "42")


def test_an_expiry_with_a_fraction_is_read() -> None:
    claims = read_claims(jwt({"exp": MOMENT.timestamp() + 0.5}))
    assert claims is not None
    assert claims.expires == MOMENT + timedelta(seconds=0.5)


@pytest.mark.parametrize(("subject", "read"), [(42, "42"), (True, ""), (None, ""), (1.5, ""), (["a"], ""), ({}, "")])
def test_a_subject_is_a_text_or_a_whole_number(subject: Any, read: str) -> None:
    assert read_claims(jwt({"sub": subject})) == TokenClaims(None, read)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rl-5f3a9c1e7b2d",
        "a.b",
        "a.b.c.d",
        "..",
        "a.%%%.c",
        "a.é.c",
        jwt("[1]"),
        jwt('{"exp": 1'),
        jwt("[" * 100_000),
    ],
)
def test_what_is_not_a_jwt_has_no_claims(token: str) -> None:
    assert read_claims(token) is None


def test_a_number_of_many_digits_does_not_fail() -> None:
    assert read_claims(jwt('{"exp": ' + "9" * 10_000 + "}")) is None


@given(st.text())
def test_no_text_fails(text: str) -> None:
    read_claims(text)
    read_claims(f"a.{text}.c")
    read_claims(jwt(text))
