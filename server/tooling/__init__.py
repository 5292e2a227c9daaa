"""Turns typed functions into MCP tools: strict arguments, slim schemas, hints from the effect, one way to write."""
