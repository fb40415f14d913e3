"""``trustspace policy lint PATH…``: what is wrong although an engine would take it."""

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.exit_code import NOT_RUN
from trustspace.cli.output import Output

FOUND = 1
"""Exit code where something was found."""


@dataclass(frozen=True)
class Measures:
    """What policies and rules are held to."""

    now: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"],
            help="What dates are compared with; without a zone UTC. Default: the clock.",
        ),
    ] = None
    column: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A column of the table; repeatable.")
    ] = None
    table: Annotated[
        Path | None, typer.Option(help="The table itself: CSV, Parquet, Arrow or JSON Lines.")
    ] = None
    operand: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KIND", help="Declare a left operand.")
    ] = None
    coverage: Annotated[
        int, typer.Option(metavar="PERCENT", help="Of the Rego by its tests.", min=0, max=100)
    ] = 95
    run: Annotated[
        str, typer.Option(metavar="REGEX", help="Tests to measure the coverage with.")
    ] = ""
    opa: Annotated[Path | None, typer.Option(help="The OPA program.")] = None


@command
def lint(
    paths: Annotated[
        list[Path], typer.Argument(help="ODRL policies, files of cases, Rego; folders of them.")
    ],
    measures: Measures,
    language: Annotated[Literal["en", "zh"], typer.Option(help="en or zh.")] = "en",
    *,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings make the exit code 1, too.")
    ] = False,
    output: Output,
) -> None:
    """Look policies and rules over: what cannot be meant so, or is a promise only.

    Exits with 1 where there is an error, and with 7 where Rego could not be checked because OPA is
    missing: what did not run has not passed.
    """
    linting = import_module("trustspace.cli.commands.policy.linting")
    worst, is_complete = linting.lint(paths, measures, language, output)
    if worst == "error" or (strict and worst == "warning"):
        raise typer.Exit(FOUND)
    if not is_complete:
        raise typer.Exit(NOT_RUN)
