"""The services of the kill rounds: the sandbox as a process of its own, with leads enough for every round.

Its clock moves on with each look, so that no rate limit of the simulator makes a round wait.
"""

from __future__ import annotations

import itertools
import socket
import sys
from dataclasses import replace

from leadbridge.server.sandbox import Sandbox
from leadbridge.server.sandbox.serve import addresses, bind

NEW, ACCEPTED = 100_000, 200_000
"""First of the ids of leads that are new, and of those that are accepted and have no status yet."""
STOCK = 500


class StockedSandbox(Sandbox):
    """A simulator with many leads that nothing was done to, also after a reset."""

    def __init__(self) -> None:
        super().__init__(prospects=5, clock=itertools.count(step=2).__next__)
        self._stock()

    def reset(self) -> None:
        """Forget everything, and stock up again."""
        super().reset()
        self._stock()

    def _stock(self) -> None:
        new, accepted = self.leads[812], self.leads[785]
        for number in range(STOCK):
            for first, like in ((NEW, new), (ACCEPTED, accepted)):
                self.leads[first + number] = replace(like, id=first + number, attachments=[])


def main() -> None:
    """Serve until terminated. Writes the settings that reach the services as one line of `NAME=value`."""
    server, listening = bind(StockedSandbox(), "127.0.0.1", 0)
    with listening:
        # Accepted connections inherit this; otherwise every answer to a kept connection waits 40 ms for an ACK.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        message = " ".join(f"{name}={value}" for name, value in addresses(listening).items())
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()
        server.run(sockets=[listening])


if __name__ == "__main__":
    main()
