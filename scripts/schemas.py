"""Write the tools' schemas into the package (`python -m scripts.schemas`), or compare them (`... check`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from leadbridge.server.mcp.schemas import FILE, made
from leadbridge.tools import ALL_TOOLS

KEPT = Path(__file__).parent.parent / "server" / "mcp" / FILE


def current() -> str:
    """The file as it must be."""
    models = [(spec.name, spec.argument_model(), spec.output_model()) for spec in ALL_TOOLS]
    return json.dumps(made(models), indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write, or compare."""
    text = current()
    if sys.argv[1:] == ["check"]:
        if KEPT.read_text("utf-8") == text:
            return 0
        print(f"{KEPT.name} does not fit the tools any more: run `make schemas`", file=sys.stderr)
        return 1
    KEPT.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
