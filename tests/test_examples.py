"""Every program of ``examples/`` runs, ends with 0 and leaves no warning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("program", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(program: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONWARNINGS": "error", "TMPDIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert run.stdout.strip(), "an example shows what it did"
    assert list(tmp_path.iterdir()) == [], "an example leaves nothing behind"


def test_examples_are_numbered_without_a_gap() -> None:
    assert [int(path.stem[:2]) for path in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))
