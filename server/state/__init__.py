"""The state store: what was written, which approvals are used up, what is known of leads.

SQLAlchemy is imported here and nowhere else, and only when something is read or written: a start does without it. So
`state.leads.find(...)` imports its module when it is first reached.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from leadbridge.server.state.store import Store

if TYPE_CHECKING:
    from leadbridge.server.state import (
        audit,
        database,
        forget,
        keys,
        leads,
        observations,
        photo_uploads,
        prospects,
        rate_limit_table,
        statements,
        tables,
        writes,
    )

__all__ = [
    "Store", "audit", "database", "forget", "keys", "leads", "observations", "photo_uploads", "prospects",
    "rate_limit_table", "statements", "tables", "writes",
]  # fmt: skip


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(name)
    return import_module(f"{__name__}.{name}")
