"""Does the answer to a write agree with what was asked? Only then it is done.

The catalog says which field of the answer confirms which of the request, and the services' pages which envelope they
answer in. Every write is held to its own row, a new one too; a tool only words what was confirmed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from pydantic import JsonValue

from leadbridge.server.catalog import Operation, Service
from leadbridge.server.errors import OutcomeUnknown, Rejected, ServiceError
from leadbridge.server.services.answers import unreadable
from leadbridge.server.services.values import flag_of, integer_of
from leadbridge.server.text import fence, in_sentence
from leadbridge.server.writes.model import Done, HttpWrite
from leadbridge.server.writes.preview import titled
from leadbridge.server.writes.same_value import ABSENT, Absent, Rule, agrees, value_at

E = TypeVar("E", bound=ServiceError)
Sent: TypeAlias = Mapping[str, JsonValue]
"""Values as they go out, by our names."""


_FAILURES = {"error", "fail", "failed", "failure", "rejected"}
"""What JSend and its like call an answer that is no success."""
_SAYS_NO = re.compile(
    r"\b(?:(?:was|were|is|has|could|did) not|cannot|can't|couldn't|unable|nothing|another|fail(?:ed|ure)?|errors?"
    r"|invalid|rejected|refused|denied|ignored)\b",
    re.IGNORECASE,
)
"""Words of a message beside a success that leave in doubt whether it is one."""
_MAY_SAY_NO = re.compile(
    r"\b(?:no|not|already|before|skipped|duplicate|exists?|existing|unchanged|locked|expired|queued|pending)\b",
    re.IGNORECASE,
)
"""The same where no record shows what was asked for; beside one they are about something else: "Payment pending"."""
_WRAPPERS = ("data", "record", "result", "lead")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a record shows of the values that were sent, by our names."""

    confirmed: tuple[str, ...]
    contradicted: Mapping[str, JsonValue]
    """Shown as something else."""
    hidden: tuple[str, ...]
    """Not shown, or not so that it can be compared."""
    unread: tuple[str, ...]
    """Of those, what is shown so that it cannot be compared."""


def received(action: HttpWrite, answer: JsonValue, service: Service) -> Done:
    """What the answer to a write came to, if it agrees with what was asked, with the service's message.

    Raises:
        OutcomeUnknown: it contradicts what was asked, or shows no record where there must be one.
        Rejected: it shows everything as it was right before.
    """
    operation, rule = action.operation, action.operation.answer
    record = answer
    if rule.envelope and isinstance(answer, dict):
        record = _unwrapped(answer.get("data"))
        answer = {**answer, "data": record}
    message = answer.get("message" if rule.envelope else "detail") if isinstance(answer, dict) else None
    says = f"{service.title} says: {fence(message, limit=200)}" if message else ""
    sent = _sent(action)
    agreement = compare(operation, sent, record)
    odd = (
        _refusal_in(answer, record, needs_success=rule.envelope)
        or _not_the_record(action, record, agreement)
        or _no_in(str(message or ""), operation, record, agreement)
    )
    if odd:
        raise _saying(says, unreadable(odd, operation, service))
    done = action.receive(answer)
    if agreement.contradicted:
        raise _saying(says, _contradiction(action, sent, agreement, done, service))
    done = _with_what_is_hidden(action, done, agreement, service)
    return replace(done, details=[*done.details, says]) if says else done


def _unwrapped(value: JsonValue) -> JsonValue:
    """The one record in a list or an object around it; nothing for an empty list, text or object."""
    while (isinstance(value, list) and len(value) == 1) or (isinstance(value, dict) and len(value) == 1):
        inner = value[0] if isinstance(value, list) else next((value[key] for key in _WRAPPERS if key in value), None)
        if isinstance(value, dict) and not isinstance(inner, (dict, list)):
            break
        value = inner
    return value or (value if value is False else None)


def _saying(says: str, error: E) -> E:
    """The error, with the service's own message."""
    if says:
        error.what += f" {says}."
    return error


