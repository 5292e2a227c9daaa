"""The state store: what was written, which approvals are used up, what is known of leads.

SQLAlchemy is imported here and nowhere else, and only when something is read or written: a start does without it. So
`state.observations.read(...)` imports the module when it is first reached.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from leadbridge.server.state.store import Store

if TYPE_CHECKING:
    from leadbridge.server.state import observations

_OPENED_LATE = {"observations"}


def __getattr__(name: str) -> ModuleType:
    if name in _OPENED_LATE:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(name)


__all__ = ["Store", "observations"]
