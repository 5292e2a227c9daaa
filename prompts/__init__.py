"""Prompts: each Markdown file here is one, with its front matter in TOML. See `server.tooling.prompts`."""
