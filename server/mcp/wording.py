"""Errors in LeadBridge's words: of arguments what is wrong and what is allowed, of all others what did not happen; and
where an id comes from that a service does not know.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from leadbridge.server.errors import (
    ArgumentsRefused,
    LeadBridgeError,
    NotFound,
    Problem,
    Refused,
    Rejected,
    ServiceError,
    StateError,
)
from leadbridge.server.spelling import allowed_values, meant
from leadbridge.server.text import clean

_NONE_ARM = "none_required"
TOO_LONG = "The call took longer than LEADBRIDGE_CALL_DEADLINE allows."


def outcome_of(error: LeadBridgeError, *, step: bool = False) -> str:
    """What happened, and what it means for the request, or for a `step` of several requests."""
    if isinstance(error, Refused):
        if error.sent:
            return f"{error.why[:1].upper()}{error.why[1:]}"
        return f"{'This step sent nothing' if step else 'Nothing was sent'}: {error.why}"
    if isinstance(error, ArgumentsRefused):
        return "\n".join(["Nothing was sent. Please correct:", *(f"- {problem}" for problem in error.problems)])
    if not isinstance(error, ServiceError):
        return f"{error} Nothing was sent." if isinstance(error, StateError) else str(error)
    if not error.sent:
        means = "Nothing was sent."
    elif error.may_have_taken_effect:
        means = "The request may or may not have taken effect."
    else:
        means = "This step changed nothing." if step else "Nothing was changed."
    return " ".join(part for part in (error.what, means, error.said and f"It says: {error.said}") if part)


def before_sending(error: Refused | ServiceError, *, local: bool, gated: bool) -> str:
    """Why a write never left, whatever was read for it; one that is `local` goes to no service."""
    nothing = "Nothing was changed" if local else "Nothing was sent"
    if isinstance(error, Refused):
        return f"{nothing}: {error.why}"
    return f"{nothing}{', and no approval was used' if gated else ''}: {error.happened}"


def next_steps(error: LeadBridgeError) -> list[str]:
    """What to do next."""
    if isinstance(error, ServiceError) and error.may_have_taken_effect:
        return ["Look at the record on the service before trying again.", *error.hints]
    return error.next_steps if isinstance(error, (ServiceError, Refused)) else []


def in_words(error: LeadBridgeError) -> str:
    """A whole error, as a model reads it."""
    return " ".join([outcome_of(error), *next_steps(error)])


def broke_off(why: str, *, writes: bool) -> str:
    """A call that ended at a point that nobody foresaw."""
    return f"{why} {'Look at write_history for what was sent.' if writes else 'Nothing was changed.'}"


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """One problem for each argument, in the order the error came."""
    problems: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        argument = str(detail["loc"][0]) if detail["loc"] else "arguments"
        if detail["type"] == _NONE_ARM or argument in problems:
            continue
        shown = clean(argument, limit=60)
        problems[argument] = Problem(shown, _worded(detail, argument, list(model.model_fields)))
    return list(problems.values())


def bad_arguments(error: ValidationError) -> set[str]:
    """Names of the arguments an error is about."""
    return {str(detail["loc"][0]) for detail in error.errors(include_url=False) if detail["loc"]}


def _worded(detail: ErrorDetails, argument: str, known: list[str]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in {"too_long", "too_short"} and isinstance(detail["input"], str):  # a text that something looked at before
        kind = f"string_{kind}"
    if kind == "extra_forbidden":
        hint = _next_door(argument, known) or meant(argument, known) or f"; allowed: {', '.join(known) or 'none'}"
        return f"is not an argument of this tool{hint}"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    if kind == "string_too_short" and context.get("min_length", 1) > 1:
        return f"must have at least {context['min_length']} characters"
    template = _TEMPLATES.get(kind)
    if template is None:
        return f"is not usable ({detail['msg'][:1].lower()}{detail['msg'][1:]})"
    message = template.format_map(context)
    if kind == "literal_error" and isinstance(detail["input"], str):
        message += meant(detail["input"], allowed_values(str(context["expected"])))
    return message


_SAME_ID = {"job_id", "job", "prospect_id", "prospect", "record_id"}
_LEAD_ID = {"lead_id", "lead"}
_LOOKS_UP = "find_matching_prospects looks somebody up by name, phone, address or e-mail"
_SEARCH = {"search", "query", "q", "text", "find", "keyword", "keywords"}
_PERSON = {"name", "customer", "customer_name", "first_name", "last_name", "phone", "email", "address"}
_TEXT = {"text", "note", "notes", "body", "content", "comment"}


def _next_door(argument: str, known: list[str]) -> str:
    """What takes the same under another name: a prospect's id is its job's id, and a lead's id is neither."""
    if argument in _SAME_ID and (ids := [name for name in ("prospect_id", "job_id") if name in known]):
        return f"; did you mean {ids[0]}? A prospect's id is the id of its job"
    if argument in _LEAD_ID and not _SAME_ID.isdisjoint(known):
        return f"; a RenovationFind lead's id is not a RoofLink prospect's id: {_LOOKS_UP}"
    if argument in _SAME_ID and "lead_id" in known and not any("prospect" in name for name in known):
        return "; a RoofLink prospect's id is not a RenovationFind lead's id: did you mean lead_id?"
    if argument == "id" and (ids := [name for name in known if name.endswith("_id")]):
        return f"; did you mean {ids[0]}?"
    if argument in _TEXT and (texts := [name for name in ("message", "reason") if name in known]):
        return f"; did you mean {texts[0]}?"
    if argument in _SEARCH or (argument in _PERSON and "page" in known):
        return f"; there is no text search here: {_LOOKS_UP}. Allowed here: {', '.join(known) or 'none'}"
    return ""


