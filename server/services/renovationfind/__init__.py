"""RenovationFind: its typed reads, its records, and its own rules."""
