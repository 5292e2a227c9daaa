"""LeadBridge: the machine behind the tools (settings, catalog, API client, guards, state, sandbox, command line)."""

__version__ = "0.1.0"
