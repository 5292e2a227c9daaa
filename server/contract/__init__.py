"""What LeadBridge sends, where it knows that from, and how it compares with what the services document."""
