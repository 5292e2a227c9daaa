"""The image's steps, one by one, as far as they can be tried without a container; and what compose.yaml may not do."""

from __future__ import annotations

import copy
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml
from mcp import Client
from mcp.types import CallToolResult

from leadbridge.server.config.settings import Settings
from tests.documents.examples import ROOT
from tests.install.nobody import NUMBER, as_nobody
from tests.process.processes import PATIENCE, eventually

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


@dataclass
class Step:
    """A line of the Dockerfile."""

    word: str
    rest: str

    @property
    def argument(self) -> list[str]:
        """What a line in JSON form says."""
        return json.loads(self.rest[self.rest.index("[") :])


def steps() -> list[Step]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [Step(*line.split(maxsplit=1)) for line in text.splitlines() if line]


def the_only(word: str) -> Step:
    (step,) = [step for step in steps() if step.word == word]
    return step


class Built:
    """What the build stage makes, in a folder of its own instead of /."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "opt").mkdir()
        folder = root
        for step in steps()[: [step.word for step in steps()].index("FROM", 1)]:
            if step.word == "WORKDIR":
                folder = root / step.rest.strip("/")
                folder.mkdir()
            elif step.word == "COPY":
                self._copy(*shlex.split(step.rest), folder=folder)
            elif step.word == "RUN":
                command = re.sub(r"(?<![\w.])/opt/", f"{root}/opt/", step.rest)
                command = re.sub(r"\bpython -m venv", f"{sys.executable} -m venv", command)
                subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True)

    @staticmethod
    def _copy(*names: str, folder: Path) -> None:
        ignored = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
        for name in names[:-1]:
            assert f"!{name.rstrip('/')}" in ignored, f"{name} does not reach the build"
            into = folder / names[-1]
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, into, symlinks=True, ignore=lambda _, inside: {*inside} & {"__pycache__"})
            else:
                shutil.copy(ROOT / name, into)

    def environment(self, home: Path, state: Path) -> dict[str, str]:
        """The image's variables, with its folders put here."""
        said = dict(pair.split("=", 1) for pair in shlex.split(the_only("ENV").rest))
        place = {"/opt": str(self.root / "opt"), "/var/lib/leadbridge": str(home), "/var/lib": str(state)}
        outside = os.environ["PATH"]
        return {
            name: re.sub("|".join(place), lambda found: place[found[0]], value).replace("$PATH", outside)
            for name, value in said.items()
        }


@pytest.fixture(scope="module")
def built() -> Iterator[Built]:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own cannot be entered by another user
        Path(folder).chmod(0o755)
        yield Built(Path(folder))


