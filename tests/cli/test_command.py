"""Spread options, exit codes and output of a command, without a connector."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from trustspace.cli.command import command, load
from trustspace.cli.output import Output
from trustspace.errors import MissingDependencyError, NotFoundError, PolicyDeniedError


@dataclass(frozen=True)
class Group:
    size: Annotated[int, typer.Option(help="How many.")]
    colour: Annotated[str, typer.Option()] = "red"


@pytest.fixture
def run():
    def invoke(function, *arguments):
        app = typer.Typer()
        app.command()(command(function))
        return CliRunner().invoke(app, arguments)

    return invoke


def paint(
    thing: Annotated[str, typer.Argument()],
    times: int = 1,
    *,
    group: Group,
    output: Output,
) -> None:
    """Paint a thing."""
    output.document({"thing": thing, "times": times, "size": group.size, "colour": group.colour})


def test_grouped_options_are_spread_out(run):
    done = run(paint, "door", "--size", "3", "--times", "2")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"thing": "door", "times": 2, "size": 3, "colour": "red"}


def test_a_required_option_of_a_group_is_required(run):
    done = run(paint, "door")
    assert done.exit_code == 2
    assert "--size" in done.stderr


def test_help_shows_every_option(run):
    done = run(paint, "--help")
    assert done.exit_code == 0
    for option in ("--size", "--colour", "--times", "--json", "How many."):
        assert option in done.stdout


def refuse(*, output: Output) -> None:
    del output
    raise PolicyDeniedError("refused", code="c", reasons=({"id": "r"},), hint="ask")


def test_an_error_is_words_on_stderr_and_an_exit_code(run):
    done = run(refuse)
    assert done.exit_code == 3
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["refused; ask", "  r: no further words"]


def test_an_error_is_a_document_too_when_json_is_asked_for(run):
    done = run(refuse, "--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["reasons"] == [{"id": "r"}]


def test_a_command_without_output_fails_in_words(run):
    def lose() -> None:
        raise NotFoundError("nothing there")

    done = run(lose)
    assert (done.exit_code, done.stdout, done.stderr) == (5, "", "nothing there\n")


def test_a_failing_file_is_wrong_usage(run, tmp_path):
    def write() -> None:
        (tmp_path / "no" / "folder").write_text("x", encoding="utf-8")

    done = run(write)
    assert done.exit_code == 2
    assert "No such file" in done.stderr
    assert "check the path" in done.stderr


def test_a_reader_that_goes_away_is_no_failure_of_ours(run):
    def write() -> None:
        raise BrokenPipeError

    assert isinstance(run(write).exception, (BrokenPipeError, SystemExit))


def test_load_names_the_extra_that_is_missing(tmp_path, monkeypatch):
    (tmp_path / "needs_much.py").write_text("import no_such_module", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingDependencyError, match="a feature needs the extra 'data'") as caught:
        load("needs_much", feature="a feature", extra="data")
    assert caught.value.hint == "pip install 'trustspace[data]'"


def test_load_does_not_hide_a_fault_of_ours():
    with pytest.raises(ModuleNotFoundError):
        load("trustspace.no_such_module", feature="a feature", extra="data")


def test_load_returns_the_module():
    assert load("json", feature="JSON", extra="data") is json
