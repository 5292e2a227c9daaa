"""What people and IT departments install, made from one source of truth: `make dist`.

Into dist/: the wheel and the source distribution; `server.json` for the MCP registry; `leadbridge-VERSION.mcpb`, a
bundle for Claude Desktop; `plugin/`, a marketplace of one Claude Code plugin with the prompts as skills; `links.md`,
what a page can offer once the package is published; and `sbom.cdx.json`, what LeadBridge is made of. Names, versions
and settings come from pyproject.toml, the settings and the prompts. The bundle and the plugin hold the wheel, so both
run as they are, before anything is published.

The bundle is a ZIP file that is made here, without Node and with the same bytes each time. The packer of its format
writes the time into it; that both hold the same is tested.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from leadbridge.server.cli.install import other_ways
from leadbridge.server.cli.version import definitions
from leadbridge.server.config.settings import Settings
from leadbridge.server.install.entry import Launch
from leadbridge.server.install.hosts import known_hosts
from leadbridge.server.mcp.prompts import read_prompts

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NAME, VERSION = PROJECT["name"], PROJECT["version"]
REGISTRY_NAME = f"io.github.{NAME}/{NAME}"
"""As the README's mark says it; the registry wants the two to be equal."""
SERVER_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
ASKED_FOR = {
    "rooflink_api_key": ("RoofLink API key", "From RoofLink's settings; leave it empty without an account there"),
    "renovationfind_token": ("RenovationFind token", "From RenovationFind; leave it empty without an account there"),
}
"""Settings that a host asks a person for, with what it says; all are secret and optional."""
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)( ; [^\\]+)?", re.MULTILINE)
_HASHED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)[^\n]*\n((?:\s+--hash=sha256:\w+[ \\]*\n)+)", re.MULTILINE)


def variable(setting: str) -> str:
    """The setting's variable of the environment.

    Raises:
        KeyError: there is no such setting.
    """
    _ = Settings.model_fields[setting]
    return f"LEADBRIDGE_{setting.upper()}"


def server_json() -> dict[str, Any]:
    """The entry of the MCP registry."""
    variables = [
        {"name": variable(setting), "description": says, "isSecret": True, "isRequired": False, "format": "string"}
        for setting, (_, says) in ASKED_FOR.items()
    ]
    package = {
        "registryType": "pypi",
        "identifier": NAME,
        "version": VERSION,
        "runtimeHint": "uvx",
        "transport": {"type": "stdio"},
        "packageArguments": [{"type": "positional", "value": "serve"}],
        "environmentVariables": variables,
    }
    about = {"name": REGISTRY_NAME, "title": "LeadBridge", "description": PROJECT["description"], "version": VERSION}
    return {"$schema": SERVER_SCHEMA, **about, "packages": [package]}


def bundle_manifest() -> dict[str, Any]:
    """The manifest of the bundle. A key that nobody gives arrives as its default, and is one that is not set."""
    optional = {"type": "string", "sensitive": True, "required": False, "default": ""}
    config = {
        setting: {"title": title, "description": says, **optional} for setting, (title, says) in ASKED_FOR.items()
    }
    run = ["run", "--directory", "${__dirname}", "--no-dev", NAME, "serve"]
    environment = {variable(setting): f"${{user_config.{setting}}}" for setting in ASKED_FOR}
    return {
        "manifest_version": "0.4",
        "name": NAME,
        "display_name": "LeadBridge",
        "version": VERSION,
        "description": PROJECT["description"],
        "author": {"name": PROJECT["authors"][0]["name"]},
        "license": PROJECT["license"],
        "server": {
            "type": "uv",
            "entry_point": "pyproject.toml",
            "mcp_config": {"command": "uv", "args": run, "env": environment},
        },
        "user_config": config,
        "tools_generated": True,
        "prompts_generated": True,
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": PROJECT["requires-python"]},
        },
    }


def bundle_project(wheel: str) -> str:
    """The project inside the bundle: the wheel beside it, and each dependency in the version that was tested."""
    pinned = _PINNED.findall((ROOT / "requirements" / "run.txt").read_text("utf-8"))
    constraints = ",\n".join(
        f"    {json.dumps(f'{name}=={version}{marker.rstrip()}')}" for name, version, marker in pinned
    )
    return (
        f'[project]\nname = "{NAME}-bundle"\nversion = "{VERSION}"\nrequires-python = "{PROJECT["requires-python"]}"\n'
        f'dependencies = ["{NAME}"]\n\n[tool.uv]\npackage = false\nconstraint-dependencies = [\n{constraints},\n]\n\n'
        f'[tool.uv.sources]\n{NAME} = {{ path = "{wheel}" }}\n'
    )


