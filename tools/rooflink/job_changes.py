"""A change of a RoofLink job: what it was before, what is sent, and what the answer proves of it.

Names on the wire are mostly inferred, and an unknown one may be passed over without a word. So every field that was
sent is looked for in the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import anyio
from pydantic import JsonValue, ValidationError

from leadbridge.server.catalog import Operation, Service
from leadbridge.server.errors import NotFound, PermissionDenied, Rejected, UnexpectedResponse
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.services.answers import unreadable
from leadbridge.server.services.rooflink.jobs import JobRecord, Shown
from leadbridge.server.text import LABEL_LIMIT, clean, in_sentence, label
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, UntilChanged, Write
from leadbridge.server.writes.preview import Becomes, titled

BEFORE_SHARE = 0.2
"""Of the call's deadline, for the look at the job before it is changed."""
_PHONES = frozenset({"customer_cell", "customer_phone"})
Given = Mapping[str, str | int]


async def change_plan(
    app: AppContext, operation_id: str, job_id: int, given: Given, *, warnings: Sequence[str] = ()
) -> Write:
    """The plan that sets these fields of a job and leaves all others as they are."""
    operation = app.operation(operation_id)
    record, unknown = await read_job_before_change(app, job_id)
    change = Change(operation, app.catalog.services["rooflink"], job_id, given, record)
    before = {name: _text(shown) for name in given if (shown := change.before(name)) is not None}

    async def look_for(_since: float) -> Done | None:
        found = await app.rooflink.one("rooflink.get_prospect", JobRecord, {"prospect_id": job_id})
        told = change.details_of(found)
        return change.done(told) if len(told.confirmed) == len(given) else None

    return Write(
        action=HttpWrite(
            operation=operation,
            receive=change.receive,
            path={"job_id": job_id},
            body=operation.encode_body(dict(given)),
            look_for=look_for,
        ),
        subject=Subject(f"job {job_id}", f"job {job_id}"),
        arguments={"job_id": job_id, **given},
        preview=Preview(
            lines=(
                f"Change job {job_id} in RoofLink:",
                *((titled(name), Becomes(text_before(change.before(name)), value)) for name, value in given.items()),
            ),
            said=frozenset(given),
            warnings=(*deleted_warning(job_id, record), *warnings),
            notes=(unknown,) if unknown else (),
            before=dict(before),
        ),
        repeat=UntilChanged(
            sets=frozenset(given) | ({"email"} if "customer_email" in given else frozenset[str]()),
            changed=change.differs_before(),
        ),
    )


def text_before(shown: Shown | None) -> str | None:
    """What a field was, for a preview."""
    return None if shown is None else clean(shown.text, limit=LABEL_LIMIT) or "none"


def deleted_warning(job_id: int, record: JobRecord | None) -> tuple[str, ...]:
    """What a person should know before a change of a prospect that is not in the pipeline any more."""
    return (f"Prospect {job_id} is deleted in RoofLink.",) if record is not None and record.deleted else ()


async def read_job_before_change(app: AppContext, job_id: int) -> tuple[JobRecord | None, str]:
    """The job as the prospects' part of RoofLink shows it, or why it is not known: a job need not be a prospect.

    Raises:
        ServiceError: RoofLink cannot be used at all.
    """
    try:
        with anyio.fail_after(app.settings.call_deadline * BEFORE_SHARE):
            return await app.rooflink.one("rooflink.get_prospect", JobRecord, {"prospect_id": job_id}), ""
    except NotFound:
        why = "it is not among the prospects"
    except (PermissionDenied, UnexpectedResponse, TimeoutError):
        why = "it could not be read"
    return None, f"What job {job_id} was before is not known: {why}."


@dataclass(frozen=True, slots=True)
class ServiceValue:
    """What an answer proves of the fields that were sent, by our names."""

    confirmed: Mapping[str, Shown]
    unchanged: Mapping[str, Shown]
    other: Mapping[str, Shown]
    """Neither what was sent nor what it was before."""
    hidden: tuple[str, ...]
    """Not in the answer."""