def _no_in(message: str, operation: Operation, record: JsonValue, agreement: Agreement) -> str:
    """What is wrong with a message that does not sound like a success."""
    rule = operation.answer
    shown = agreement.confirmed or any(value_at(record, where) is not ABSENT for where in rule.says)
    doubtful = _SAYS_NO.search(message) or (not shown and _MAY_SAY_NO.search(message))
    if not doubtful or any(word in message.casefold() for word in rule.may_say):
        return ""
    return "success, and a message that sounds like a no"


def compare(operation: Operation, sent: Sent, record: JsonValue) -> Agreement:
    """What a record shows of these values."""
    confirmed: list[str] = []
    contradicted: dict[str, JsonValue] = {}
    hidden: list[str] = []
    unread: list[str] = []
    whole = any(flag_of(value_at(record, name)) or sent.get(name) for name in operation.answer.whole_days)
    sets = operation.method in {"PUT", "PATCH"}
    for name, field in {**operation.query, **operation.body}.items():
        if name not in sent:
            continue
        shown = [value for place in field.places if not isinstance(value := value_at(record, place), Absent)]
        rule = Rule(field, whole_days=whole, sets=sets)
        verdicts = [(value, agrees(rule, sent[name], value)) for value in shown]
        against = [value for value, agrees in verdicts if agrees is False]
        if any(agrees for _, agrees in verdicts):
            against = [value for value in against if value not in (None, "")]
        if against:
            contradicted[name] = against[0]
        elif any(agrees for _, agrees in verdicts):
            confirmed.append(name)
        else:
            hidden.append(name)
            shows = any(value not in (None, "", []) for value in shown) and not isinstance(sent[name], dict)
            unread += [name] if shows else []
    return Agreement(tuple(confirmed), contradicted, tuple(hidden), tuple(unread))


def _sent(action: HttpWrite) -> dict[str, JsonValue]:
    """What went out, by our names."""
    sent: dict[str, JsonValue] = {}
    for name, field in {**action.operation.query, **action.operation.body}.items():
        value = value_at(dict(action.body or {}), field.wire)
        value = action.path.get(name, action.query.get(field.wire, value)) if value is ABSENT else value
        if not isinstance(value, Absent) and name not in action.approximate:
            sent[name] = value
    return sent


def _refusal_in(answer: JsonValue, record: JsonValue, *, needs_success: bool) -> str:
    """Why the answer itself says that it is no success."""
    if needs_success and not (isinstance(answer, dict) and flag_of(answer.get("success"))):
        return "an answer that reports no success"
    for part in (answer, record):
        if part is False:
            return "an answer that reports no success"
        if not isinstance(part, dict):
            continue
        if any(name in part and not flag_of(part[name]) for name in ("success", "ok")):
            return "an answer that reports no success"
        if part is not record and str(part.get("status")).casefold() in _FAILURES:  # a record's is its own
            return f"an answer with status {_said(part['status'])}"
        if error := part.get("error") or part.get("errors"):
            return f"an error beside the record: {in_sentence(error, limit=200)}"
    return ""


def _not_the_record(action: HttpWrite, record: JsonValue, agreement: Agreement) -> str:
    """What is wrong with the record as a whole."""
    rule = action.operation.answer
    if rule.record == "none":
        return "" if record is None else "a body where none is documented"
    must = rule.record == "required" or (rule.record == "or_nothing" and record is not None)
    if not isinstance(record, dict):
        return "an answer without the record" if must or record is not None else ""
    names_one = (integer_of(record.get("id")) or 0) > 0
    if must and not names_one and (rule.record == "required" or not (agreement.confirmed or agreement.contradicted)):
        return "an answer without the record"
    asked = {where: {action.path[name]} for name, where in rule.ids.items()}
    if action.record_ids:
        asked["id"] = set(action.record_ids)
    for where, ids in asked.items():
        shown = value_at(record, where)
        if not isinstance(shown, Absent) and shown not in (None, "") and integer_of(shown) not in ids:
            return f"record {_said(shown)} instead of the one asked for, {' or '.join(map(str, sorted(ids)))}"
    for where, wanted in rule.says.items():
        value = value_at(record, where)
        if not isinstance(value, Absent) and not _says(value, wanted):
            return f"{where} {_said(value)}"
    return ""


