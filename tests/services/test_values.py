"""Values as the services send them: two date formats, numbers as texts, empty texts for nothing."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadbridge.server.services.renovationfind.models import PostLeadStatus
from leadbridge.server.services.rooflink.models import Page, Prospect
from leadbridge.server.services.values import day_of, is_moment, iso_date

unhurried = settings(deadline=None)  # a busy machine is no failure
ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(10**300, 10**310),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(
            ["", " ", "\ud83d", "5", "1e5", "NaN", "-inf", "²", "٣", "true", "9/3/2025 4:05PM", "2026-04-16"]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


# Counts


@given(st.integers(max_value=-1))
def test_a_page_has_no_negative_count(number: int) -> None:
    page = Page.model_validate({"count": number, "from_index": str(number), "to_index": "20", "next_page": 3})
    assert (page.count, page.from_index, page.to_index, page.next_page) == (None, None, 20, 3)


# Dates


@unhurried
@given(st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001  # no zone is the point
def test_a_display_date_is_read_to_the_minute_and_keeps_having_no_zone(moment: datetime) -> None:
    hour = moment.hour % 12 or 12
    text = f"{moment:%m/%d/%Y} {hour}:{moment:%M}{'AM' if moment.hour < 12 else 'PM'}"
    assert iso_date(text) == f"{moment:%Y-%m-%dT%H:%M}".rjust(16, "0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9/3/2025 4:05PM", "2025-09-03T16:05"),
        ("09/03/2025 12:00AM", "2025-09-03T00:00"),
        ("09/03/2025 12:59 pm", "2025-09-03T12:59"),
        ("  09/03/2025   11:59am ", "2025-09-03T11:59"),
        ("09/03/2025", "2025-09-03"),
        ("2026-04-16T13:24:24.121550-05:00", "2026-04-16T13:24:24.121550-05:00"),
        ("2023-11-07T05:31:56Z", "2023-11-07T05:31:56Z"),
        ("2026-04-16", "2026-04-16"),
        ("2026-04-16 13:24", "2026-04-16 13:24"),
        # No dates: kept as the text that they are
        ("13/45/2026 4:05PM", "13/45/2026 4:05PM"),
        ("02/30/2026", "02/30/2026"),
        ("02/28/2026 15:00AM", "02/28/2026 15:00AM"),
        ("02/28/2026 25:00PM", "02/28/2026 25:00PM"),
        ("02/28/2026 4:99PM", "02/28/2026 4:99PM"),
        ("yesterday", "yesterday"),
        ("09/03/25", "09/03/25"),
        # Omitted
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_both_date_formats_are_read_and_what_is_not_a_date_stays_what_it_is(
    text: str | None, expected: str | None
) -> None:
    assert iso_date(text) == expected


@unhurried
@given(
    st.datetimes(min_value=datetime(1000, 1, 1)),  # noqa: DTZ001  # zones are added below
    st.one_of(st.none(), st.just(UTC), st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))),
)
def test_an_iso_date_stays_as_it_is(moment: datetime, zone: timezone | None) -> None:
    text = moment.replace(tzinfo=zone).isoformat()
    assert iso_date(text) == text
    assert is_moment(text)
    assert day_of(text) == moment.date()


@unhurried
@given(ANYTHING)
def test_no_value_is_a_crash_of_the_date_reader(value: object) -> None:
    read = iso_date(value)
    assert read is None or (isinstance(read, str) and read.strip())
    assert is_moment(read) in {True, False}
    assert day_of(read) is None or isinstance(day_of(read), date)


@unhurried
@given(st.text(max_size=30))
def test_what_was_read_is_read_again_as_the_same(text: str) -> None:
    once = iso_date(text)
    assert iso_date(once) == once


# Numbers, flags, texts


def prospect(**fields: object) -> Prospect:
    return Prospect.model_validate({"id": 1, **fields})


@unhurried
@given(ANYTHING)
def test_a_number_is_finite_or_nothing(value: object) -> None:
    found = prospect(latitude=value).latitude
    assert found is None or (isinstance(found, float) and math.isfinite(found))


@unhurried
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1e308)
@example(-0.0)
def test_a_number_is_read_from_a_number_or_its_text(number: float) -> None:
    assert prospect(latitude=number).latitude == number
    assert prospect(latitude=f" {number!r} ").latitude == number


@unhurried
@given(st.integers(-(2**63), 2**63 - 1))
@example(2**53 + 1)
def test_an_id_is_read_exactly_from_a_number_or_its_text(number: int) -> None:
    assert prospect(customer={"id": number}).customer.id == number  # type: ignore[union-attr]
    assert prospect(customer={"id": str(number)}).customer.id == number  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "expected"), [("7,376", None), ("3.0", 3), (3.0, 3), (3.5, None), (True, None), ("", None)]
)
def test_an_integer_is_whole_or_nothing(value: object, expected: int | None) -> None:
    assert prospect(photo_count=value).photo_count == expected


@pytest.mark.parametrize(
    "value", ["1e400", "nan", "-inf", float("inf"), float("nan"), 10**400, "9" * 400, [1], {"a": 1}], ids=repr
)
def test_a_number_that_no_record_holds_is_nothing(value: object) -> None:
    assert prospect(longitude=value).longitude is None
    assert PostLeadStatus.model_validate({"jobAmount": value}).jobAmount is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True), (False, False), (1, True), (0, False), ("true", True), ("False", False), (" 1 ", True),
        ("0", False), ("", None), ("yes", None), (None, None), ([], None), ({}, None),
    ],
)  # fmt: skip
def test_a_flag_is_true_false_or_nothing(value: object, expected: bool | None) -> None:
    assert PostLeadStatus.model_validate({"startDateTbd": value}).startDateTbd is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", None),
        ("  ", None),
        (" Dana ", "Dana"),
        (5, "5"),
        (None, None),
        ([], None),
        ({"a": 1}, None),
        ("Unknown", "Unknown"),
    ],
)
def test_an_empty_text_is_nothing_and_any_plain_value_is_a_text(value: object, expected: str | None) -> None:
    assert prospect(name=value).name == expected
