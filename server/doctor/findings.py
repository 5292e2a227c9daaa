"""What `leadbridge doctor` finds: one line each, with what it means and what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what was found, what to do, and what it means where that is not plain."""

    state: Literal["ok", "warning", "failure"]
    subject: str
    found: str
    do: str = ""
    means: str = ""


def show(findings: Sequence[Finding], *, as_json: bool) -> int:
    """Print the findings; the exit code is 1 if one is a failure."""
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        from rich.text import Text

        from leadbridge.server.terminal import terminal

        console = terminal(soft_wrap=True)
        colours = {"ok": "green", "warning": "yellow", "failure": "red"}
        for finding in findings:
            more = " ".join(part for part in (finding.means, finding.do) if part)
            found = _stopped(finding.found) if more else finding.found
            line = f" {finding.subject}: {found} {more}".rstrip()
            console.print(Text.assemble((f"{finding.state:8}", colours[finding.state]), line))
        console.print(_summary(findings), style="bold")
    return 1 if any(finding.state == "failure" for finding in findings) else 0


def _summary(findings: Sequence[Finding]) -> str:
    """How many failures and warnings there are, and what to fix first."""
    failures = [finding for finding in findings if finding.state == "failure"]
    warnings = sum(finding.state == "warning" for finding in findings)
    counted = f"{warnings or 'no'} warning{'' if warnings == 1 else 's'}"
    if not failures:
        return f"No failures, {counted}."
    first = f"{failures[0].subject}: {failures[0].found}"
    return f"{len(failures)} failure{'' if len(failures) == 1 else 's'}, {counted}. Fix first: {_stopped(first)}"


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."
