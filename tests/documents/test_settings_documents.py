"""Every setting is explained in docs/settings.md and shown in .env.example, with the default that it has."""

from __future__ import annotations

import re

from leadbridge.server.catalog import load
from leadbridge.server.config.settings import Settings
from tests.documents.examples import ROOT


def defaults() -> dict[str, str | None]:
    """Each setting's default as a person writes it; `None` where there is none."""
    shown: dict[str, str | None] = {}
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, bool):
            text = str(default).lower()
        elif isinstance(default, float):
            text = f"{default:g}"
        else:
            text = default or None
        shown[f"LEADBRIDGE_{name.upper()}"] = text
    return shown | {
        f"LEADBRIDGE_{name.upper()}_BASE_URL": service.base_url for name, service in load().services.items()
    }


def test_the_page_of_settings_has_each_setting_once_with_its_default():
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = re.findall(r"^\| `(LEADBRIDGE_\w+)` \| (?:`([^`]+)`|none) \| .+ \|$", page, re.MULTILINE)
    assert {name: value or None for name, value in rows} == defaults()
    assert len(rows) == len(defaults())


def test_the_example_file_has_each_setting_once_with_its_default_or_says_that_there_is_none():
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    shown: dict[str, str | None] = {}
    for number, line in enumerate(lines):
        if setting := re.fullmatch(r"#(LEADBRIDGE_\w+)=(.+)", line):
            assert setting[1] not in shown
            shown[setting[1]] = None if re.search(r"Default: none\b", lines[number - 1]) else setting[2]
        else:
            assert line == "" or line.startswith("# ")
    assert shown == {name: value for name, value in defaults().items() if name != "LEADBRIDGE_ENV_FILE"}