@contextmanager
def started(built: Built, **settings: str) -> Iterator[dict[str, str]]:
    """ENTRYPOINT and CMD as they are, by a user who can write to one folder only."""
    home, state = built.root / "home", built.root / "state"
    for folder, mode in ((home, 0o555), (state, 0o700)):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    if os.geteuid() == 0:
        os.chown(state, NUMBER, NUMBER)
    environment = {**built.environment(home, state), **settings}
    command = as_nobody([*the_only("ENTRYPOINT").argument, *the_only("CMD").argument])
    process = subprocess.Popen(command, env=environment, cwd=home, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        assert "http://127.0.0.1:8321/mcp" in process.stderr.readline()
        yield environment
        assert list(home.iterdir()) == []
    finally:
        process.terminate()
        process.communicate()


async def status() -> CallToolResult:
    async with Client("http://127.0.0.1:8321/mcp", read_timeout_seconds=PATIENCE) as client:
        return await client.call_tool("server_status", {})


@pytest.mark.exhaustive
@pytest.mark.timeout(300)
def test_it_is_built_and_runs_as_nobody_without_a_place_to_write_but_its_own(built: Built):
    check = the_only("HEALTHCHECK").argument
    with started(built, LEADBRIDGE_SANDBOX="true") as environment:
        eventually(lambda: subprocess.run(as_nobody(check), env=environment, check=False).returncode == 0)
        assert not anyio.run(status).is_error
    done = subprocess.run(as_nobody(check), env=environment, check=False, stderr=subprocess.DEVNULL)
    assert done.returncode == 1
    doctor = subprocess.run(
        as_nobody(["leadbridge", "doctor"]),
        env={**environment, "LEADBRIDGE_SANDBOX": "", "LEADBRIDGE_ROOFLINK_API_KEY": "a-key-of-the-office"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"state store: {built.root}/state/leadbridge/leadbridge.db, not there yet" in doctor.stdout
    assert doctor.returncode == 0, doctor.stdout


@pytest.mark.exhaustive
@pytest.mark.timeout(300)
def test_it_has_the_driver_of_the_store_that_compose_starts(built: Built):
    python = built.root / "opt" / "leadbridge" / "bin" / "python"
    subprocess.run([python, "-c", "import psycopg, leadbridge.server.app"], check=True, cwd=built.root)


def test_the_user_of_the_image_is_a_number_without_rights():
    assert the_only("USER").rest == str(NUMBER)
    assert f"--uid {NUMBER}" in next(step.rest for step in steps() if "useradd" in step.rest)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("useradd"), reason="only root may make a user")
def test_the_step_that_makes_the_user_gives_it_the_one_folder_that_is_written_to(tmp_path: Path):
    (step,) = [step.rest for step in steps() if "useradd" in step.rest]
    accounts = tmp_path / "etc" / "passwd"
    accounts.parent.mkdir()
    for name in ("passwd", "group"):
        accounts.with_name(name).touch()
    subprocess.run(step.replace("useradd", f"useradd --prefix {tmp_path}"), shell=True, check=True)
    name, _, number, _, _, home, _ = accounts.read_text("utf-8").strip().split(":")
    assert (name, number) == ("leadbridge", str(NUMBER))
    assert {home} == {the_only("VOLUME").rest, *(step.rest for step in steps()[-6:] if step.word == "WORKDIR")}
    assert (tmp_path / home.lstrip("/")).stat().st_uid == NUMBER


def test_what_the_image_installs_is_pinned_with_hashes_and_names_no_registry():
    installs = [step.rest for step in steps() if step.word == "RUN" and "pip install" in step.rest]
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install
    for name in ("Dockerfile", "compose.yaml", "requirements/image.txt"):
        assert "://" not in re.sub(r"postgresql://", "", (ROOT / name).read_text("utf-8"))
    run, image = (
        {*re.findall(r"^[\w.-]+==[^\s;\\]+", (ROOT / "requirements" / name).read_text("utf-8"), re.MULTILINE)}
        for name in ("run.txt", "image.txt")
    )
    assert run < image


@pytest.mark.parametrize("change", ["", "netwrk_mode", "ports"])
def test_compose_is_valid_by_its_published_schema(change: str, tmp_path: Path):
    composed = copy.deepcopy(COMPOSE)
    if change:
        composed["services"]["leadbridge"][change] = {"a": 1}
    file = tmp_path / "compose.yaml"
    file.write_text(yaml.safe_dump(composed), "utf-8")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    checked = subprocess.run(check, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (checked.returncode == 0) is not bool(change), checked.stdout + checked.stderr
    assert change in checked.stdout


def test_compose_publishes_on_loopback_only_and_each_setting_is_one():
    ours = COMPOSE["services"]["leadbridge"]
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8321:8080"]
    assert {*ours["environment"]} <= {f"LEADBRIDGE_{name.upper()}" for name in Settings.model_fields}
    files = {value.removeprefix("/run/secrets/") for name, value in ours["environment"].items() if "_FILE" in name}
    assert files == {*ours["secrets"]}
    assert {*COMPOSE["secrets"]} == {*ours["secrets"], *COMPOSE["services"]["database"]["secrets"]}
    for name in ("leadbridge", "front"):
        service = COMPOSE["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert COMPOSE["services"]["front"]["network_mode"] == "service:leadbridge"
    assert "127.0.0.1:8321" in COMPOSE["configs"]["caddyfile"]["content"]
    assert any(fnmatch("secrets/state-url", f"{line}*") for line in (ROOT / ".gitignore").read_text("utf-8").split())
