"""A write whose outcome is unknown, resolved by a person who looked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

import anyio.to_thread
from pydantic import Field

from leadbridge.server.catalog.effects import Effect
from leadbridge.server.errors import LeadBridgeError, NotFound, Refused
from leadbridge.server.mcp.arguments import Id, OptionalId
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.services.rooflink.calendar import Event
from leadbridge.server.services.rooflink.models import MARK, Prospect
from leadbridge.server.text import LABEL_LIMIT, as_meant, clean
from leadbridge.server.writes.model import Done, LocalOperation, LocalWrite, Preview, Subject, Write
from leadbridge.server.writes.preview import PreviewLine
from leadbridge.server.writes.repeats import creation_of
from leadbridge.server.writes.write_rows import WriteRow, effect_in_words, where_to_look

RESOLVE = LocalOperation("leadbridge.resolve_write", "leadbridge", "resolve {target}", Effect.IRREVERSIBLE)
_HAND_OFF = re.compile(r"lead (\d+) hand-off")


async def resolve_write(
    ctx: Ctx,
    write_id: Annotated[Id, Field(description="Row of write_history")],
    outcome: Annotated[Literal["done", "failed"], Field(description="What the service shows")],
    record_id: Annotated[OptionalId, Field(description="Id of the record, if there is one")] = None,
) -> Write:
    """Resolve a write whose outcome is unknown or unconfirmed, after the user looked at the record on the service.

    done: it took effect, and the same will not be written again. failed: it did not, and it may be tried again. It
    needs the user's approval, who is shown the record. Nothing is written to a service.
    """
    app = app_context(ctx)
    row = await app.history.find(write_id)
    record = await _Look(app, row, outcome, record_id).record()

    async def resolve() -> Done:
        resolved = await app.history.resolve(write_id, outcome, record.id)
        return Done(
            summary=f"Write {write_id} is resolved. {resolved.summary}",
            record_id=resolved.record_id,
            details=[_what_follows(row, outcome, record.id)],
        )

    effect = effect_in_words(row.operation, row.target, row.arguments)
    shows = "shows that" if outcome == "done" else "does not show that"
    return Write(
        action=LocalWrite(operation=RESOLVE, run=resolve),
        subject=Subject(f"write {write_id}"),
        arguments={"write_id": write_id, "outcome": outcome, "record_id": record.id},
        preview=Preview(
            lines=(
                f"Did write {write_id} {'go through' if outcome == 'done' else 'fail'}?",
                f"You are confirming that {where_to_look(row.service)} {shows} {effect}.",
                f"LeadBridge sent it {app.time.shown(row.at)} ({row.operation}). Its outcome is {row.outcome}.",
                _what_follows(row, outcome, record.id),
                ("What was written", row.target),
                *record.lines,
            ),
            said=frozenset({"write_id", "outcome", "record_id"}),
        ),
    )


def _what_follows(row: WriteRow, outcome: str, record_id: int | None) -> str:
    """What LeadBridge does from then on."""
    hand_off = _HAND_OFF.fullmatch(row.subject)
    if outcome == "failed":
        again = f"Handing lead {hand_off[1]} off may create it" if hand_off else "LeadBridge may send the same"
        return f"{again} again. If you are wrong, it is done twice."
    if hand_off and record_id is None:
        return f"The hand-off of lead {hand_off[1]} cannot continue without the record's id (record_id)."
    if hand_off:
        return f"The hand-off of lead {hand_off[1]} then continues with prospect {record_id}: it adds its note there."
    return "LeadBridge does not send the same again. If you are wrong, it stays undone."


@dataclass(frozen=True, slots=True)
class _Record:
    id: int | None
    lines: tuple[PreviewLine, ...] = ()
    """What the service shows of it."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at the record that a write is said to have made or changed."""

    app: AppContext
    row: WriteRow
    outcome: str
    given: int | None

    async def record(self) -> _Record:
        """The record, as the service shows it.

        Raises:
            Refused: it cannot be the one.
        """
        rule = self.app.catalog[self.row.operation].record
        own = self.row.arguments.get(rule.of) if rule.of else None
        own = own if isinstance(own, int) else None
        if self.outcome == "failed" and self.given is not None and own is None:
            raise self._no("a write that did not take effect has made no record; leave record_id out")
        if own is not None and self.given not in {None, own}:
            raise self._no(f"write {self.row.write_id} is about {own}, not about {self.given}")
        number = self.given if own is None else own
        if number is None:
            return _Record(None, ("No record is named.",) if self.outcome == "done" else ())
        if own is None:
            await self._refuse_known(number)
        where = (f"Record: {number}",)
        if not rule.read:
            unseen = () if number == own else ("LeadBridge cannot read such a record: compare its id yourself.",)
            return _Record(number, (*where, *unseen))
        try:
            await self.app.company.confirm(self.row.service)
            lines = await self._read(rule.read, number, new=own is None)
        except NotFound:
            if own is None:
                raise self._no(f"the service shows no record {number}") from None
            lines = ("The service does not show it to this key.",)
        except Refused as refused:
            if refused.reason == "another_record":
                raise
            lines = (f"It could not be read now: {refused.why}",)
        except LeadBridgeError:
            lines = ("It could not be read now.",)
        return _Record(number, (*where, *lines))

    async def _read(self, operation_id: str, number: int, *, new: bool) -> tuple[PreviewLine, ...]:
        if operation_id == "rooflink.get_prospect":
            prospect = await self.app.rooflink.get_prospect(number)
            if new:
                await self._refuse_another(prospect)
            customer = prospect.customer.name if prospect.customer else None
            deleted = ("RoofLink shows that it is deleted.",) if prospect.deleted else ()
            address = prospect.full_address or prospect.name
            return *_values(Customer=customer, Address=address, Created=prospect.date_created), *deleted
        if operation_id == "rooflink.get_event":
            event = await self.app.rooflink.one(operation_id, Event, {"event_id": number})
            if new and event.name and as_meant(event.name)[:LABEL_LIMIT] != as_meant(self.row.target)[:LABEL_LIMIT]:
                raise self._no(f"event {number} has another name than the one that was written")
            return _values(Event=event.name, Start=event.local_start or event.start)
        lead: Lead | None
        if operation_id in self.app.offered:
            lead = await self.app.renovationfind.get_lead(number)
        else:
            known = await self.app.leads.get(number)
            lead = known.lead if known and not known.unseen else None
        if lead is None:
            return ("LeadBridge has not seen this lead.",)
        return _values(
            Customer=lead.customerName,
            Address=lead.customerAddress,
            Action=lead.vendorLeadAction,
            Status=lead.status,
        )

    async def _refuse_known(self, number: int) -> None:
        """Refuse an id that another write made, or that of the job, lead or person that this write named."""
        if number in await self.app.history.records(self.row.operation):
            raise self._no(f"record {number} was made by another write")
        for name, value in self.row.arguments.items():
            if value == number and name.endswith("_id"):
                raise self._no(f"{number} is the {name} that was written, not the id of what was made")

    async def _refuse_another(self, prospect: Prospect) -> None:
        """Refuse a prospect made at another time or by another write, or of another house and customer."""
        from leadbridge.server.matching.compare import compare
        from leadbridge.server.matching.profile import profile_of
        from leadbridge.server.prospects.index import details_of
        from leadbridge.server.prospects.own_lead import created_around

        number = self.row.write_id
        if created_around(prospect, self.row.at) is False:
            raise self._no(f"prospect {prospect.id} was not created when write {number} was sent")
        mark = re.search(rf"{MARK}\W+\w+-(\d+)", str((prospect.model_extra or {}).get("extra_info", "")))
        if mark is not None and int(mark[1]) != number:
            raise self._no(f"prospect {prospect.id} was made by another write")
        details = await self.app.store.run(lambda connection: creation_of(connection, number))
        if details is None:
            return
        ours = await anyio.to_thread.run_sync(profile_of, details)
        if not compare(ours, profile_of(details_of(prospect))).likely:
            raise self._no(f"prospect {prospect.id} has another address and customer than write {number}")

    def _no(self, why: str) -> Refused:
        return Refused(
            "another_record", f"{why}.", "Look at the record on the service, and call again with the id that it shows."
        )


def _values(**shown: str | None) -> tuple[PreviewLine, ...]:
    """What is shown of a record, line by line."""
    texts = {name: clean(value, limit=LABEL_LIMIT) for name, value in shown.items()}
    return tuple((name, text) if text else f"{name}: not shown" for name, text in texts.items())


TOOLS = (write_tool(resolve_write, title="Resolve unknown write", toolset="pipeline", effect=RESOLVE.effect),)
