"""``trustspace policy test PATH…``: policies do what their cases say."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output

FAILED = 1
"""Exit code where a case failed."""


@command
def run_cases(
    paths: Annotated[list[Path], typer.Argument(help="Files of cases, or folders of them.")],
    engine: Annotated[
        Literal["process", "opa"], typer.Option(help="In process, or an OPA server.")
    ] = "process",
    url: Annotated[str | None, typer.Option(help="URL of the OPA server.")] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the bearer token of the OPA server.")
    ] = None,
    operand: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KIND", help="Declare a left operand.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Run cases: what policies are expected to say to requests. Exits with 1 where one fails."""
    testing = import_module("trustspace.cli.commands.policy.testing")
    if not testing.run(paths, (engine, url, token_file), operand or [], output):
        raise typer.Exit(FAILED)


@command
def coverage(
    paths: Annotated[list[Path], typer.Argument(help="Files of cases, or folders of them.")],
    fail_under: Annotated[
        int, typer.Option(metavar="PERCENT", help="Exit with 1 below this.", min=0, max=100)
    ] = 0,
    operand: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KIND", help="Declare a left operand.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Show which rules and operands of policies their cases exercise, true and false."""
    testing = import_module("trustspace.cli.commands.policy.testing")
    if testing.coverage(paths, operand or [], output) < fail_under:
        raise typer.Exit(FAILED)
