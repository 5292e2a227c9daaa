"""What else an operation or a name may be called in a service's documentation; read for `contract check` only."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as ModelField

Kind = Literal["", "text", "number", "flag", "object", "list"]


class Names(BaseModel):
    """The names that may be an argument's, and the type that is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Kind = ""
    names: tuple[str, ...] = ()


class Candidates(BaseModel):
    """One operation's other names, and its arguments'."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    known_as: tuple[str, ...] = ()
    names: Mapping[str, Names] = ModelField(default_factory=dict)


@cache
def load_candidates() -> Mapping[str, Candidates]:
    """By operation id."""
    document = tomllib.loads(files("leadbridge.server.catalog").joinpath("candidates.toml").read_text("utf-8"))
    return {operation_id: Candidates.model_validate(row) for operation_id, row in document.items()}
