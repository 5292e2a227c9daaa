"""Turns typed functions into MCP tools: checked arguments, slim schemas, hints from the effect, one way to write."""
