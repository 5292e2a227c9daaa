"""`leadbridge demo`: a real client against a real server process on the sandbox takes a lead all the way.

RenovationFind announces lead 812; it is handed off to RoofLink under one approval (accepted, created there, the link
noted), gets its statuses, and is won for an amount. A later change of the won lead must be refused. The outcome of each
step is checked.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import anyio
from mcp import Client
from mcp.client import ClientRequestContext, Transport
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent
from rich.console import Console
from rich.panel import Panel
from rich.prompt import Confirm
from rich.table import Table
from rich.text import Text

from leadbridge.server.cli.shared import waiting_for_a_line
from leadbridge.server.terminal import terminal

LEAD = 812
AMOUNT = 18_500.0
SAID_NO = (
    "\nYou said no, so nothing was sent. That is what a no does.\nThe demo ends here; run it again to see the rest."
)
COMPLETE = "\nDemo complete: every step had the expected result."
NEXT = """
Next:
- Connect your assistant, still on simulated services:
  {command} install --sandbox
- Use your own account (docs/first-day.md):
  {command} setup"""


class DemoFailed(Exception):
    """A step did not have the expected result."""


class Interrupted(Exception):
    """Ctrl-C at a question. A KeyboardInterrupt would end the event loop before its tasks."""


class SaidNo(Exception):
    """The person at the terminal did not approve."""


def run(*, answer_yes: bool, tokens: bool, console: Console | None = None) -> int:
    """Run the demo; the exit code is 0 if every step had the expected result, or if a person said no."""
    demo = _Demo(console or terminal(), answer_yes=answer_yes, tokens=tokens)
    code = 0
    try:
        anyio.run(demo.play)
    except* Interrupted:
        code = 130  # as shells say it of a program that Ctrl-C ended
    except* SaidNo:
        demo.console.print(SAID_NO, style="bold")
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
    """This installation's own `leadbridge serve --sandbox`, in a directory without a `.env` file."""
    arguments = ["-P", "-m", "leadbridge.server.cli.main", "serve", "--sandbox"]
    return stdio_client(StdioServerParameters(command=sys.executable, args=arguments, cwd=directory), errlog=said)


@dataclass(slots=True)
class _Demo:
    console: Console
    answer_yes: bool
    tokens: bool
    connected: bool = False
    step: int = 0
    said_no: bool = False

    async def play(self) -> None:
        self.console.print(
            Text.assemble(
                ("LeadBridge demo", "bold"), ": simulated services, invented people; nothing real is touched."
            )
        )
        callback = None if self.tokens else self._approve
        with (
            tempfile.TemporaryDirectory(prefix="leadbridge-demo-") as directory,
            Path(directory, "stderr").open("w+", encoding="utf-8") as said,  # noqa: ASYNC230  # it is empty
        ):
            try:
                async with Client(server_process(directory, said), elicitation_callback=callback) as client:
                    tools = (await client.list_tools()).tools
                    self.connected = True
                    self.console.print(f"Connected over stdio, protocol {client.protocol_version}, {len(tools)} tools.")
                    await self._story(client)
            except Exception:
                if not self.connected:  # the server did not start, and said why
                    said.seek(0)
                    sys.stderr.write(said.read())
                raise

    async def _story(self, client: Client) -> None:
        self._head(f"A lead comes in on RenovationFind: number {LEAD}. One approval hands it off to RoofLink.")
        handed_off = await self._write(client, "hand_off_lead", lead_id=LEAD)
        job = handed_off["record"]["job_id"]

        self._head("It is now a prospect in RoofLink, with the details from RenovationFind and nothing else.")
        await self._call(client, "rooflink_get_prospect", {"prospect_id": job})

        self._head("The job makes progress, and each step is reported to RenovationFind.")
        meeting = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
        update = "renovationfind_update_job_status"
        await self._write(client, update, lead_id=LEAD, status="CONTACT_MADE", contact_method="PHONE_CALL")
        await self._write(client, update, lead_id=LEAD, status="MEETUP_SCHEDULED", meeting_scheduled_date=meeting)
        await self._write(client, update, lead_id=LEAD, status="ESTIMATE_PROVIDED", estimate_type="IN_PERSON_ESTIMATE")

        self._head(f"The job is won for {AMOUNT:,.0f}.")
        await self._write(client, "renovationfind_mark_won", lead_id=LEAD, status="JOB_WON", job_amount=AMOUNT)

        self._head("Somebody tries to change the won lead, which must be refused.")
        await self._write(client, update, "refused", lead_id=LEAD, status="JOB_LOST", reason="They changed their mind")

        self._head("What was written, and under which approval:")
        await self._history(client)
        self.console.print(COMPLETE, style="green")
        self.console.print(NEXT.format(command=Path(sys.executable).with_name("leadbridge")))

    async def _write(self, client: Client, tool: str, expected: str = "done", /, **arguments: Any) -> dict[str, Any]:
        receipt = await self._call(client, tool, arguments)
        if receipt.get("outcome") == "approval_required":
            self._show_approval("\n".join(receipt["preview"]))
            if not self._yes():
                raise SaidNo
            receipt = await self._call(client, tool, {**arguments, "approval_token": receipt["approval_token"]})
        if self.said_no:
            raise SaidNo
        if receipt.get("outcome") != expected:
            raise DemoFailed(f"{tool} came out as {receipt.get('outcome')}, not {expected}")
        return receipt

    async def _call(self, client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = await self._result(client, tool, arguments)
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        self.console.print(Text(text), style="yellow" if result.is_error else "")
        return result.structured_content or {}

    async def _history(self, client: Client) -> None:
        """The history as a table, which fits a terminal of 80 columns."""
        data: dict[str, Any] = (await self._result(client, "write_history", {})).structured_content or {}
        table = Table("write", "outcome", "what", "approval")
        for row in data["rows"]:
            table.add_row(str(row["write_id"]), row["outcome"], row["summary"], row["approval"])
        self.console.print(table)

    async def _result(self, client: Client, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items() if name != "approval_token")
        token = ", with the approval token" if "approval_token" in arguments else ""
        self.console.print(Text.assemble((f"> {tool}", "cyan"), f"({shown}){token}"))
        return await client.call_tool(tool, arguments)

    async def _approve(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context
        self._show_approval(params.message)
        self.said_no = not self._yes()  # nothing else has to run meanwhile, and Ctrl-C reaches only the main thread
        return (
            ElicitResult(action="decline") if self.said_no else ElicitResult(action="accept", content={"confirm": True})
        )

    def _show_approval(self, text: str) -> None:
        self.console.print(Panel(Text(text), title="Your approval is needed", border_style="bold yellow"))

    def _yes(self) -> bool:
        if self.answer_yes:
            self.console.print("Approve? yes (answered by the demo)")
            return True
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio's would wait for the answer
        try:
            with waiting_for_a_line():
                return Confirm.ask("Approve?", default=False, console=self.console)
        except EOFError:  # the terminal is gone: nobody said yes
            return False
        except KeyboardInterrupt:
            raise Interrupted from None
        finally:
            signal.signal(signal.SIGINT, handler)

    def _head(self, text: str) -> None:
        self.step += 1
        self.console.print(f"\n{self.step}. {text}", style="bold")
