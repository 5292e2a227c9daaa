"""Tools on LeadBridge itself: its status, its history, and a write whose outcome is unknown."""
