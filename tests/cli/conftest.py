"""Two real connectors as processes, and the command line run in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from trustspace.cli.app import app

PROGRAM = (sys.executable, "-m", "trustspace")


@dataclass(frozen=True)
class Service:
    """A connector that runs in a process of its own."""

    home: Path
    id: str
    address: str
    ready: str


class CommandLine:
    """Runs commands; by default for the home of one service."""

    def __init__(self, service: Service | None = None) -> None:
        self.service = service

    def __call__(self, *arguments: object) -> Result:
        home = () if self.service is None else ("--home", self.service.home)
        return CliRunner().invoke(app, [str(each) for each in (*arguments, *home)])

    def json(self, *arguments: object) -> Any:
        """Run a command that succeeds and return what it prints with ``--json``."""
        done = self(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "URL", "TOKEN", "TRACEBACK"):
        monkeypatch.delenv(f"TRUSTSPACE_{name}", raising=False)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    """The garden and the bank, started together."""
    root = tmp_path_factory.mktemp("homes")
    with ExitStack() as stack:
        starting = {}
        for name in ("garden", "bank"):
            made = CommandLine().json("init", root / name, "--name", name)
            process = subprocess.Popen(
                [*PROGRAM, "serve", "--home", root / name],
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONWARNINGS": "error"},
                text=True,
            )
            stack.callback(_stop, process)
            starting[name] = (made, process)
        yield {
            name: Service(root / name, made["id"], made["address"], _first_line(process))
            for name, (made, process) in starting.items()
        }


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    rest, _ = process.communicate(timeout=15)
    assert rest == "", "serve prints one line"
    assert process.returncode == 0


@pytest.fixture
def garden(services: dict[str, Service]) -> CommandLine:
    """The command line of the provider."""
    return CommandLine(services["garden"])


@pytest.fixture
def bank(services: dict[str, Service]) -> CommandLine:
    """The command line of the consumer."""
    return CommandLine(services["bank"])


@pytest.fixture
def alone() -> CommandLine:
    """The command line without a connector."""
    return CommandLine()


@pytest.fixture
def address(services: dict[str, Service]) -> str:
    """Where the provider is reached."""
    return services["garden"].address
