"""Rows of the catalog: services, operations and their fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic import Field as ModelField

from leadbridge.server.catalog.effects import Effect

Provenance = Literal["documented", "observed", "inferred"]
PathProvenance = Literal["documented", "observed", "inferred", "unknown", "override"]
Repeat = Literal["", "day", "until_next", "once"]
Scalar: TypeAlias = str | int | float | bool
V = TypeVar("V")

_RECORDS = ("job_id", "customer_id", "note_id")
_VARIABLE = re.compile(r"\{([a-z_]+)\}")


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Service(_Row):
    """One of the two services: where it is, how it is authenticated, how fast it may be called."""

    id: str
    title: str
    base_url: str
    manager_base_url: str = ""
    auth_header: str
    auth_scheme: str = ""
    requests: int = ModelField(gt=0)
    seconds: float = ModelField(gt=0)
    cool_off_429: float
    cool_off_503: float
    unprocessed: frozenset[int]
    """Status codes that prove that the request was not carried out, beside 4xx."""


class Field(_Row):
    """How one argument is called on the wire, and where that name comes from."""

    wire: str
    provenance: Provenance | Literal["override"]
    values: Mapping[str, str] = ModelField(default_factory=dict)
    """Our value to the service's, where they differ."""
    names: Mapping[str, int] = ModelField(default_factory=dict)
    """What people call the numbers that go out; an answer may show them so."""
    decides_effect: bool = False
    """Whether its value decides what the operation does; then no other argument may take its name."""
    shown: tuple[str, ...] = ()
    """Where the record in the answer shows it, beside its own name, e.g. `customer.rep`; of names parted by `|` the
    first that is there. Whatever is shown must be what was sent."""
    means: Literal["", "name", "phone", "address", "state", "postal_code", "degrees", "day", "time"] = ""
    """How it is compared with the answer, where that is not as text, number, flag or list."""
    earliest: str = ""
    """Of a time: the service moves what is earlier to it, e.g. `07:00`, which is documented."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where an answer shows it: under its own name too, unless that has its turn among others."""
        return self.shown if self.wire in "|".join(self.shown).split("|") else (self.wire, *self.shown)


class AnswerRule(_Row):
    """What the answer to a write must show, so that the write is done."""

    envelope: bool = False
    """It is `{success, data, message, error}`, and `success` must be true; the record is its `data`."""
    record: Literal["required", "or_nothing", "optional", "none"] = "required"
    """`or_nothing`: 204 is a success, and anything else must be the record. `none`: there must be no body."""
    ids: Mapping[str, str] = ModelField(default_factory=dict)
    """Arguments in the path, and where the record has them."""
    says: Mapping[str, bool | tuple[str, ...]] = ModelField(default_factory=dict)
    """Fields of the record, and what they say if they are there: one of these texts in any letter case, or whether it
    is so, e.g. `uploaded = true`."""
    may_say: tuple[str, ...] = ()
    """Words of a message that would be a no, and that the tool reads itself."""
    whole_days: tuple[str, ...] = ()
    """Flags of the record that make the hours of its times mean nothing."""
    shows_all: bool = False
    """It shows every field that was sent; one that it leaves out is said in the summary."""


class RecordRule(_Row):
    """Which record a write is about."""

    of: str = ""
    """The argument with its id; a write without one makes a new record."""
    read: str = ""
    """The operation that reads it, where there is one."""


class _OperationProvenance(_Row):
    operation: Provenance
    path: PathProvenance


