"""What stands between a tool call and a write: plans, approvals, the ledger, and the handling of untrusted text."""
