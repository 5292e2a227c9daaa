"""Phones and e-mail addresses given for a new record: refused where they cannot be right, else taken as they are."""

from __future__ import annotations

from collections.abc import Mapping

from leadbridge.server.errors import Problem


def contact_problems(
    phones: Mapping[str, str | None], emails: Mapping[str, str | None]
) -> tuple[list[Problem], list[str]]:
    """What is wrong, by argument name, and what is only odd.

    A text without digits is not a phone number; one that is not possible in North America is a warning, because the
    services take any text. An e-mail address must have the form of one; no mail server is asked.
    """
    problems: list[Problem] = []
    warnings: list[str] = []
    for name, phone in phones.items():
        if phone is None:
            continue
        if not any(character.isdigit() for character in phone):
            problems.append(Problem(name, "has no digits"))
        elif not _possible(phone):
            warnings.append(f"{name} is not a possible phone number in North America.")
    for name, email in emails.items():
        if email is not None and (why := _email_problem(email)):
            problems.append(Problem(name, f"is not a valid e-mail address: {why}"))
    return problems, warnings


def _possible(phone: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(phone, "US"))
    except phonenumbers.NumberParseException:
        return False


def _email_problem(email: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        return str(error)
    return ""
