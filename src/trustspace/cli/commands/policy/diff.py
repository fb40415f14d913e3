"""``trustspace policy diff A B``: what one policy allows that the other does not."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output


@command
def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="ODRL policy, JSON-LD.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="ODRL policy, JSON-LD.")],
    language: Annotated[Literal["en", "zh"], typer.Option(help="en or zh.")] = "en",
    operand: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KIND", help="Declare a left operand.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Show how two policies differ: rules in words, and requests that they answer differently."""
    import_module("trustspace.cli.commands.policy.differing").diff(
        before, after, operand or [], language, output
    )
