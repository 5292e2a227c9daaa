"""RoofLink's notes. The page names sender, recipients, message and tags in prose; how they are called is not known.

So each is looked for under several names, and whatever else a note has is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from leadbridge.server.services.values import Answer, Flag, Integer, Moment, RecordId, Text

T = TypeVar("T")

_NAMES = {
    "message": ("message", "text", "body", "content", "note"),
    "sender": ("sender", "created_by", "author", "sent_by", "user", "employee"),
    "recipients": ("recipients", "sent_to", "to"),
    "tags": ("tags",),
    "job_id": ("job", "job_id"),
    "date": ("date_created", "created", "created_at", "date", "date_sent", "timestamp"),
    "reply_to": ("parent", "parent_id", "reply_to", "in_reply_to"),
    "replies": ("replies_count", "reply_count", "replies"),
    "read": ("is_read", "read"),
    "archived": ("is_archived", "archived", "is_deleted", "deleted"),
}
_PERSON_NAMES = ("name", "full_name", "label", "email")


def _people(value: JsonValue) -> list[str]:
    """Names of persons from objects, ids, texts, or a list of them."""
    if isinstance(value, list):
        return [name for item in value for name in _people(item)]
    if isinstance(value, dict):
        named = next((text for key in _PERSON_NAMES if isinstance(text := value.get(key), str) and text.strip()), None)
        return [named.strip()] if named else _people(value.get("id"))
    if isinstance(value, int) and not isinstance(value, bool):
        return [f"user {value}"]
    return [value.strip()] if isinstance(value, str) and value.strip() else []


def words(value: JsonValue) -> list[str]:
    """Tags from texts, objects with a name, or one text with commas."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return _people(value) if isinstance(value, (list, dict)) else []


def identity(value: JsonValue) -> JsonValue:
    """The id of a record, or what is in its place."""
    return value.get("id") if isinstance(value, dict) else value


def _how_many(value: JsonValue) -> JsonValue:
    return len(value) if isinstance(value, list) else value


def _one(value: JsonValue) -> str | None:
    return next(iter(_people(value)), None)


class Note(Answer):
    """A note on a job, or a reply to one."""

    id: RecordId
    message: Text = None
    sender: Annotated[str | None, BeforeValidator(_one)] = None
    recipients: Annotated[list[str], BeforeValidator(_people)] = Field(default_factory=list[str])
    tags: Annotated[list[str], BeforeValidator(words)] = Field(default_factory=list[str])
    job_id: Annotated[Integer, BeforeValidator(identity)] = None
    date: Moment = None
    reply_to: Annotated[Integer, BeforeValidator(identity)] = None
    replies: Annotated[Integer, BeforeValidator(_how_many)] = None
    read: Flag = None
    archived: Flag = None

    @model_validator(mode="before")
    @classmethod
    def _under_our_names(cls, value: JsonValue) -> JsonValue:
        if not isinstance(value, dict):
            return value
        fits: dict[str, Callable[[JsonValue], bool]] = {"message": lambda text: isinstance(text, str)}
        found = {
            ours: value[name]
            for ours, names in _NAMES.items()
            if (name := next((name for name in names if name in value and fits.get(ours, _any)(value[name])), None))
        }
        return {**{key: kept for key, kept in value.items() if key not in _NAMES}, **found}


def _any(_value: JsonValue) -> bool:
    return True
