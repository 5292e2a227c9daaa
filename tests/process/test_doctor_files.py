"""What `doctor` says of the files around an installation, and that it makes none."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from leadbridge.server.cli.main import app
from leadbridge.server.state import Store

KEY = "4f1c9e0a7d2b8c3f6e5a"


def findings(*arguments: str, **settings: str) -> dict[str, dict[str, Any]]:
    environment = {"LEADBRIDGE_ROOFLINK_API_KEY": KEY} if "rooflink_api_key_file" not in settings else {}
    environment |= {f"LEADBRIDGE_{name.upper()}": value for name, value in settings.items()}
    result = CliRunner().invoke(app, ["doctor", "--json", *arguments], env=environment, catch_exceptions=False)
    assert KEY not in result.output
    return {finding["subject"]: finding for finding in json.loads(result.stdout)}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A store with something in it."""
    path = tmp_path / "office" / "state.db"
    make(f"sqlite:///{path}")
    return path


def make(address: str) -> None:
    store = Store(address)
    store.secret()
    store.close()


def test_a_store_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deeper" / "state.db"
    found = findings(state_url=f"sqlite:///{path}")["state store"]
    assert (found["state"], found["found"]) == ("ok", f"{path}, not there yet: the first write makes it")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(0o600)
    assert findings(state_url=f"sqlite:///{path}")["state store"]["state"] == "ok"
    assert (path.stat().st_size, list(tmp_path.iterdir())) == (0, [path])


def test_a_database_without_tables_stays_without(postgres_url: str) -> None:
    found = findings(state_url=postgres_url)
    assert "the first write makes its tables" in found["state store"]["found"]
    assert not Store(postgres_url).is_made()
    make(postgres_url)
    assert findings(state_url=postgres_url)["state store"]["found"].endswith("writable")


def test_a_store_that_could_not_be_made_is_a_failure() -> None:
    found = findings(state_url="sqlite:////dev/null/state.db")["state store"]
    assert (found["state"], "cannot be written" in found["found"]) == ("failure", True)


def test_files_that_are_only_mine_are_fine(state: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    found = findings(state_url=f"sqlite:///{state}", rooflink_api_key_file=str(key))
    assert {found[subject]["state"] for subject in ("state store", "RoofLink key")} == {"ok"}
    assert "state folder" not in found


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666, 0o620])
def test_the_chmod_that_is_named_takes_the_warning_away(mode: int, state: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / f"my {name}" for name in ("key", "address", "env")}
    files["key"].write_text(KEY)
    files["address"].write_text(f"sqlite:///{state}")
    files["env"].write_text("LEADBRIDGE_READ_ONLY=1\n")
    for path in (*files.values(), state):
        path.chmod(mode)
    settings = {
        "rooflink_api_key_file": str(files["key"]),
        "state_url_file": str(files["address"]),
        "env_file": str(files["env"]),
    }
    may = "read and change" if mode & 0o022 else "read"
    found = findings(**settings)
    for subject in ("RoofLink key", "state store", "env file"):
        assert found[subject]["state"] == "warning"
        assert f"other users can {may} " in found[subject]["found"]
        command = found[subject]["do"].partition("Run: ")[2]
        assert command.startswith("chmod 600 ")
        subprocess.run(shlex.split(command), check=True)
    after = findings(**settings)
    assert {after[subject]["state"] for subject in ("RoofLink key", "state store", "env file")} == {"ok"}


def test_a_folder_that_everybody_can_change_is_named(state: Path) -> None:
    state.parent.chmod(0o777)
    found = findings(state_url=f"sqlite:///{state}")["state folder"]
    assert (found["state"], found["do"]) == ("warning", f"Run: chmod o-w {state.parent}")
    state.parent.chmod(0o1777)
    assert "state folder" not in findings(state_url=f"sqlite:///{state}")


def test_a_env_file_that_is_not_read_is_a_warning_with_the_way_to_name_it() -> None:
    Path(".env").write_text("LEADBRIDGE_APPROVALS=off\nLEADBRIDGE_READ_ONLY=1\n")
    found = findings()
    assert found[".env"]["state"] == "warning"
    assert "it sets LEADBRIDGE_APPROVALS and 1 more" in found[".env"]["found"]
    assert "--env-file" in found[".env"]["do"]
    assert found["approvals"]["found"].startswith("auto")
    named = findings("--env-file", ".env")
    assert ".env" not in named
    assert named["approvals"]["found"].startswith("off")
