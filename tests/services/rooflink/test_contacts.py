"""Phones and e-mail addresses of a new record: refused where they cannot be right, warned of where they are odd."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadbridge.server.services.rooflink.contacts import contact_problems

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no failure


@pytest.mark.parametrize(
    "phone",
    [
        "(972) 555-0142",
        "972-555-0142",
        "9725550142",
        "+1 972 555 0142",
        "1-972-555-0142",
        "972.555.0142",
        "972 555 0142 ext. 5",
        "+44 20 7946 0958",
    ],
)
def test_a_phone_number_is_taken_however_it_is_written(phone: str) -> None:
    assert contact_problems({"cell_phone": phone}, {}) == ([], [])


@pytest.mark.parametrize("phone", ["none", "n/a", "call me", "---", "(   )", " ", "", "²"])
def test_a_text_without_digits_is_not_a_phone_number(phone: str) -> None:
    problems, warnings = contact_problems({"home_phone": phone}, {})
    assert [problem.argument for problem in problems] in (["home_phone"], [])
    if not any(char.isdigit() for char in phone):
        assert [problem.argument for problem in problems] == ["home_phone"]
        assert warnings == []


@pytest.mark.parametrize("phone", ["12", "972 555 01422222222222", "+1 5"])
def test_a_number_that_cannot_be_one_in_north_america_is_taken_with_a_warning(phone: str) -> None:
    problems, (warning,) = contact_problems({"cell_phone": phone}, {})
    assert problems == []
    assert "cell_phone" in warning


@pytest.mark.parametrize(
    "email",
    [
        "dana@example.com",
        "dana.miller+roof@mail.example.co.uk",
        "o'brien@example.org",
        "jörg@exämple.de",
        "a@b.co",
        "homeowner805@example.org",
        "dana@company.test",
    ],
)
def test_an_address_of_the_right_form_is_taken_and_no_mail_server_is_asked(email: str) -> None:
    assert contact_problems({}, {"email": email}) == ([], [])


@pytest.mark.parametrize(
    "email",
    [
        "dana",
        "dana@",
        "@example.com",
        "dana@@example.com",
        "dana@example",
        "dana miller@example.com",
        "dana@exam ple.com",
        "dana@-example.com",
        "a" * 300 + "@example.com",
        "",
        "dana@example.com\n",
        "dana@example..com",
        "Dana <dana@example.com>",
    ],
)
def test_a_text_that_is_not_an_address_is_refused_by_its_name_with_the_reason(email: str) -> None:
    (problem,), warnings = contact_problems({}, {"email": email})
    assert problem.argument == "email"
    assert problem.message.startswith("is not a valid e-mail address: ")
    assert len(problem.message) > 30
    assert "\n" not in problem.message
    assert warnings == []


def test_what_is_not_given_is_not_wrong_and_everything_wrong_is_reported_at_once() -> None:
    assert contact_problems({"cell_phone": None, "home_phone": None}, {"email": None}) == ([], [])
    problems, warnings = contact_problems({"cell_phone": "x", "home_phone": "12"}, {"email": "y"})
    assert [problem.argument for problem in problems] == ["cell_phone", "email"]
    assert len(warnings) == 1


TEXTS = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"\A[+(]?[\d()\-. x#;=]{1,30}\Z"),
    st.from_regex(r"\A[^@]{0,20}@[^@]{0,20}\Z"),
    st.text(alphabet='0123456789٠١٢٣４５²+-() ;=ext,*#@.[]":\u202e\u200b', max_size=40),
)


@unhurried
@given(TEXTS)
@example("+" * 300)
@example("0" * 10_000)
@example("tel:+1-972-555-0142;ext=5;phone-context=+1")
@example("a@[127.0.0.1]")
@example("a@xn--.example")
@example('"a b"@example.com')
@example("a@\u2024.com")
@example("ß@\u00df.de")
def test_no_text_is_a_crash(text: str) -> None:
    problems, warnings = contact_problems({"cell_phone": text}, {"email": text})
    assert {problem.argument for problem in problems} <= {"cell_phone", "email"}
    assert len(warnings) <= 1
