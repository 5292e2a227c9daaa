"""LeadBridge: an MCP server that runs a contractor's lead pipeline on RoofLink and RenovationFind."""
