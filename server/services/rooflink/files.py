"""RoofLink's photos and documents: a row of their lists, and the form with which the file of a new one is uploaded.

Sources: https://developers.rooflink.com/reference/photos-create; the lists are known from public client code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue

from leadbridge.server.services.rooflink.notes import identity, words
from leadbridge.server.services.values import Answer, Integer, Moment, RecordId, Text

MOST_FIELDS = 60
LARGEST_FORM = 64_000
"""Characters of all fields together; a form that signs an upload has about 2,000."""


@dataclass(frozen=True, slots=True)
class UploadForm:
    """Where the file goes, and the fields before it. Whoever has it can upload: it is shown nowhere."""

    url: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """For the store."""
        return {"url": self.url, "fields": dict(self.fields)}

    @classmethod
    def of(cls, value: object) -> UploadForm | None:
        """A form from `{url, fields: {name: text}}`, in the order of its fields; nothing if it is none."""
        if not isinstance(value, dict):
            return None
        url, fields = value.get("url"), value.get("fields")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(url, str) or not isinstance(fields, dict):
            return None
        texts: dict[str, str] = {}
        for name, text in fields.items():  # pyright: ignore[reportUnknownVariableType]
            if isinstance(text, bool) or not isinstance(name, str) or not isinstance(text, (str, int, float)):
                return None
            texts[name] = str(text)
        too_large = sum(len(name) + len(text) for name, text in texts.items()) > LARGEST_FORM
        return None if not texts or len(texts) > MOST_FIELDS or too_large or "file" in texts else cls(url, texts)


class StoredFile(Answer):
    """A photo or document in a list. Its addresses open the file for whoever has them; a document's expire."""

    id: RecordId
    name: Text = None
    ext: Text = None
    date_created: Moment = None
    tags: Annotated[list[str], BeforeValidator(words)] = Field(default_factory=list[str])
    job: Annotated[Integer, BeforeValidator(identity)] = None
    url: Text = None
    file: Text = None
    preview_url: Text = None

    @property
    def address(self) -> str | None:
        """Where the file itself is."""
        return self.url or self.file


class CreatedFile(Answer):
    """A new photo or document."""

    id: RecordId
    upload_url: JsonValue = None

    @property
    def form(self) -> UploadForm | None:
        """The form, if there is a usable one."""
        return UploadForm.of(self.upload_url)
