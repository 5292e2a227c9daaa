"""The state store: what was written, which approvals are used up, what is known of leads."""

from leadbridge.server.state.store import Store

__all__ = ["Store"]
