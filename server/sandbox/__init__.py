"""A stateful simulator of RoofLink and RenovationFind, as strict and as nasty as the real services.

It is a referee: its rules are written from the services' documentation and share no code with the product's own
checks. What it assumes beyond the documentation is listed in `assumptions.toml`.
"""

from leadbridge.server.sandbox.faults import Fault
from leadbridge.server.sandbox.simulator import Sandbox
from leadbridge.server.sandbox.state import RequestRecord, Write
from leadbridge.server.sandbox_keys import SANDBOX_RENOVATIONFIND_TOKEN, SANDBOX_ROOFLINK_KEY

__all__ = [
    "SANDBOX_RENOVATIONFIND_TOKEN",
    "SANDBOX_ROOFLINK_KEY",
    "Fault",
    "RequestRecord",
    "Sandbox",
    "Write",
]