def _says(value: JsonValue, wanted: bool | tuple[str, ...]) -> bool:  # noqa: FBT001  # what is written in the catalog
    """Whether a field that is shown says what it must."""
    if isinstance(wanted, tuple):
        return isinstance(value, str) and value.strip().upper() in wanted
    return flag_of(value) is wanted


def _contradiction(
    action: HttpWrite, sent: Sent, agreement: Agreement, done: Done, service: Service
) -> OutcomeUnknown | Rejected:
    operation = action.operation
    shown = agreement.contradicted
    hints = _doubt(operation, shown)
    if action.record_before is not None and len(shown) == len(sent.keys() - set(operation.path_variables)):
        before = compare(operation, {name: sent[name] for name in shown}, action.record_before).contradicted
        if before == shown:
            still = ", ".join(f"{name} is still {_said(value)}" for name, value in shown.items())
            return Rejected(f"{service.title} took the request and left the record as it was: {still}.", hints=hints)
    fields = {**operation.query, **operation.body}
    named = {
        name: next((one for one, number in fields[name].names.items() if number == sent[name]), sent[name])
        for name in shown
    }
    differences = ", ".join(f"{name} {_said(value)} instead of {_said(named[name])}" for name, value in shown.items())
    right = f" It shows as sent: {', '.join(agreement.confirmed)}." if agreement.confirmed else ""
    what = f"{service.title} answered {operation.title!r} with {differences}.{right}"
    return OutcomeUnknown(what, hints=hints, record_id=done.record_id)


def _with_what_is_hidden(action: HttpWrite, done: Done, agreement: Agreement, service: Service) -> Done:
    """The outcome, and which of the values that were sent its answer does not show.

    It is not certain if one of them is what was asked for: any value of an answer that shows all, and one that decides
    what the operation does.
    """
    operation, fields = action.operation, {**action.operation.query, **action.operation.body}
    hidden = [name for name in agreement.hidden if name not in operation.path_variables]
    must = {*agreement.unread, *(name for name in hidden if operation.answer.shows_all or fields[name].decides_effect)}
    missing = [name for name in hidden if name in must]
    if not hidden:
        return done
    if not missing:
        also = f"{service.title} reports success, without showing what was sent."
        if agreement.confirmed:
            also = f"Also sent, but not shown in {service.title}'s answer: {_in_words(hidden)}."
        return replace(done, details=[*done.details, also])
    summary = f"{done.summary} {service.title}'s answer does not show: {_in_words(missing)}."
    if not agreement.confirmed:
        doing = operation.doing(action.path)
        summary = f"{service.title} took the request to {doing}, but its answer does not show: {_in_words(missing)}."
    doubt = _doubt(operation, dict.fromkeys(missing))
    return replace(done, summary=summary, unconfirmed=tuple(missing), warnings=[*done.warnings, *doubt])


def _in_words(names: Iterable[str]) -> str:
    return ", ".join(titled(name).lower() for name in names)


def _doubt(operation: Operation, names: Mapping[str, object]) -> list[str]:
    """A name that is only inferred may be unknown to the service."""
    inferred = operation.inferred_names(names)
    if not inferred:
        return []
    wires = ", ".join(f"{name} ({({**operation.query, **operation.body})[name].wire})" for name in inferred)
    message = (
        f"Inferred, not documented, and perhaps unknown to the service, are the names of: {wires}. They can be "
        f"corrected in LEADBRIDGE_CONTRACT_FILE under [operations.'{operation.id}'.body]."
    )
    return [message]


def _said(value: JsonValue) -> str:
    """A value in a sentence."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("name", "full_name", "label", "id") if value.get(key)), "another one")
    if isinstance(value, list):
        return ", ".join(_said(item) for item in value[:10]) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return str(value) if isinstance(value, (int, float)) else in_sentence(value, limit=120) or "none"
