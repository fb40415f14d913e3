"""``trustspace policy check FILE``: whether a policy is understood, term by term."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output


@command
def check(
    file: Annotated[Path, typer.Argument(help="ODRL policy, JSON-LD; - for standard input.")],
    operand: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KIND", help="Declare a left operand.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Check an ODRL policy: every rule and term, and how far each term binds.

    A policy that is malformed or names what is not understood is refused with the place.
    """
    import_module("trustspace.cli.commands.policy.running").check(file, operand or [], output)
