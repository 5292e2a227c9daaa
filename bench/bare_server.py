"""The least that the SDK needs to put RoofLink's prospects behind a tool: it passes the page on, nothing else.

No limits, no retries, no checks, no words for errors: what LeadBridge costs beyond this is what its guards cost.
"""

from __future__ import annotations

import os
from typing import Any

import httpx
from mcp.server import MCPServer

server = MCPServer("bare", log_level="WARNING")
client = httpx.AsyncClient(
    base_url=os.environ["BENCH_BASE_URL"], headers={"X-API-KEY": "bench"}, timeout=30, trust_env=False
)


@server.tool()
async def rooflink_list_prospects(page: int = 1, page_size: int = 10) -> dict[str, Any]:
    """List prospects."""
    response = await client.get("/light/jobs/prospect/", params={"page": page, "page_size": page_size})
    response.raise_for_status()
    return response.json()


@server.tool()
async def rooflink_get_prospect(prospect_id: int) -> dict[str, Any]:
    """Get a prospect."""
    response = await client.get(f"/light/jobs/prospect/{prospect_id}/")
    response.raise_for_status()
    return response.json()


if __name__ == "__main__":
    server.run()
