"""Leave to send one write, and how its outcome went on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from anyio.lowlevel import checkpoint_if_cancelled

from leadbridge.server.errors import Refused, StateError


@dataclass(slots=True)
class WritePermit:
    """Leave to send one write, given out only with its intent on record. The client takes no write without one."""

    write_id: int
    operation_id: str
    _allow_attempt: Callable[[int], Awaitable[bool]] = field(repr=False)
    may_have_left: bool = False
    """Whether the client came so far that a request may have left."""
    recorded: str = ""
    """The outcome that is on record so far."""

    async def sending(self) -> None:
        """Called by the client right before a request may leave, the first time and each time again.

        Raises:
            Refused: another process has given this write up meanwhile, and may have sent it itself.
        """
        if not await self._allow_attempt(self.write_id):
            again = " again" if self.may_have_left else ""
            raise Refused(
                "given_up",
                f"write {self.write_id} waited so long that it was given up, and is not sent{again}.",
                "Look at write_history, and call again if it is still wanted.",
            )
        await checkpoint_if_cancelled()  # a call that was cancelled meanwhile has sent nothing
        self.may_have_left = True


@dataclass(frozen=True, slots=True)
class Recorded:
    """How an outcome went on record."""

    error: StateError | None = None
    """Why it is not on record yet."""
    settled_as: str = ""
    """What somebody had settled the write as before, because its process seemed to be gone."""
