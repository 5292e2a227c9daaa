"""RoofLink's answer to a new photo: its id, and the form with which its file is uploaded.

Source: https://developers.rooflink.com/reference/photos-create
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from leadbridge.server.services.values import Answer, RecordId

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


class CreatedPhoto(Answer):
    """A new photo."""

    id: RecordId
    upload_url: JsonValue = None

    @property
    def form(self) -> UploadForm | None:
        """The form, if there is a usable one."""
        return UploadForm.of(self.upload_url)
