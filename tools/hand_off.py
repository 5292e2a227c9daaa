"""From RenovationFind to RoofLink in one go: accept the lead, create the prospect, note the link.

Sources: those of the operations it consists of; see `tools.leads` and `tools.create_lead`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import anyio.to_thread
from pydantic import Field, JsonValue
from pydantic.json_schema import SkipJsonSchema

from server.catalog import Operation
from server.effects import Effect
from server.errors import ArgumentsRefused, Problem, Refused
from server.guard.leads import KnownLead
from server.guard.plan import Done, Plan, Steps
from server.tooling.arguments import Email, Flag, Latitude, Longitude, Text60, Text100, Text200
from server.tooling.context import Ctx, Deck, deck_of
from server.tooling.writes import write_tool
from tools.create_lead import (
    PostalCode,
    StateCode,
    create_lead_rules,
    rooflink_create_lead,
)
from tools.lead_answers import lead_title
from tools.lead_parts import parts_of
from tools.leads import LeadId, renovationfind_accept_lead

Nothing = SkipJsonSchema[None]

Status = Annotated[str, Field(min_length=1, max_length=50, strict=True, description="As in rooflink_create_lead")]
Source = Annotated[str, Field(min_length=1, max_length=50, strict=True, description="As in rooflink_create_lead")]

_NEEDED = ("address", "state", "postal_code")

HAND_OFF = Operation.model_validate(
    {
        "id": "leadbridge.hand_off_lead",
        "service": "rooflink",
        "title": "Hand off lead",
        "toolset": "pipeline",
        "effect": "irreversible",
        "repeat": "once",
        "provenance": {"operation": "documented", "path": "unknown"},
        "source": "LeadBridge itself",
    }
)


async def hand_off_lead(
    ctx: Ctx,
    lead_id: LeadId,
    address: Text200 | Nothing = None,
    city: Text100 | Nothing = None,
    state: StateCode | Nothing = None,
    postal_code: PostalCode | Nothing = None,
    latitude: Latitude | Nothing = None,
    longitude: Longitude | Nothing = None,
    first_name: Text100 | Nothing = None,
    last_name: Text100 | Nothing = None,
    cell_phone: Text60 | Nothing = None,
    home_phone: Text60 | Nothing = None,
    email: Email | Nothing = None,
    lead_status: Status = "u",
    lead_source: Source | Nothing = None,
    already_accepted: Annotated[Flag, Field(description="Accepted in the portal: do not accept it here")] = False,
    allow_duplicate: Annotated[Flag, Field(description="Create although RoofLink seems to have it")] = False,
) -> Plan:
    """Take a RenovationFind lead into RoofLink: accept it if not yet, look for duplicates, create the prospect, note
    the link. One approval for all of it.

    Give only what RenovationFind does not tell; what is missing is asked for by name. After a failure call it again:
    finished steps are not repeated.
    """
    deck = deck_of(ctx)
    known = await deck.leads.get(lead_id)
    given: dict[str, Any] = {
        "address": address,
        "city": city,
        "state": state,
        "postal_code": postal_code,
        "latitude": latitude,
        "longitude": longitude,
        "first_name": first_name,
        "last_name": last_name,
        "cell_phone": cell_phone,
        "home_phone": home_phone,
        "email": email,
        "lead_source": lead_source,
    }
    hand_off = _HandOff(
        ctx,
        deck,
        lead_id,
        {name: value for name, value in given.items() if value is not None},
        lead_status=lead_status,
        allow_duplicate=allow_duplicate,
    )
    accepted = already_accepted or (known is not None and known.accepted)
    arguments: dict[str, JsonValue] = {"lead_id": lead_id, **hand_off.given, "lead_status": lead_status}
    return await hand_off.plan(known, accepted=accepted, arguments=arguments)


@dataclass(slots=True)
class _HandOff:
    """One hand-off: what was given for it, and its plan."""

    ctx: Ctx
    deck: Deck
    lead_id: int
    given: Mapping[str, Any]
    lead_status: str
    allow_duplicate: bool

    async def plan(self, known: KnownLead | None, *, accepted: bool, arguments: Mapping[str, JsonValue]) -> Plan:
        """The whole of it: what is done already, what a person is asked, and the steps."""
        created = await self.deck.ledger.about("rooflink", self._subject)
        noted = await self.deck.ledger.about("rooflink", self._note_subject)
        job = created.record_id if created is not None and created.state == "done" else None
        over = job is not None and noted is not None and noted.state == "done"
        accept = None if accepted or job is not None else await renovationfind_accept_lead(self.ctx, self.lead_id)
        create, origins = None, ()
        if accept is None and job is None:
            create, origins = await self._create(known, allow_duplicate=self.allow_duplicate)

        async def steps(run: Steps) -> Done:
            if accept is not None:
                await run.write(accept, f"accept lead {self.lead_id} on RenovationFind")
            prospect, told = job, ()
            if prospect is None:
                await run.tell("look for duplicates in RoofLink")
                prospect, told = await self._created(run, create, origins)
            note = self._note(prospect)
            await run.write(note, "note the link in RoofLink", optional=True)
            return Done(
                summary=f"Lead {self.lead_id} is handed off: it is RoofLink job {prospect}.",
                record_id=prospect,
                after={"rooflink_job_id": prospect} if job is None else {},
                record={"lead_id": self.lead_id, "job_id": prospect},
                details=[*told],
                next_steps=[f"rooflink_prospect_checklist with prospect_id={prospect} shows what to do next."],
            )

        preview = [f"Hand {lead_title(self.lead_id, known)} off from RenovationFind to RoofLink:"]
        preview += self._accept_lines(accepted=accepted or job is not None)
        preview += self._create_lines(job, create, origins)
        refusal = accept.refusal if accept is not None else (create.refusal if create is not None else None)
        return Plan(
            operation=HAND_OFF,
            target=f"lead {self.lead_id}",
            subject=self._subject if over else f"{self._subject} plan",
            one_for_subject=True,
            effect_now=Effect.ADDITIVE if job is not None else None,
            arguments={**arguments, "allow_duplicate": self.allow_duplicate},
            preview=(*preview, "Then a note about the link is added there; nobody is notified."),
            warnings=create.warnings if create is not None else (),
            refusal=refusal,
            already={"lead_id": self.lead_id, "job_id": job} if over else {},
            receive=_nothing_to_receive,
            steps=steps,
            foreseen=tuple(step for step in (accept, create) if step is not None),
        )

    @property
    def _subject(self) -> str:
        return f"lead {self.lead_id} hand-off"

    @property
    def _note_subject(self) -> str:
        return f"lead {self.lead_id} hand-off note"

    def _accept_lines(self, *, accepted: bool) -> list[str]:
        if accepted:
            return ["It is accepted already."]
        return ["Accept it on RenovationFind, which reveals the homeowner's contact details. This cannot be undone."]

    def _create_lines(self, job: int | None, create: Plan | None, origins: tuple[str, ...]) -> list[str]:
        if job is not None:
            return [f"It is RoofLink job {job} already."]
        if create is not None:
            return [*create.preview, *origins]
        values = ", ".join(f"{name} {value}" for name, value in self.given.items())
        return [
            "Create a prospect in RoofLink with the name, phone, e-mail and address that RenovationFind then tells"
            + (f", and with what you gave: {values}." if values else ", and nothing else."),
            "If RoofLink seems to have it already, or something is missing, it stops there and says so.",
        ]

    async def _create(self, known: KnownLead | None, *, allow_duplicate: bool) -> tuple[Plan, tuple[str, ...]]:
        """The plan of the RoofLink lead, and where each of its values comes from.

        Raises:
            ArgumentsRefused: something that RoofLink needs is neither told nor given.
        """
        parts = await anyio.to_thread.run_sync(parts_of, known.lead) if known is not None else None
        told = parts.values if parts is not None else {}
        if "address" in self.given:  # a street that was given goes with its own town, not with another one's
            told = {name: value for name, value in told.items() if name not in {"address", "city"}}
        values: dict[str, Any] = {**told, **self.given}
        problems = [
            Problem(name, "is needed, and RenovationFind does not tell it plainly; ask the user")
            for name in _NEEDED
            if name not in values
        ]
        problems += await anyio.to_thread.run_sync(create_lead_rules, values)
        if problems:
            raise ArgumentsRefused(problems)
        plan = await rooflink_create_lead(
            self.ctx,
            **values,
            lead_status=self.lead_status,
            extra_info={"renovationfind_lead_id": self.lead_id},
            allow_duplicate=allow_duplicate,
        )
        from_them = ", ".join(name for name in values if name not in self.given)
        from_you = ", ".join(name for name in values if name in self.given)
        origins = [f"From RenovationFind: {from_them}."] if from_them else []
        origins += [f"Given by you: {from_you}."] if from_you else []
        warnings = (*plan.warnings, *(parts.warnings if parts is not None else ()))
        step = replace(
            plan,
            subject=self._subject,
            repeat_rule="once",
            one_for_subject=True,
            warnings=warnings,
            repeats_knowingly=False,
        )
        return step, tuple(origins)

    async def _created(self, run: Steps, create: Plan | None, origins: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
        """The prospect's id, and what is told of it.

        A duplicate that nobody was shown is not created, even if duplicates are allowed.
        """
        if create is None:
            known = await self.deck.leads.get(self.lead_id)
            create, origins = await self._create(known, allow_duplicate=False)
        outcome = await run.write(create, "create the prospect in RoofLink")
        if outcome.record_id is None:
            raise Refused(
                "no_record",
                f"Write {outcome.write_id} is done, but the RoofLink job's id is not on record, so no note was added.",
                "Find the job with find_matching_prospects.",
            )
        return outcome.record_id, (outcome.summary, *origins, *outcome.details)

    def _note(self, job: int) -> Plan:
        """The note that ties both records together. It notifies nobody."""
        operation = self.deck.operation("rooflink.add_note")
        message = f"Handed off from RenovationFind lead {self.lead_id} by LeadBridge."
        arguments: dict[str, JsonValue] = {"job_id": job, "message": message}
        return Plan(
            operation=operation,
            target=f"job {job}",
            subject=self._note_subject,
            one_for_subject=True,
            repeat_rule="once",
            arguments=arguments,
            body=operation.encode_body(arguments),
            preview=(f"Add a note to job {job}: {message}",),
            receive=lambda _answer: Done(summary=f"The link is noted on job {job}.", record_id=job),
        )


def hand_off_rules(given: Mapping[str, Any]) -> list[Problem]:
    """The rules of a RoofLink lead, as far as its parts are given here."""
    return create_lead_rules(given)


def _nothing_to_receive(_answer: JsonValue) -> Done:
    msg = "hand_off_lead is carried out in steps"
    raise AssertionError(msg)


TOOLS = (
    write_tool(
        hand_off_lead,
        title="Hand off lead to RoofLink",
        toolset="pipeline",
        operation=(
            "renovationfind.accept_lead",
            "rooflink.create_lead",
            "rooflink.add_note",
            "rooflink.list_prospects",
        ),
        effect=Effect.IRREVERSIBLE,
        rules=hand_off_rules,
    ),
)
