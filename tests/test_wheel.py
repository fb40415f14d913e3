"""What the wheel holds: the package, its data, the policies; nothing else."""

import os
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

import pytest
from hatchling.build import build_wheel

from trustspace._version import __version__

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        name = build_wheel(str(folder))
    finally:
        os.chdir(before)
    with zipfile.ZipFile(folder / name) as archive:
        yield archive


def test_it_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    source = ROOT / "src"
    wanted = {
        str(path.relative_to(source))
        for path in (source / "trustspace").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= set(wheel.namelist())
    assert "trustspace/py.typed" in wanted


def test_it_holds_the_policies_as_written_and_as_compiled(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for path in (ROOT / "policies").rglob("*.rego"):
        assert f"trustspace/policy/sources/{path.relative_to(ROOT / 'policies')}" in names
    assert {
        f"trustspace/policy/compiled/{name}" for name in ("policy.wasm", "policy.json")
    } <= names


def test_it_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"trustspace", f"trustspace-{__version__}.dist-info"}
    assert not [name for name in wheel.namelist() if "__pycache__" in name or "/tests/" in name]


def test_its_metadata_names_version_command_and_licence(wheel: zipfile.ZipFile) -> None:
    info = f"trustspace-{__version__}.dist-info"
    metadata = HeaderParser().parsestr(wheel.read(f"{info}/METADATA").decode())
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra", [])) >= {"all", "connector", "data"}
    assert (
        "trustspace = trustspace.__main__:main" in wheel.read(f"{info}/entry_points.txt").decode()
    )
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
