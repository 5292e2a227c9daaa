"""A change of a RoofLink job: what it was before, what is sent, and what the answer proves of it.

Names on the wire are mostly inferred, and an unknown one may be silently ignored. So every field that was
sent is looked for in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import anyio
from pydantic import JsonValue

from leadbridge.server.catalog import Operation
from leadbridge.server.errors import NotFound, PermissionDenied, UnexpectedResponse
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.services.rooflink.jobs import JobRecord
from leadbridge.server.text import LABEL_LIMIT, clean, in_sentence, label
from leadbridge.server.writes.agreement import compare
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, UntilChanged, Write
from leadbridge.server.writes.preview import Becomes, titled

BEFORE_SHARE = 0.2
"""Of the call's deadline, for reading the job before it is changed."""
_ROLES = {"rep_id": "assigned to", "rep_2_id": "second rep", "marketing_rep_id": "marketing rep"}
_ROLES["project_manager_id"] = "project manager"
_ID = re.compile(r" \(id \d+\)$")
Given = Mapping[str, str | int]


async def change_plan(
    app: AppContext, operation_id: str, job_id: int, given: Given, *, warnings: Sequence[str] = ()
) -> Write:
    """The plan that sets these fields of a job and leaves all others as they are."""
    record, unknown = await read_job_before_change(app, job_id)
    change = Change(app, app.catalog[operation_id], job_id, given, record, unknown)
    return change.plan(f"Change job {job_id} in RoofLink:", {"job_id": job_id}, given, warnings=warnings)


async def _read_changed(app: AppContext, job_id: int) -> None:
    """Have the change in the index of prospects at once, if the job is in it."""
    from leadbridge.server.prospects.sources import index_of, is_deleted

    if await index_of(app).read_before([job_id], app.clock() + 1):
        await is_deleted(app, job_id)


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
class Change:
    """Fields of one job that are set, and the job as it was before, if that is known."""

    app: AppContext
    operation: Operation
    job_id: int
    given: Given
    record: JobRecord | None
    unknown: str
    """Why it is not known."""

    def plan(
        self,
        title: str,
        path: Mapping[str, int],
        body: Given,
        *,
        record_ids: frozenset[int] = frozenset(),
        warnings: Sequence[str] = (),
    ) -> Write:
        """The write that does it; `path` and `body` as it is called, `title` as a person is asked."""
        known = {name: self._text_in(self.record, name) for name in self.given}
        before = {name: label(text) or "none" for name, text in known.items() if text is not None}
        shown = {name: text and clean(text, limit=LABEL_LIMIT) for name, text in known.items()}
        record = self.record.model_dump() if self.record else None
        differs = record is not None and bool(compare(self.operation, self.given, record).contradicted)
        same = frozenset({"email", "customer_email"})
        sets = frozenset(self.given)
        return Write(
            action=HttpWrite(
                operation=self.operation,
                receive=self.receive,
                path=path,
                body=self.operation.encode_body(dict(body)),
                look_for=self.look_for,
                record_before=record,
                record_ids=record_ids,
            ),
            subject=Subject(f"job {self.job_id}", f"job {self.job_id}"),
            arguments={"job_id": self.job_id, **self.given},
            preview=Preview(
                lines=(
                    title,
                    *((titled(name), Becomes(shown[name], value)) for name, value in self.given.items()),
                ),
                said=frozenset({"job_id", *self.given}),
                warnings=(*deleted_warning(self.job_id, self.record), *warnings),
                notes=(self.unknown,) if self.unknown else (),
                before=dict(before),
            ),
            repeat=UntilChanged(sets=sets | same if sets & same else sets, changed=differs),
        )

    def receive(self, answer: JsonValue) -> Done:
        """What of the change an answer that agrees with it confirms."""
        confirmed = compare(self.operation, self.given, answer).confirmed
        # What is not shown counts neither as changed nor as known to be the same.
        record = JobRecord.model_validate({**answer, "id": self.job_id}) if isinstance(answer, dict) else None
        after = {
            name: label(text) or "none"
            for name in self.given
            if (text := self._text_in(record if name in confirmed else self.record, name)) is not None
        }
        look = f"rooflink_get_prospect with prospect_id={self.job_id} shows the job, if it is a prospect."
        return Done(
            summary=self._summary(confirmed, record),
            record_id=self.job_id,
            after=after,
            record={"job_id": self.job_id},
            next_steps=[] if len(confirmed) == len(self.given) else [look],
            remember=partial(_read_changed, self.app, self.job_id),
        )

    def _summary(self, confirmed: Sequence[str], answered: JobRecord | None) -> str:
        """What the answer confirms, as a person would say it."""
        if not confirmed:
            return f"RoofLink took the change of job {self.job_id}."
        if not _ROLES.keys() >= set(confirmed):
            return f"Job {self.job_id} has the new {', '.join(titled(name).lower() for name in confirmed)}."
        said: list[str] = []
        for name in confirmed:
            was = self._text_in(self.record, name)
            known = "" if was is None else f" (was {_person(was)})"
            now = self._text_in(answered, name) or ""
            said.append(f"{'' if name == 'rep_id' else 'with '}{_ROLES[name]} {_person(now)}{known}")
        return f"Job {self.job_id} is now {', '.join(said)}."

    async def look_for(self, _since: float) -> Done | None:
        """The change as done, if the job shows all of it."""
        found = await self.app.rooflink.one("rooflink.get_prospect", JobRecord, {"prospect_id": self.job_id})
        done = self.receive(found.model_dump())
        return None if done.next_steps else done

    def _text_in(self, record: JobRecord | None, name: str) -> str | None:
        """A field of a job as a text; `None` where it is not shown."""
        shown = (record.shows(place) for place in self.operation.body[name].places) if record else ()
        return next((one.text for one in shown if one is not None), None)


def _person(text: str) -> str:
    """Somebody's name in a sentence."""
    return in_sentence(_ID.sub("", text), limit=120) or "nobody"
