"""What is built and installed: one package that others' modules do not disturb, and the same bytes each time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.process.processes import copy_sources

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).parents[2]
OURS_BEFORE = ("server", "tools", "prompts")
"""Names that LeadBridge's own folders have in its repository."""
IN_THE_WAY = ("anyio", "asyncio", "json", "logging", "mcp", "pydantic", "rich", "token", "typer")
TRAP = "raise SystemExit('the wrong module')"


def build(tree: Path, into: Path, *more: str) -> dict[str, bytes]:
    """A wheel and a source distribution, by name."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--directory", into, *more], cwd=tree, check=True)
    return {file.name: file.read_bytes() for file in into.iterdir()}


def traps(folder: Path, names: tuple[str, ...]) -> Path:
    """Modules, every other one a package, that end the program that imports them."""
    for number, name in enumerate(names):
        module = folder / (f"{name}.py" if number % 2 else f"{name}/__init__.py")
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(TRAP, "utf-8")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(ROOT, folder)
    return folder


def test_two_builds_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """The second from a copy elsewhere, made at another time under another umask."""
    before = os.umask(0o077)
    try:
        copy_sources(tmp_path / "copy")
        again = build(tmp_path / "copy", tmp_path / "again")
    finally:
        os.umask(before)
    assert len(again) == 2
    assert {file.name: file.read_bytes() for file in built.iterdir()} == again


def test_the_source_distribution_gives_the_same_wheel(built: Path, tmp_path: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    shutil.unpack_archive(source, tmp_path, filter="data")
    (wheel,) = built.glob("*.whl")
    tree = tmp_path / source.name.removesuffix(".tar.gz")
    assert build(tree, tmp_path / "again", "--target", "wheel") == {wheel.name: wheel.read_bytes()}


def test_a_wheel_holds_one_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0].removesuffix(".dist-info").split("-")[0] for name in names} == {"leadbridge"}
    assert {"leadbridge/py.typed", "leadbridge/server/catalog/rooflink.toml"} <= {*names}


def test_the_installed_command_runs_beside_modules_of_the_same_names(built: Path, tmp_path: Path) -> None:
    """In the environment's packages and on PYTHONPATH, and with any module's name in the folder where it starts."""
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "env", symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    install = [getattr(sys, "_base_executable", sys.executable), "-m", "pip", "--python", python, "install"]
    subprocess.run([*install, "--quiet", "--no-index", "--no-deps", wheel], check=True)
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = traps(Path(subprocess.check_output(where, text=True).strip()), OURS_BEFORE)
    # What LeadBridge needs, without the editable LeadBridge of the tests: a .pth in there is not read.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    done = subprocess.run(
        [python.with_name("leadbridge"), "demo", "--yes"],
        cwd=traps(tmp_path / "folder", (*OURS_BEFORE, *IN_THE_WAY)),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(traps(tmp_path / "path", OURS_BEFORE))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Demo complete" in done.stdout