class Operation(_Row):
    """One operation of a service. `id` is `service.name`, e.g. `rooflink.list_prospects`."""

    id: str
    service: str
    title: str
    tool: str = ""
    toolset: str
    effect: Effect
    effect_at_worst: Effect | None = None
    """Where an argument can make it worse: the effect that it then has."""
    repeat: Repeat = ""
    """When the same write again is a repeat that is not sent: within 24 hours, until the same thing was set to
    something else, or for good. Empty for reads."""
    api: Literal["", "manager"] = ""
    method: Literal["", "GET", "POST", "PUT", "PATCH", "DELETE"] = ""
    path: str = ""
    provenance: _OperationProvenance
    source: str
    notes: str = ""
    query: Mapping[str, Field] = ModelField(default_factory=dict)
    body: Mapping[str, Field] = ModelField(default_factory=dict)
    answer: AnswerRule = AnswerRule()
    record: RecordRule = RecordRule()
    effect_in_words: str = ""
    """Of a write: what can be seen on the service if it took effect, e.g. `{target} is accepted`."""
    task: str = ""
    """Of a write: what it does, e.g. `accept lead {lead_id}`; see `doing`."""
    may_answer_nothing: bool = False
    """Whether an empty body with 200 is a success, as 204 is: what the operation answers is not documented."""
    max_page_size: int = 0
    """The largest page that the service gives; 0 where only the tool's own limit counts."""
    undocumented: tuple[str, ...] = ()
    """Arguments whose names the documentation that the user had checked does not have."""
    path_variables: tuple[str, ...] = ()
    """Where the path is unknown: the variables that it may have, each an id."""

    @property
    def variables(self) -> frozenset[str]:
        """Names of the variables in the path."""
        return frozenset(_VARIABLE.findall(self.path))

    def placed(self, arguments: Mapping[str, V]) -> tuple[dict[str, V], dict[str, V]]:
        """What goes into the path, as the contract file may have it, and what into the query or body."""
        path = {name: value for name, value in arguments.items() if name in self.variables}
        return path, {name: value for name, value in arguments.items() if name not in path}

    def ids_in(self, sent: Mapping[str, object]) -> dict[str, int]:
        """The ids of jobs, notes and the like among what goes out by the service's names, by ours."""
        fields = {**self.query, **self.body}
        named = ((name, sent.get(fields[name].wire)) for name in fields if name in _RECORDS)
        return {name: value for name, value in named if isinstance(value, int)}

    @property
    def name(self) -> str:
        """The operation's name without its service."""
        return self.id.partition(".")[2]

    def doing(self, values: Mapping[str, object]) -> str:
        """What a call with these values does, as a phrase after "to", e.g. `accept lead 812`."""
        known = all(name in values for name in _VARIABLE.findall(self.task))
        return self.task.format_map(values) if self.task and known else f"do {self.title!r}"

    @property
    def path_is_certain(self) -> bool:
        """Whether a 404 says something of the record rather than of our reading of the path."""
        return self.provenance.path in {"documented", "observed"}

    def means(self, argument: str) -> str:
        """How a value of an argument is compared, where that is not as it is."""
        field = self.body.get(argument) or self.query.get(argument)
        return field.means if field else ""

    def inferred_names(self, arguments: Mapping[str, object]) -> list[str]:
        """Which of these arguments go out under an inferred name."""
        fields = {**self.query, **self.body}
        return [name for name in arguments if name in fields and fields[name].provenance == "inferred"]

    def encode_query(self, arguments: Mapping[str, Scalar | None]) -> dict[str, Scalar]:
        """Arguments by our names to query parameters by the service's; `None` is left out."""
        query: dict[str, Scalar] = {
            self.query[name].wire: self.query[name].values.get(str(value), value)
            for name, value in arguments.items()
            if value is not None
        }
        if self.max_page_size and isinstance(size := arguments.get("page_size"), int):
            query[self.query["page_size"].wire] = min(size, self.max_page_size)
        return query

    def encode_body(self, arguments: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Arguments by our names to the body by the service's; `None` is left out, `a.b` becomes an object."""
        body: dict[str, JsonValue] = {}
        for name, value in arguments.items():
            if value is None:
                continue
            field = self.body[name]
            *parents, leaf = field.wire.split(".")
            target = body
            for parent in parents:
                nested = target.setdefault(parent, {})
                if not isinstance(nested, dict):
                    raise TypeError(f"{self.id}: {field.wire!r} crosses a plain value")
                target = nested
            target[leaf] = field.values.get(value, value) if isinstance(value, str) else value
        return body
