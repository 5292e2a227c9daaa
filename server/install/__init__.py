"""Adds LeadBridge to the configuration of the programs that people talk to an assistant in, and takes it out again."""
