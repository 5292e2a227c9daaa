"""What `make dist` makes: the same names, version and settings everywhere, and each runs as it says of itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft7Validator
from mcp import Client
from mcp.client.stdio import StdioServerParameters, get_default_environment, stdio_client

from leadbridge.server import __version__
from leadbridge.server.config.settings import Settings
from leadbridge.server.install.hosts import Machine, known_hosts
from leadbridge.server.mcp.prompts import read_prompts
from scripts import artifacts
from scripts.inspector import NODE, NPM, environment
from tests.process.processes import copy_sources

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(300)]

UV = Path(sys.executable).parent
SECRET = "a-key-for-the-test"
MCPB = "@anthropic-ai/mcpb@2.1.2"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    artifacts.make(folder)
    return folder


def read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def unpacked(made: Path, into: Path) -> Path:
    (bundle,) = made.glob("*.mcpb")
    ZipFile(bundle).extractall(into)
    return into


async def tools_of(start: dict[str, Any], tmp_path: Path, values: Mapping[str, str]) -> set[str]:
    """The tools of the server that a host starts so, which answers a call; what has no value stays as it is."""

    def filled(text: str) -> str:
        return re.sub(r"\$\{([\w.]+)\}", lambda found: values.get(found[1], found[0]), text)

    environment = {**outside(), "LEADBRIDGE_RENOVATIONFIND_TOKEN": SECRET}
    environment |= {name: filled(value) for name, value in start.get("env", {}).items()}
    environment["LEADBRIDGE_STATE_URL"] = f"sqlite:///{tmp_path / 'state.db'}"
    command = shutil.which(start["command"], path=environment["PATH"])
    assert command, f"{start['command']} is not there"
    server = StdioServerParameters(
        command=command, args=[filled(argument) for argument in start["args"]], env=environment, cwd=tmp_path
    )
    async with Client(stdio_client(server), read_timeout_seconds=240) as client:
        status = await client.call_tool("server_status", {})
        assert not status.is_error, status
        return {tool.name for tool in (await client.list_tools()).tools}


async def tools_of_bundle(folder: Path, tmp_path: Path, *keys: str) -> set[str]:
    manifest = read(folder / "manifest.json")
    values = {name: entry["default"] for name, entry in manifest["user_config"].items() if "default" in entry}
    values |= dict.fromkeys(keys or manifest["user_config"], SECRET)
    config = {f"user_config.{name}": value for name, value in values.items()}
    return await tools_of(manifest["server"]["mcp_config"], tmp_path, {"__dirname": str(folder), **config})


def mcpb(*arguments: str | Path, folder: Path) -> str:
    command = [NODE, NPM, "exec", "--yes", f"--package={MCPB}", "--", "mcpb", *arguments]
    done = subprocess.run(command, env=environment(), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outside() -> dict[str, str]:
    """A host's environment, with uv on the path, and with what this machine's packages need."""
    needed = {name: os.environ[name] for name in os.environ if name.startswith(("UV_", "PIP_", "SSL_"))}
    return {**get_default_environment(), **needed, "PATH": f"{UV}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(params=["linux", "macos", "windows"])
def installed(request: pytest.FixtureRequest, made: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """The entries that `uvx --from WHEEL leadbridge install` leaves in three hosts, in a home of each system."""
    (wheel,) = made.glob("*.whl")
    names = ("claude-desktop", "cursor", "vscode")
    command = [UV / "uvx", "--from", wheel, "leadbridge", "install", "--sandbox", *names, "--home", tmp_path]
    command += ["--system", request.param]
    subprocess.run(command, check=True, env=outside(), cwd=tmp_path, stdin=subprocess.DEVNULL)
    here = Machine.of(tmp_path, request.param)
    hosts = [known_hosts()[name] for name in names]
    return [read(here.configuration(host))[host.key]["leadbridge"] for host in hosts]


async def test_uvx_installs_from_the_wheel_what_a_client_can_start(
    installed: list[dict[str, Any]], made: Path, tmp_path: Path
):
    """uvx makes an environment for one run, so the host is to make it again."""
    arguments = ["--from", str(made / f"leadbridge-{__version__}-py3-none-any.whl"), "leadbridge", "serve", "--sandbox"]
    assert [entry["args"] for entry in installed] == [arguments] * 3
    for entry in installed:
        assert "renovationfind_mark_won" in await tools_of(entry, tmp_path, {})


async def test_the_bundle_runs_as_its_manifest_says(made: Path, tmp_path: Path):
    folder = unpacked(made, tmp_path / "bundle")
    assert {"renovationfind_mark_won", "rooflink_list_prospects"} <= await tools_of_bundle(folder, tmp_path)


@pytest.mark.parametrize(
    ("key", "service"), [("rooflink_api_key", "rooflink"), ("renovationfind_token", "renovationfind")]
)
async def test_the_bundle_runs_with_one_key_alone(key: str, service: str, made: Path, tmp_path: Path):
    """Its format leaves `${user_config...}` of a field that is left empty as it is, unless the field has a default."""
    offered = await tools_of_bundle(unpacked(made, tmp_path / "bundle"), tmp_path, key)
    assert {name.split("_")[0] for name in offered} & {"rooflink", "renovationfind"} == {service}


async def test_the_packer_of_the_format_takes_the_manifest_and_makes_the_same_bundle(made: Path, tmp_path: Path):
    """It is an npm package, asked for by its version, and has the manifest's schema. It writes the time of day."""
    ours, theirs, again = unpacked(made, tmp_path / "ours"), tmp_path / "theirs.mcpb", tmp_path / "again"
    assert "Manifest schema validation passes" in mcpb("pack", ours, theirs, folder=tmp_path)
    mcpb("unpack", theirs, again, folder=tmp_path)
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in ours.iterdir()
    }
    assert "renovationfind_mark_won" in await tools_of_bundle(again, tmp_path)


