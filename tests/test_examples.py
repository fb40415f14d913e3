"""Every program of ``examples/`` runs, ends with 0 and leaves no warning."""

import os
import signal
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
    with subprocess.Popen(
        [sys.executable, program],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A session of its own, so that a program that hangs is ended with all that it started.
        start_new_session=True,
    ) as run:
        try:
            said, complained = run.communicate(timeout=110)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            raise
    assert run.returncode == 0, f"{said}\n{complained}"
    assert said.strip(), "an example shows what it did"
    assert list(tmp_path.iterdir()) == [], "an example leaves nothing behind"


def test_each_example_has_a_number_of_its_own() -> None:
    numbers = [int(path.stem[:2]) for path in EXAMPLES]
    assert len(set(numbers)) == len(numbers)
