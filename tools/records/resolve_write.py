"""A write whose outcome is unknown, settled by a person who looked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from leadbridge.server.catalog.effects import Effect
from leadbridge.server.mcp.arguments import Id, OptionalId
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.writes.model import Done, LocalOperation, LocalWrite, Preview, Subject, Write

RESOLVE = LocalOperation("leadbridge.resolve_write", "leadbridge", "Settle a write", Effect.IRREVERSIBLE)


async def resolve_write(
    ctx: Ctx,
    write_id: Annotated[Id, Field(description="Row of write_history")],
    outcome: Annotated[Literal["done", "failed"], Field(description="What the service shows")],
    record_id: Annotated[OptionalId, Field(description="Id of the record, if there is one")] = None,
) -> Write:
    """Resolve a write whose outcome is unknown, after the user looked at the record on the service.

    done: it took effect, and the same will not be written again. failed: it did not, and it may be tried again. It
    needs the user's approval. Nothing is sent to a service.
    """
    app = app_context(ctx)
    known = await app.ledger.find(write_id)

    async def settle() -> Done:
        row = await app.ledger.resolve(write_id, outcome, record_id)
        return Done(
            summary=f"Write {write_id} ({row.operation}) is settled as {outcome}.",
            record_id=row.record_id,
            after={"state": outcome},
        )

    shows = "shows" if outcome == "done" else "has not got"
    return Write(
        action=LocalWrite(operation=RESOLVE, run=settle),
        subject=Subject(f"write {write_id}"),
        arguments={"write_id": write_id, "outcome": outcome, "record_id": record_id},
        preview=Preview(
            lines=(
                f"Settle write {write_id} as {outcome}: the service {shows} it.",
                "Wrong, it would let the same be written twice."
                if outcome == "failed"
                else "Wrong, it would stay undone.",
                f"It is {known.operation} of {app.time.shown(known.at)}. What became of it is not known.",
                ("Record", known.target),
            ),
            said=frozenset({"write_id", "outcome"}),
            before={"state": "unknown"},
        ),
    )


TOOLS = (write_tool(resolve_write, title="Settle unknown write", toolset="pipeline", effect=RESOLVE.effect),)