async def test_the_plugin_runs_as_it_says(made: Path, tmp_path: Path):
    folder = made / "plugin" / "leadbridge"
    (start,) = read(folder / ".mcp.json")["mcpServers"].values()
    assert "renovationfind_mark_won" in await tools_of(start, tmp_path, {"CLAUDE_PLUGIN_ROOT": str(folder)})
    skills = {file.parent.name: file.read_text("utf-8") for file in folder.glob("skills/*/SKILL.md")}
    assert {*skills} == {prompt.name.replace("_", "-") for prompt in read_prompts()}
    assert not [name for name, text in skills.items() if "{{" in text]


def test_the_registry_s_entry_is_valid_by_its_published_schema(made: Path):
    server = read(made / "server.json")
    schema = json.loads(files("skillsaw.schemas.mcp_registry.v2025_12_11").joinpath("server.schema.json").read_text())
    assert server["$schema"] == schema["$id"]
    check = Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)
    assert [error.message for error in check.iter_errors(server)] == []
    del server["packages"][0]["transport"]
    assert not check.is_valid(server)


def test_the_list_of_parts_is_valid_by_its_published_schema(made: Path):
    check = JsonStrictValidator(SchemaVersion.V1_6)
    text = (made / "sbom.cdx.json").read_text("utf-8")
    assert check.validate_str(text) is None
    assert check.validate_str(text.replace('"library"', '"book"', 1)) is not None


