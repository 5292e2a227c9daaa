"""Prompts: each Markdown file here is one, with its front matter in TOML. See `leadbridge.server.mcp.prompts`."""