def plugin(wheel: str) -> dict[str, str]:
    """The files of the marketplace and its plugin, by path; the server's name is short, for the names of its tools."""
    about = {"name": NAME, "version": VERSION, "description": PROJECT["description"]}
    author = {"name": PROJECT["authors"][0]["name"]}
    start = {"command": "uvx", "args": ["--from", f"${{CLAUDE_PLUGIN_ROOT}}/{wheel}", NAME, "serve"]}
    marketplace = {"name": NAME, "owner": author, "plugins": [{**about, "source": f"./{NAME}"}]}
    files = {
        ".claude-plugin/marketplace.json": _json(marketplace),
        f"{NAME}/.claude-plugin/plugin.json": _json({**about, "author": author, "license": PROJECT["license"]}),
        f"{NAME}/.mcp.json": _json({"mcpServers": {"leads": start}}),
        f"{NAME}/README.md": f"# LeadBridge {VERSION}\n\n{PROJECT['description']}.\n\nIt needs uv, and settings in the "
        f"shell that starts Claude Code: {' or '.join(f'`{variable(setting)}_FILE`' for setting in ASKED_FOR)}.\n",
    }
    for prompt in read_prompts():
        head = f"---\nname: {prompt.name.replace('_', '-')}\ndescription: {json.dumps(prompt.description)}\n---\n"
        said = re.sub(
            r"\{\{([a-z_]+)\}\}", lambda found: f"({found[1].replace('_', ' ')} as the user says)", prompt.text
        )
        files[f"{NAME}/skills/{prompt.name.replace('_', '-')}/SKILL.md"] = f"{head}\n{said}"
    return files


def links() -> str:
    """The hosts' own links and commands, which add the published package on simulated services."""
    start = Launch("uvx", ("--from", f"{NAME}=={VERSION}", NAME, "serve", "--sandbox"))
    ways = {host.title: [*other_ways(name, start.entry(host.form))] for name, host in known_hosts().items()}
    parts = ("\n".join([title, "", "```", *found, "```", ""]) for title, found in ways.items() if found)
    return "\n".join(parts)


def sbom() -> dict[str, Any]:
    """What is installed with LeadBridge, as CycloneDX 1.6, from the list that the environment is made of."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "properties": [{"name": "sha256", "value": value} for value in re.findall(r"sha256:(\w+)", hashes)],
        }
        for name, version, hashes in _HASHED.findall((ROOT / "requirements" / "run.txt").read_text("utf-8"))
    ]
    ours = {"type": "application", "bom-ref": f"pkg:pypi/{NAME}@{VERSION}", "name": NAME, "version": VERSION}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": ours},
        "components": components,
    }


def make(into: Path) -> None:
    """Everything, into a folder."""
    into.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1600000000"}
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(into)]
    subprocess.run(build, cwd=ROOT, check=True, env=environment, stdout=subprocess.DEVNULL)
    wheel = into / f"{NAME}-{VERSION}-py3-none-any.whl"
    (into / "server.json").write_text(_json(server_json()), "utf-8")
    (into / "links.md").write_text(links(), "utf-8")
    (into / "sbom.cdx.json").write_text(_json(sbom()), "utf-8")
    with ZipFile(into / f"{NAME}-{VERSION}.mcpb", "w", ZIP_DEFLATED) as bundle:
        _add(bundle, "manifest.json", _json(bundle_manifest()).encode())
        _add(bundle, "pyproject.toml", bundle_project(wheel.name).encode())
        _add(bundle, wheel.name, wheel.read_bytes())
    for name, text in plugin(wheel.name).items():
        file = into / "plugin" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    (into / "plugin" / NAME / wheel.name).write_bytes(wheel.read_bytes())


def _add(archive: ZipFile, name: str, data: bytes) -> None:
    """With a fixed time, so that two bundles of one version are the same."""
    archive.writestr(ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, ZIP_DEFLATED)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    make(ROOT / "dist")
    print(f"The tools' definitions have the sha256 {definitions()[1]}: name it in the release's notes.")
    print("dist/ has the wheel, the source distribution, server.json, the bundle, the plugin, the links and the SBOM.")