_TEMPLATES = {
    "missing": "is required",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_from_float": "must be an integer",
    "int_parsing_size": "must be an integer",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "string_unicode": "must be valid Unicode",
    "string_pattern_mismatch": "has the wrong form; expected {pattern}",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "too_long": "must have at most {max_length} entries",
    "finite_number": "must be a finite number",
}


_JOB = "A job's id is its prospect's id, which is in an answer of {}."
_SOURCES: dict[str, tuple[str, Sequence[str]]] = {
    "prospect_id": ("A prospect's id is in an answer of {}.", ("rooflink_list_prospects", "find_matching_prospects")),
    "job_id": (_JOB, ("rooflink_list_prospects", "find_matching_prospects")),
    "customer_id": ("A customer's id is in an answer of {}.", ("rooflink_list_customers", "rooflink_get_prospect")),
    "note_id": ("A note's id is in an answer of {}.", ("rooflink_list_notes",)),
    "event_id": ("An event's id is in an answer of {}.", ("rooflink_list_events",)),
    "region_id": ("A region's id is in an answer of {}.", ("rooflink_list_regions",)),
    "rep_id": ("A rep's id is in an answer of {}.", ("rooflink_get_prospect", "pipeline_snapshot")),
    "lead_id": (
        "A lead's id is in RenovationFind's mail and portal, and in an answer of {}.",
        ("renovationfind_list_leads",),
    ),
    "vendor_id": ("A vendor's id is in RenovationFind's Manager Portal.", ()),
}
_UNKNOWN = re.compile(r"does not exist|invalid pk|not found", re.IGNORECASE)
"""How a refusal says that a field holds an id of nothing."""


def where_ids_come_from(hidden: Container[str], error: LeadBridgeError) -> list[str]:
    """A next step for each id in the error that the service does not know.

    It names the tools that are not `hidden`; if all are, each.
    """
    names: Sequence[str] = error.missing if isinstance(error, NotFound) else ()
    if isinstance(error, Rejected):
        unknown = [name.removesuffix("_id") for name, text in error.fields.items() if _UNKNOWN.search(text)]
        names = [f"{name}_id" for name in unknown]
    steps: list[str] = []
    for name in names:
        sentence, tools = _SOURCES.get(name, ("", ()))
        offered = [tool for tool in tools if tool not in hidden] or tools
        steps += [sentence.format(" or ".join(offered))] if sentence else []
    return steps
