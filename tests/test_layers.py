"""The contracts of import-linter hold, and cover every package there is."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "trustspace"
PURE = {"errors", "model", "dsp", "tds", "policy", "identity", "evidence", "personal_data"}


def contracts() -> list[dict[str, Any]]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = document["tool"]["importlinter"]["contracts"]
    return found


def packages() -> set[str]:
    return {
        path.stem
        for path in SOURCE.iterdir()
        if path.name not in {"__init__.py", "__main__.py"}
        and (path.suffix == ".py" or (path / "__init__.py").is_file())
    }


def test_contracts_hold() -> None:
    program = (
        "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_layers_in_parentheses_are_those_not_born() -> None:
    (layers,) = (contract["layers"] for contract in contracts() if contract["type"] == "layers")
    named = [name.strip() for layer in layers for name in layer.split("|")]
    born = {name for name in named if not name.startswith("(")}
    unborn = {name.strip("()") for name in named if name.startswith("(")}
    assert born == packages()
    assert not unborn & packages()


def test_every_pure_package_is_kept_pure() -> None:
    (pure,) = (set(c["source_modules"]) for c in contracts() if c["type"] == "forbidden")
    assert pure == {f"trustspace.{name}" for name in PURE & packages()}
