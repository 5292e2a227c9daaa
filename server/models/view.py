"""The base of everything that tools answer as data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """Structured content of an answer. Its validator is built at the first answer, not at start."""

    model_config = ConfigDict(defer_build=True)
