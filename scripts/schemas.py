"""Write the tools' definitions into the package (`python -m scripts.schemas`), or compare them (`... check`)."""

from __future__ import annotations

import json
import sys

from mcp.types import Tool

from leadbridge.server.mcp.schemas import DEFINITIONS
from leadbridge.tools import ALL_TOOLS


def current() -> dict[str, str]:
    """Every file as it must be, by its name."""
    files: dict[str, str] = {}
    for tool in (spec.build(anew=True) for spec in ALL_TOOLS):
        definition = Tool(
            name=tool.name,
            title=tool.title,
            description=tool.description,
            input_schema=tool.parameters,
            output_schema=tool.output_schema,
            annotations=tool.annotations,
        ).model_dump(mode="json", by_alias=True, exclude_none=True)
        files[f"{tool.name}.json"] = json.dumps(definition, indent=1, ensure_ascii=False) + "\n"
    return files


def kept() -> dict[str, str]:
    """Every file that there is."""
    return {path.name: path.read_text("utf-8") for path in DEFINITIONS.glob("*.json")}


def main() -> int:
    """Write, or compare."""
    right, there = current(), kept()
    if sys.argv[1:] == ["check"]:
        if right == there:
            return 0
        wrong = [name for name in sorted({*right, *there}) if right.get(name) != there.get(name)]
        print(f"These do not fit the tools any more: {', '.join(wrong)}. Run `make schemas`", file=sys.stderr)
        return 1
    for name in there.keys() - right.keys():
        (DEFINITIONS / name).unlink()
    for name, text in right.items():
        (DEFINITIONS / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
