"""The servers that are measured side by side, and how each is started against the upstream."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from bench import openapi, stdio, upstream

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
BARE, LEADBRIDGE, FASTMCP = "bare SDK", "LeadBridge", "FastMCP"
TOOL = "rooflink_list_prospects"  # under one name at all peers
ARGUMENTS = {"page": 1, "page_size": upstream.PAGE_SIZE}
KEY = "0123456789abcdef" * 3
"""As long as a real one: what keeps a key out of answers looks for its parts."""


@dataclass(frozen=True)
class Peer:
    """One server: its name in the table, and how its process is started."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]

    def started(self) -> AbstractContextManager[stdio.Session]:
        """Start it, with the handshake made."""
        return stdio.started(self.command, self.env)


@dataclass(frozen=True)
class Setup:
    """What every benchmark gets: the peers, the upstream that they call, and how many rounds to make."""

    peers: tuple[Peer, ...]
    upstream: upstream.Running
    quick: bool = False
    notes: list[str] = field(default_factory=list[str])
    """What a reader of the result must know, said by the benchmarks."""

    def rounds(self, full: int) -> int:
        """How many rounds to make: a fifth of them, at least three, for a first look."""
        return max(3, full // 5) if self.quick else full


def assemble(running: upstream.Running, folder: Path) -> tuple[Peer, ...]:
    """The three peers against this upstream; `folder` takes LeadBridge's state and FastMCP's document.

    FastMCP gets the operations that stand behind LeadBridge's default tools, no more and no fewer.
    """
    leadbridge = Peer(
        LEADBRIDGE,
        (str(BIN / "leadbridge"), "serve"),
        {
            "LEADBRIDGE_ROOFLINK_API_KEY": KEY,
            "LEADBRIDGE_ROOFLINK_BASE_URL": running.base_url,
            "LEADBRIDGE_RENOVATIONFIND_TOKEN": KEY,
            "LEADBRIDGE_RENOVATIONFIND_BASE_URL": f"{running.origin}{openapi.RENOVATIONFIND_PATH}",
            "LEADBRIDGE_STATE_URL": f"sqlite:///{folder / 'state.sqlite'}",
        },
    )
    with leadbridge.started() as session:
        listed = {tool["name"] for tool in session.tools()}
    document = folder / "openapi.json"
    document.write_text(json.dumps(openapi.document(listed, upstream.BASE_PATH)), "utf-8")
    bare = Peer(BARE, (sys.executable, str(ROOT / "bench" / "bare_server.py")), {"BENCH_BASE_URL": running.base_url})
    fastmcp = Peer(
        FASTMCP,
        (str(ROOT / ".venv-peer" / BIN.name / "python"), str(ROOT / "bench" / "fastmcp_server.py")),
        {"BENCH_ORIGIN": running.origin, "BENCH_OPENAPI": str(document), "FASTMCP_CHECK_FOR_UPDATES": "off"},
    )
    return bare, leadbridge, fastmcp
