"""FastMCP's own way to the same operations: `from_openapi` over a document of them. Runs in `.venv-peer`."""

import json
import os
from pathlib import Path

import httpx2
from fastmcp import FastMCP

server = FastMCP.from_openapi(
    openapi_spec=json.loads(Path(os.environ["BENCH_OPENAPI"]).read_text("utf-8")),
    client=httpx2.AsyncClient(
        base_url=os.environ["BENCH_ORIGIN"], headers={"X-API-KEY": "bench"}, timeout=30, trust_env=False
    ),
    name="fastmcp",
)

if __name__ == "__main__":
    server.run(show_banner=False)
