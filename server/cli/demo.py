"""`leadbridge demo`: a real client against a real server process on the sandbox takes a lead all the way.

RenovationFind announces lead 812; it is handed off to RoofLink under one approval (accepted, created there, the link
noted), gets its statuses, and is won for an amount. Then the won lead is tried to be changed, which must be refused.
Every step's outcome is checked.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import anyio
from mcp import Client
from mcp.client import ClientRequestContext, Transport
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import ElicitRequestParams, ElicitResult, TextContent
from rich.console import Console
from rich.panel import Panel
from rich.prompt import Confirm
from rich.text import Text

from leadbridge.server.terminal import terminal

LEAD = 812
AMOUNT = 18_500.0


class DemoFailed(Exception):
    """A step did not come out as it must."""


def run(*, answer_yes: bool, tokens: bool, console: Console | None = None) -> int:
    """Run the demo; the exit code is 0 only if every step came out as it must."""
    demo = _Demo(console or terminal(), answer_yes=answer_yes, tokens=tokens)
    code = 0
    try:
        anyio.run(demo.play)
    except* DemoFailed as failures:
        demo.console.print(f"The demo stopped: {_first(failures)}", style="red")
        code = 1
    return code


def _first(group: BaseExceptionGroup[DemoFailed]) -> BaseException:
    """The failure itself, out of the groups that the connection's tasks wrapped around it."""
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return inner


def server_process(directory: str, said: TextIO) -> Transport:
    """This installation's own `leadbridge serve --sandbox`, in a directory where no `.env` file lies."""
    arguments = ["-P", "-m", "leadbridge.server.cli.main", "serve", "--sandbox"]
    return stdio_client(StdioServerParameters(command=sys.executable, args=arguments, cwd=directory), errlog=said)


@dataclass(slots=True)
class _Demo:
    console: Console
    answer_yes: bool
    tokens: bool
    step: int = 0
    ask: Callable[..., bool] = field(default=Confirm.ask)

    async def play(self) -> None:
        self.console.print(
            Text.assemble(
                ("LeadBridge demo", "bold"), ": simulated services, invented people; nothing real is touched."
            )
        )
        callback = None if self.tokens else self._approve
        with (
            tempfile.TemporaryDirectory(prefix="leadbridge-demo-") as directory,
            tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        ):
            try:
                async with Client(server_process(directory, said), elicitation_callback=callback) as client:
                    tools = (await client.list_tools()).tools
                    self.console.print(f"Connected over stdio, protocol {client.protocol_version}, {len(tools)} tools.")
                    await self._story(client)
            finally:
                if not self.step:  # it did not start, and said why
                    said.seek(0)
                    sys.stderr.write(said.read())

    async def _story(self, client: Client) -> None:
        self._head(f"A lead comes in on RenovationFind: number {LEAD}. One approval hands it off to RoofLink.")
        handed_off = await self._write(client, "hand_off_lead", lead_id=LEAD)
        job = handed_off["record"]["job_id"]

        self._head("It is a prospect in RoofLink now, with what RenovationFind told and nothing else.")
        await self._call(client, "rooflink_get_prospect", {"prospect_id": job})

        self._head("The job goes on, and RenovationFind is told.")
        meeting = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
        update = "renovationfind_update_job_status"
        await self._write(client, update, lead_id=LEAD, status="CONTACT_MADE", contact_method="PHONE_CALL")
        await self._write(client, update, lead_id=LEAD, status="MEETUP_SCHEDULED", meeting_scheduled_date=meeting)
        await self._write(client, update, lead_id=LEAD, status="ESTIMATE_PROVIDED", estimate_type="IN_PERSON_ESTIMATE")

        self._head(f"The job is won for {AMOUNT:,.0f}.")
        await self._write(client, "renovationfind_mark_won", lead_id=LEAD, status="JOB_WON", job_amount=AMOUNT)

        self._head("Somebody tries to change the won lead.")
        await self._write(client, update, "refused", lead_id=LEAD, status="JOB_LOST", reason="They changed their mind")

        self._head("What was written, and under which approval:")
        await self._call(client, "write_history", {})
        self.console.print("\nThe demo is complete: every step came out as it must.", style="green")

    async def _write(self, client: Client, tool: str, expected: str = "done", /, **arguments: Any) -> dict[str, Any]:
        receipt = await self._call(client, tool, arguments)
        if receipt.get("outcome") == "approval_required":
            self._show_approval("\n".join(receipt["preview"]))
            if self._yes():
                receipt = await self._call(client, tool, {**arguments, "approval_token": receipt["approval_token"]})
            else:
                receipt = {"outcome": "not_approved"}
        if receipt.get("outcome") != expected:
            msg = f"{tool} came out as {receipt.get('outcome')}, not {expected}"
            raise DemoFailed(msg)
        return receipt

    async def _call(self, client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items() if name != "approval_token")
        token = ", with the approval token" if "approval_token" in arguments else ""
        self.console.print(Text.assemble((f"> {tool}", "cyan"), f"({shown}){token}"))
        result = await client.call_tool(tool, arguments)
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        self.console.print(Text(text), style="yellow" if result.is_error else "")
        return result.structured_content or {}

    async def _approve(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context
        self._show_approval(params.message)
        answer = await anyio.to_thread.run_sync(self._yes)
        return ElicitResult(action="accept", content={"confirm": True}) if answer else ElicitResult(action="decline")

    def _show_approval(self, text: str) -> None:
        self.console.print(Panel(Text(text), title="Your approval is needed", border_style="bold yellow"))

    def _yes(self) -> bool:
        if self.answer_yes:
            self.console.print("Approve? yes (answered by the demo)")
            return True
        try:
            return self.ask("Approve?", default=False, console=self.console)
        except EOFError:  # the terminal is gone: nobody said yes
            return False

    def _head(self, text: str) -> None:
        self.step += 1
        self.console.print(f"\n{self.step}. {text}", style="bold")