def test_plugin_and_marketplace_are_what_claude_code_reads(made: Path):
    """By the rules of skillsaw, a linter for them; a schema of Claude Code's own is in no package."""
    command = [sys.executable, "-m", "skillsaw", "lint", "--format", "json", made / "plugin"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert [one for one in found["violations"] if one["severity"] == "error"] == []
    assert done.returncode == 0


def test_names_versions_and_settings_are_the_same_in_all(made: Path, tmp_path: Path):
    manifest, server = read(unpacked(made, tmp_path) / "manifest.json"), read(made / "server.json")
    (package,) = server["packages"]
    marketplace = read(made / "plugin" / ".claude-plugin" / "marketplace.json")
    plugin = read(made / "plugin" / "leadbridge" / ".claude-plugin" / "plugin.json")
    sbom = read(made / "sbom.cdx.json")
    versions = [manifest["version"], server["version"], package["version"], plugin["version"]]
    versions += [marketplace["plugins"][0]["version"], sbom["metadata"]["component"]["version"]]
    (wheel,) = made.glob("*.whl")
    about = ZipFile(wheel).read(f"leadbridge-{__version__}.dist-info/METADATA").decode()
    versions += re.findall(r"^Version: (.+)$", about, re.MULTILINE)
    versions += re.findall(r"leadbridge==([\w.]+)", (made / "links.md").read_text("utf-8").replace("%3D", "="))
    assert {*versions} == {__version__}
    assert {manifest["name"], package["identifier"], plugin["name"], marketplace["plugins"][0]["name"]} == {
        "leadbridge"
    }
    variables = {variable["name"] for variable in package["environmentVariables"]}
    assert variables == {*manifest["server"]["mcp_config"]["env"]}
    assert variables <= {f"LEADBRIDGE_{name.upper()}" for name in Settings.model_fields}
    assert all(entry["sensitive"] for entry in manifest["user_config"].values())
    assert len(server["description"]) <= 100
    (start,) = read(made / "plugin" / "leadbridge" / ".mcp.json")["mcpServers"].values()
    commands = [manifest["server"]["mcp_config"]["args"], start["args"], [server["packages"][0]["identifier"], "serve"]]
    assert {tuple(command[-2:]) for command in commands} == {("leadbridge", "serve")}
    assert [argument["value"] for argument in package["packageArguments"]] == ["serve"]
    image = (artifacts.ROOT / "Dockerfile").read_text("utf-8")
    assert 'ENTRYPOINT ["leadbridge"]\nCMD ["serve", "--http"]\n' in image
    project = artifacts.PROJECT
    least = project["requires-python"].removeprefix(">=")
    assert {*re.findall(r"^FROM python:([\d.]+)-slim", image, re.MULTILINE)} == {least}
    assert manifest["compatibility"]["runtimes"] == {"python": project["requires-python"]}
    assert project["scripts"] == {"leadbridge": "leadbridge.server.cli.main:main"}
    assert {manifest["license"], plugin["license"]} == {project["license"]}
    assert {manifest["description"], plugin["description"], server["description"]} == {project["description"]}
    readme = (artifacts.ROOT / "README.md").read_text("utf-8")
    assert f"mcp-name: {server['name']}" in readme


def test_the_bundle_and_the_list_of_parts_name_what_the_environment_is_made_of(made: Path, tmp_path: Path):
    project = tomllib.loads((unpacked(made, tmp_path) / "pyproject.toml").read_text("utf-8"))
    pinned = {line.partition(" ;")[0] for line in project["tool"]["uv"]["constraint-dependencies"]}
    listed = (artifacts.ROOT / "requirements" / "run.txt").read_text("utf-8")
    assert pinned == {*re.findall(r"^[\w.-]+==[^\s;\\]+", listed, re.MULTILINE)}
    parts = read(made / "sbom.cdx.json")["components"]
    assert {f"{part['name']}=={part['version']}" for part in parts} == pinned
    assert all(part["properties"] for part in parts)


def test_all_is_the_same_when_it_is_made_again_and_holds_the_one_wheel(made: Path, tmp_path: Path):
    artifacts.make(tmp_path / "again")
    one, other = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (made, tmp_path / "again")
    )
    assert one == other
    (wheel,) = made.glob("*.whl")
    copies = [unpacked(made, tmp_path / "bundle") / wheel.name, made / "plugin" / "leadbridge" / wheel.name]
    assert [copy.read_bytes() == wheel.read_bytes() for copy in copies] == [True, True]


@pytest.fixture
def connected(tmp_path: Path) -> dict[str, Any]:
    """The entry that README's command leaves in Cursor, as it stands, in a clone where nothing was made before."""
    clone, home = tmp_path / "clone", tmp_path / "home"
    copy_sources(clone)
    (home / ".cursor").mkdir(parents=True)
    part = (clone / "README.md").read_text("utf-8").partition("## Connect your assistant")[2].partition("\n## ")[0]
    (command,) = re.findall(r"```sh\n(make .+)\n```", part)
    surroundings = {**outside(), "PATH": os.environ["PATH"], "HOME": str(home)}
    subprocess.run(command, shell=True, check=True, cwd=clone, input="y\n", text=True, env=surroundings)
    return read(home / ".cursor" / "mcp.json")["mcpServers"]["leadbridge"]


async def test_the_command_of_the_readme_connects_an_assistant(connected: dict[str, Any], tmp_path: Path):
    assert Path(connected["command"]) == tmp_path / "clone" / ".venv" / "bin" / "leadbridge"
    assert "rooflink_create_lead" in await tools_of(connected, tmp_path, {})
