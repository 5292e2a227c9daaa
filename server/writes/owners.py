"""Which process sends a write, and whether it is still running, so that what it left behind is reported truly."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path


@cache
def this_process() -> str:
    """A name for this process that no other one gets: host, process id, and when it started."""
    pid = os.getpid()
    return f"{platform.node()[:60]}/{pid}/{_started(pid)}"


def lives(owner: str) -> bool | None:
    """Whether the process is there, and the same one; `None` for one on another host, which only its lease can show."""
    rest, _, started = owner.rpartition("/")
    host, _, pid = rest.rpartition("/")
    if host != platform.node()[:60] or not pid.isdecimal():
        return None
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process started; empty where there is none, or only what its parent has not yet taken note of.

    On Linux in ticks since the boot, as the kernel counts them: a time of day would move when the clock is set.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() else _started_elsewhere(pid)
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _started_elsewhere(pid: int) -> str:
    import psutil

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""
