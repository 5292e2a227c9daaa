"""What makes a write safe: the plan, the approval, the ledger, repeats, recovery and the audit trail."""
