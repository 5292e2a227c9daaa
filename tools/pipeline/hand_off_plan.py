"""The plan of a hand-off: what is done already, what a person is asked, and its steps.

Sources: those of the operations it consists of; see `renovationfind/leads.py` and `rooflink/create_lead.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from pydantic import JsonValue

from leadbridge.server.catalog.effects import Effect
from leadbridge.server.errors import ArgumentsRefused, NotFound, Problem, Refused
from leadbridge.server.mcp.context import AppContext, Ctx
from leadbridge.server.mcp.receipts import earlier_line
from leadbridge.server.services.renovationfind.known_leads import KnownLead
from leadbridge.server.services.rooflink.models import Prospect
from leadbridge.server.writes.model import (
    Done,
    HttpWrite,
    LocalOperation,
    MultiStepWrite,
    OnceForGood,
    Preview,
    Subject,
    Write,
)
from leadbridge.server.writes.preview import rendered
from leadbridge.server.writes.repeats import EarlierWrite
from leadbridge.server.writes.steps import StepRunner
from leadbridge.tools.pipeline.hand_off_lines import (
    Creation,
    Steps,
    accepted_only,
    already_tied,
    missing,
    no_record,
    or_tied,
    preview,
    unlike,
)
from leadbridge.tools.renovationfind.lead_answers import customer_lines, refusal_line
from leadbridge.tools.renovationfind.leads import renovationfind_accept_lead
from leadbridge.tools.rooflink.create_lead import create_lead_rules, rooflink_create_lead, status_line
from leadbridge.tools.rooflink.duplicate_check import coverage_doubt, deleted_since

if TYPE_CHECKING:
    from leadbridge.tools.pipeline.lead_parts import LeadParts

HAND_OFF = LocalOperation("leadbridge.hand_off_lead", "rooflink", "hand off {target}", Effect.IRREVERSIBLE)


@dataclass(slots=True)
class HandOff:
    """One hand-off: what was given for it, and its plan."""

    ctx: Ctx
    app: AppContext
    lead_id: int
    given: Mapping[str, Any]
    lead_status: str
    allow_duplicate: bool
    existing: int | None
    """The prospect that the lead is tied to instead of creating one."""
    noting: bool
    """Whether notes may be written; with the toolset `notes` dropped, the link is in `extra_info` only."""
    after: int = 0
    """The last write of a hand-off whose prospect was deleted since; none up to it counts."""

    async def plan(self, known: KnownLead | None, *, already_accepted: bool) -> Write:
        """The whole of it: what is done already, what a person is asked, and the steps."""
        refusal, accept = await self._accept(known, already_accepted=already_accepted)
        if accept is None:  # another process may have accepted it meanwhile
            known = await self.app.leads.get(self.lead_id)
        created = await self.app.history.about("rooflink", self._subject)
        noted = await self.app.history.about("rooflink", f"{self._subject} note") if self.noting else None
        again = await deleted_since(self.app, created) if created is not None else ""
        if created is not None and again:
            self.after = max(created.write_id, noted.write_id if noted is not None else 0)
            created = noted = None
        done = [row for row in (created, noted) if row is not None and row.state == "done"]
        job = next((row.record_id for row in done if row.record_id is not None), None)
        create, existing = None, None
        if job is None and created is not None and created in done:
            refusal = no_record(created.write_id)
        elif job is None and self.existing is not None:
            existing = await self._existing()
        elif job is None and accept is None and refusal is None:
            create = await self._create(known, allow_duplicate=self.allow_duplicate)
            # What resembles it may be what this hand-off made, here or in another process, just now or unseen.
            unresolved, earlier = await self._unresolved(create.plan)
            refusal = unresolved or accepted_only(self.lead_id, create.plan.blocked)
            job = earlier.record_id if earlier is not None else None
        if job is not None:
            refusal = already_tied(self.lead_id, job) if self.existing not in {None, job} else None
            accept = create = None
        over = job is not None and (not self.noting or noted in done)
        steps = Steps(accept, create, existing, job, over=over, noting=self.noting)
        key = f"{self._subject} plan"
        if over and refusal is None:
            key = self._subject if created in done else f"{self._subject} note"
        foreseen = [accept, create.plan if create else None]
        if steps.prospect and not over:
            foreseen.append(self._note(steps.prospect))
        customer = (*customer_lines(known), *(refusal_line(known) if accept is not None else ()))
        code = (status_line(self.lead_status),) if accept is not None and self.existing is None else ()
        return Write(
            action=MultiStepWrite(
                operation=HAND_OFF,
                run=partial(self._carry_out, steps),
                count=(accept is not None) + self.noting + (0 if steps.prospect else 2 if create is None else 1),
                foreseen=tuple(filter(None, foreseen)),
            ),
            subject=Subject(f"lead {self.lead_id}", key),
            arguments=self._arguments,
            preview=Preview(
                lines=(*preview(self.lead_id, self.given, steps, customer), *code),
                said=frozenset(self._arguments),
                warnings=(*filter(None, [again]), *await self._warnings(steps, known, refused=refusal is not None)),
                figures=create.plan.preview.figures if create else await coverage_doubt(self.app) if accept else (),
            ),
            repeat=OnceForGood(whole_subject=True),
            needs_approval=job is None,
            blocked=refusal,
        )

    async def _warnings(self, steps: Steps, known: KnownLead | None, *, refused: bool) -> list[str]:
        """What the person should know of the prospect that is to be created or tied to.

        Raises:
            ArgumentsRefused: something is wrong already at which it would stop for good once it is accepted.
        """
        if steps.existing is not None:
            deleted = [f"Prospect {steps.existing.id} is deleted in RoofLink."] if steps.existing.deleted else []
            return deleted + await anyio.to_thread.run_sync(unlike, known, steps.existing)
        if steps.create is not None:
            return list(steps.create.plan.preview.warnings)
        if steps.accept is None or known is None or not known.lead.customerAddress:
            return []
        _, from_lead, problems = await self._values(known)
        wrong = [one for one in problems if one.argument in from_lead or one.argument in self.given]
        if wrong and not refused:
            raise ArgumentsRefused(wrong)
        return [f"By what is known now, it would stop after the acceptance: {one}." for one in problems]

    async def _existing(self) -> Prospect:
        """The prospect that the lead is to be tied to.

        Raises:
            ArgumentsRefused: RoofLink has no such prospect, or the link could not be noted there.
            ServiceError: it could not be read.
        """
        if not self.noting:
            problem = "is kept in a note on the prospect, and the toolset notes is not enabled"
            raise ArgumentsRefused([Problem("existing_prospect_id", problem)])
        try:
            return await self.app.rooflink.get_prospect(self.existing or 0)
        except NotFound:
            problem = "is not a prospect in RoofLink; find_matching_prospects looks one up"
            raise ArgumentsRefused([Problem("existing_prospect_id", problem)]) from None

    async def _carry_out(self, steps: Steps, run: StepRunner) -> Done:
        if steps.accept is not None:
            await run.write(steps.accept, f"accept lead {self.lead_id} on RenovationFind")
        prospect, lines, warnings = steps.prospect, list[str](), list[str]()
        if prospect is None:
            prospect, lines = await self._created(run, steps.create)
        if self.noting:
            await run.write(self._note(prospect), "note the link in RoofLink", optional=steps.existing is None)
        summary = f"Lead {self.lead_id} is handed off: it is prospect {prospect} in RoofLink."
        if steps.existing is not None:
            summary = f"Lead {self.lead_id} is tied to prospect {prospect}; no prospect was created."
            known = await self.app.leads.get(self.lead_id)
            warnings = await anyio.to_thread.run_sync(unlike, known, steps.existing)
        return Done(
            summary=summary,
            record_id=prospect,
            record={"lead_id": self.lead_id, "job_id": prospect},
            details=lines,
            warnings=warnings,
            next_steps=[f"rooflink_prospect_checklist with prospect_id={prospect} shows what to do next."],
        )

    @property
    def _arguments(self) -> dict[str, JsonValue]:
        if self.existing is not None:
            return {"lead_id": self.lead_id, "existing_prospect_id": self.existing}
        given = {"lead_id": self.lead_id, **self.given, "lead_status": self.lead_status}
        return {**given, "allow_duplicate": self.allow_duplicate}

    @property
    def _subject(self) -> str:
        return f"lead {self.lead_id} hand-off"

    async def _accept(self, known: KnownLead | None, *, already_accepted: bool) -> tuple[Refused | None, Write | None]:
        """The plan of the acceptance, if the lead is not accepted yet; or why it cannot be."""
        plan = await renovationfind_accept_lead(self.ctx, self.lead_id)
        if known is not None and known.declined_here and not known.accepted_here:
            return plan.blocked, None
        if already_accepted or (known is not None and known.accepted):
            return None, None
        decided = await self.app.history.about("renovationfind", plan.subject.key)
        if decided is not None and decided.state == "done" and decided.operation != plan.operation.id:
            return Refused("already_declined", f"lead {self.lead_id} was declined."), None
        refusal, earlier = await self._unresolved(plan)
        return refusal or plan.blocked, None if earlier is not None else plan

    async def _unresolved(self, plan: Write) -> tuple[Refused | None, EarlierWrite | None]:
        """A step that was carried out before, or why it cannot go on: its outcome is not known."""
        try:
            return None, (await self.app.pipeline.look(plan)).earlier
        except Refused as refused:
            return refused, None

    async def _create(self, known: KnownLead | None, *, allow_duplicate: bool) -> Creation:
        """The plan of the RoofLink lead, and where each of its values comes from.

        Raises:
            ArgumentsRefused: something that RoofLink needs is neither in the lead nor in the arguments.
        """
        parts, from_lead, problems = await self._values(known)
        if problems:
            raise ArgumentsRefused(problems)
        values: dict[str, Any] = {**from_lead, **self.given}
        plan = await rooflink_create_lead(
            self.ctx,
            **values,
            lead_status=self.lead_status,
            extra_info={"renovationfind_lead_id": self.lead_id},
            allow_duplicate=allow_duplicate,
        )
        left_out = (why for name, why in parts.left_out.items() if name not in values)
        step = replace(
            plan,
            subject=Subject(f"lead {self.lead_id}", self._subject),
            preview=replace(plan.preview, warnings=(*plan.preview.warnings, *left_out)),
            repeat=OnceForGood(whole_subject=True, after=self.after),
            blocked=or_tied(plan.blocked),
        )
        return Creation(step, from_lead, self.given)

    async def _values(self, known: KnownLead | None) -> tuple[LeadParts, dict[str, str], list[Problem]]:
        """What RenovationFind says of the lead, which of it is used, and what RoofLink would refuse or lacks."""
        # The rules of names, phones and addresses are many patterns: not at start.
        from leadbridge.tools.pipeline import lead_parts

        parts = lead_parts.LeadParts()
        if known is not None:
            parts = await anyio.to_thread.run_sync(lead_parts.parts_of, known.lead)
        # A street that was given goes with its own town, not with another one's.
        unused = {*self.given, *(["city"] if "address" in self.given else [])}
        from_lead = {name: value for name, value in parts.values.items() if name not in unused}
        values: dict[str, Any] = {**from_lead, **self.given}
        problems = missing(values, known, readable="renovationfind.get_lead" in self.app.offered)
        return parts, from_lead, problems + await anyio.to_thread.run_sync(create_lead_rules, values)

    async def _created(self, run: StepRunner, create: Creation | None) -> tuple[int, list[str]]:
        """The prospect's id, and the lines about it.

        A duplicate that nobody was shown is not created, even if duplicates are allowed.
        """
        if create is None:
            await run.report_progress("prepare the prospect for RoofLink")
            known = await self.app.leads.get(self.lead_id)
            create = await self._create(known, allow_duplicate=False)
        outcome = await run.write(create.plan, "create the prospect in RoofLink")
        assert outcome is not None  # noqa: S101  # only an optional step may fail
        if isinstance(outcome, EarlierWrite):
            record, lines = outcome.record_id, [earlier_line(self.app, outcome)]
        else:
            record = outcome.done.record_id
            lines = [*rendered(create.receipt()), *outcome.done.details, *create.plan.preview.notes]
        if record is None:
            raise no_record(outcome.write_id)
        return record, lines

    def _note(self, job: int) -> Write:
        """The note that ties both records together. It notifies nobody."""
        operation = self.app.catalog["rooflink.add_note"]
        verb = "Handed off from" if self.existing is None else "Tied to"
        message = f"{verb} RenovationFind lead {self.lead_id} by LeadBridge."
        arguments: dict[str, JsonValue] = {"job_id": job, "message": message}
        return Write(
            action=HttpWrite(
                operation=operation,
                receive=lambda _answer: Done(summary=f"The link is noted on prospect {job}.", record_id=job),
                body=operation.encode_body(arguments),
            ),
            subject=Subject(f"job {job}", f"{self._subject} note"),
            arguments=arguments,
            preview=Preview(lines=(f"Add a note to job {job}.",)),
            repeat=OnceForGood(whole_subject=True, after=self.after),
        )
