"""Which process sends a write, and whether it still lives: so that what a killed one left behind is told truly."""

from __future__ import annotations

import os
import platform
from functools import cache


@cache
def this_process() -> str:
    """A name for this process that no other one gets: host, process id, and when it started."""
    pid = os.getpid()
    return f"{platform.node()[:60]}/{pid}/{_started(pid)}"


def is_gone(owner: str) -> bool:
    """Whether the process is known to be dead. One on another host is never known to be; its lease ends."""
    host, _, rest = owner.rpartition("/")[0].rpartition("/")
    started = owner.rpartition("/")[2]
    if host != platform.node()[:60] or not rest.isdigit():
        return False
    return _started(int(rest)) != started


def _started(pid: int) -> str:
    """When a process started, in the kernel's own ticks; empty where there is no such process."""
    import psutil

    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""