@dataclass(frozen=True, slots=True)
class Change:
    """Fields of one job that are set, and the job as it was before, if that is known."""

    operation: Operation
    service: Service
    job_id: int
    given: Given
    record: JobRecord | None

    def before(self, name: str) -> Shown | None:
        """A field as it was before."""
        return self.record.shows(self.operation.body[name].wire) if self.record else None

    def differs_before(self) -> bool:
        """Whether RoofLink shows at least one of the fields with another value than the one to set."""
        return any((shown := self.before(name)) is not None and not self._is_set(name, shown) for name in self.given)

    def receive(self, answer: JsonValue) -> Done:
        """Read the answer to the change.

        Raises:
            OutcomeUnknown: it shows no job.
            Rejected: it shows every field as it was before.
        """
        if answer is None:  # 204: done, and nothing shown
            return self.done(ServiceValue({}, {}, {}, tuple(self.given)))
        try:
            record = JobRecord.model_validate(answer)
        except ValidationError:
            raise unreadable("an answer without the job", self.operation, self.service, None) from None
        if record.id != self.job_id:
            done = self.done(ServiceValue({}, {}, {}, tuple(self.given)))
            return replace(done, warnings=[f"The answer is about job {record.id}.", *done.warnings])
        told = self.details_of(record)
        if len(told.unchanged) == len(self.given):
            raise Rejected(
                what=f"RoofLink took the request and left job {self.job_id} as it was: {_still(told)}.",
                service=self.service.id,
                operation=self.operation.id,
                hints=self._doubt(told.unchanged),
            )
        return self.done(told)

    def details_of(self, record: JobRecord) -> ServiceValue:
        """What a record of the job proves."""
        confirmed: dict[str, Shown] = {}
        unchanged: dict[str, Shown] = {}
        other: dict[str, Shown] = {}
        hidden: list[str] = []
        for name in self.given:
            shown, before = record.shows(self.operation.body[name].wire), self.before(name)
            if shown is None:
                hidden.append(name)
            elif self._is_set(name, shown):
                confirmed[name] = shown
            elif before is not None and shown.value == before.value:
                unchanged[name] = shown
            else:
                other[name] = shown
        return ServiceValue(confirmed, unchanged, other, tuple(hidden))

    def done(self, told: ServiceValue) -> Done:
        """What came of the change; only what an answer shows is said to be changed."""
        parts = [f"{', '.join(told.confirmed)} set"] if told.confirmed else []
        parts += [f"{', '.join(told.hidden)} sent, not shown by the answer"] if told.hidden else []
        parts += [f"{', '.join(told.other)} otherwise than sent"] if told.other else []
        parts += [f"{', '.join(told.unchanged)} NOT changed"] if told.unchanged else []
        warnings = [
            f"The service answers with {name} {in_sentence(shown.text) or 'none'}, not with what was sent."
            for name, shown in told.other.items()
        ]
        if told.unchanged:
            warnings.append(f"NOT changed: {_still(told)}.")
        if told.hidden:
            warnings.append(f"Not confirmed, because the answer does not show it: {', '.join(told.hidden)}.")
        warnings += self._doubt([*told.unchanged, *told.hidden, *told.other])
        shown = {name: _text(field) for name, field in {**told.confirmed, **told.other, **told.unchanged}.items()}
        # What is not shown counts neither as changed nor as known to be the same.
        unseen = {name: _text(field) for name in told.hidden if (field := self.before(name)) is not None}
        look = f"rooflink_get_prospect with prospect_id={self.job_id} shows the job, if it is a prospect."
        return Done(
            summary=f"Job {self.job_id}: {'; '.join(parts)}.",
            record_id=self.job_id,
            after={**shown, **unseen},
            record={"job_id": self.job_id},
            warnings=warnings,
            next_steps=[look] if told.hidden else [],
        )

    def _is_set(self, name: str, shown: Shown) -> bool:
        return shown.is_like(self.given[name], phone=name in _PHONES)

    def _doubt(self, names: Iterable[str]) -> list[str]:
        inferred = self.operation.inferred_names(dict.fromkeys(names))
        if not inferred:
            return []
        wires = ", ".join(f"{name} ({self.operation.body[name].wire})" for name in inferred)
        told = (
            f"Inferred, not documented, and perhaps unknown to RoofLink, are the names of: {wires}. They can be "
            f"corrected in LEADBRIDGE_CONTRACT_FILE under [operations.'{self.operation.id}'.body]."
        )
        return [told]


def _still(told: ServiceValue) -> str:
    return ", ".join(f"{name} is still {in_sentence(shown.text) or 'none'}" for name, shown in told.unchanged.items())


def _text(shown: Shown) -> str:
    return label(shown.text) or "none"
