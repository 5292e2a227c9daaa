"""The sandbox itself: both services, their state, their limits and the faults put between them and the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack, cast

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from leadbridge.server.sandbox.checkpoints import Checkpoints, SettableClock
from leadbridge.server.sandbox.control import control_routes
from leadbridge.server.sandbox.exchange import Answer, Broken, Connection, Incoming, call
from leadbridge.server.sandbox.faults import UNREACHABLE, Fault, Faults
from leadbridge.server.sandbox.files import upload_host
from leadbridge.server.sandbox.front import Front
from leadbridge.server.sandbox.manager import MANAGER_ROOT, Manager
from leadbridge.server.sandbox.mishaps import play
from leadbridge.server.sandbox.options import (
    RENOVATIONFIND_ROOT,
    ROOFLINK_ROOT,
    UPLOAD_ROOT,
    Choices,
    Options,
    choices_from,
)
from leadbridge.server.sandbox.records import Event, Lead, Mail, Note, Notice, Photo, Prospect, Upload, Vendor
from leadbridge.server.sandbox.renovationfind import RenovationFind
from leadbridge.server.sandbox.rooflink import PROSPECTS, RoofLink
from leadbridge.server.sandbox.seed import seed_state
from leadbridge.server.sandbox.state import RequestRecord, State, Write
from leadbridge.server.sandbox.transport import SandboxTransport
from leadbridge.server.sandbox_keys import SANDBOX_HOME

if TYPE_CHECKING:
    import httpx

NOT_HERE = f"Nothing is simulated here; {SANDBOX_HOME} says what is.\n"
_ROOTS: Mapping[str, str] = {
    ROOFLINK_ROOT: "rooflink",
    RENOVATIONFIND_ROOT: "renovationfind",
    MANAGER_ROOT: "renovationfind",
}


class Sandbox:
    """A stateful simulator of RoofLink and RenovationFind; its keyword arguments are those of `Options`.

    `app` serves both below the paths that the real services have, and `/_sandbox/` to steer it; `transport()` is the
    same without a socket.
    """

    def __init__(self, **choices: Unpack[Choices]) -> None:
        options = Options(**choices)
        self.clock = SettableClock(options)
        self.options = replace(options, now=self.clock.now)
        self.faults = Faults()
        self._state = State(self.options)
        self.checkpoints = Checkpoints(self._state, self.clock)
        self._rooflink = RoofLink(self.options, self._state)
        self._renovationfind = RenovationFind(self.options, self._state)
        self._manager = Manager(self.options, self._state)
        self._services = Starlette(
            routes=[
                Mount(ROOFLINK_ROOT, self._rooflink.app()),
                Mount(RENOVATIONFIND_ROOT, self._renovationfind.app()),
                Mount(UPLOAD_ROOT, upload_host(self.options, self._state)),
                Mount(MANAGER_ROOT, self._manager.app()),
            ],
            exception_handlers={404: lambda _, __: PlainTextResponse(NOT_HERE, 404)},
        )
        self._services.router.redirect_slashes = False
        self.app = Starlette(routes=[*control_routes(self), Mount("/", Front(self))])
        seed_state(self._state)

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> Sandbox:
        """A sandbox from plain data, as it comes in JSON: the names of `Options` and `faults`, a list.

        Raises:
            ValueError: an unknown name, or a value that is not allowed.
        """
        given = dict(options)
        faults = given.pop("faults", [])
        if not isinstance(faults, list):
            raise ValueError("faults must be a list")  # noqa: TRY004  # it is data that is wrong
        sandbox = cls(**choices_from(given))
        for fault in cast("list[object]", faults):
            sandbox.faults.add(Fault.from_options(fault))
        return sandbox

    @property
    def prospects(self) -> dict[int, Prospect]:
        """RoofLink's prospects by id, the deleted ones too; changes made here are seen by the service."""
        return self._state.prospects

    @property
    def leads(self) -> dict[int, Lead]:
        """RenovationFind's leads by id."""
        return self._state.leads

    @property
    def events(self) -> dict[int, Event]:
        """RoofLink's calendar by id."""
        return self._state.events

    @property
    def notices(self) -> list[Notice]:
        """Every e-mail and SMS to an invitee of an event, in order."""
        return self._state.notices

    @property
    def notes(self) -> dict[int, Note]:
        """RoofLink's notes by id, archived ones too."""
        return self._state.notes

    @property
    def mails(self) -> list[Mail]:
        """Every note as it was mailed, in order."""
        return self._state.mails

    @property
    def vendors(self) -> dict[int, Vendor]:
        """RenovationFind's vendors by id."""
        return self._state.vendors

    @property
    def photos(self) -> dict[int, Photo]:
        """RoofLink's photos by id, those without their file too."""
        return self._state.photos

    @property
    def documents(self) -> dict[int, Photo]:
        """RoofLink's documents by id, those without their file too."""
        return self._state.documents

    @property
    def uploads(self) -> list[Upload]:
        """Every file that the upload host took, in order."""
        return self._state.uploads

    @property
    def writes(self) -> list[Write]:
        """Every change that took effect, in order."""
        return self._state.writes

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request that arrived, in order."""
        return self._state.requests

    def reset(self) -> None:
        """Back to the seeded records and the machine's time; no faults, requests, writes or checkpoints."""
        self.clock.set(None)
        self.checkpoints = Checkpoints(self._state, self.clock)
        self._state.replace_parts({})
        self.faults.clear()
        self._rooflink.limit.clear()
        self._renovationfind.limit.clear()
        self._manager.clear()
        seed_state(self._state)

    def transport(self) -> httpx.AsyncBaseTransport:
        """Both services for an `httpx.AsyncClient` of this process, whatever origin its address names."""
        return SandboxTransport(self.exchange)

    async def exchange(self, incoming: Incoming, connection: Connection) -> Answer:
        """Receive a request, let a fault befall it or not, and answer.

        Raises:
            Broken: the caller gets no answer.
        """
        fault = self.faults.take(incoming.method, incoming.path)
        record = self._record(incoming)
        if fault is None or fault.kind not in UNREACHABLE:
            self.requests.append(record)

        async def carry_out() -> Answer:
            slow = incoming.path == ROOFLINK_ROOT + PROSPECTS and self.options.page_seconds
            if slow and not await connection.wait(slow):
                raise Broken("read_timeout")
            return await call(self._services, incoming)

        if fault is None:
            answer = await carry_out()
        else:
            answer = await play(fault, incoming, connection, carry_out, self.options.now())
        record.status = answer.status
        return answer

    def _record(self, incoming: Incoming) -> RequestRecord:
        roots = (name for root, name in _ROOTS.items() if incoming.path.startswith(f"{root}/"))
        return RequestRecord(
            service=next(roots, ""),
            method=incoming.method,
            path=incoming.path,
            query=incoming.query.decode("latin-1"),
            host=incoming.header(b"host"),
            header_names=tuple(sorted({key.decode("latin-1") for key, _ in incoming.headers})),
            at=self.options.clock(),
        )
