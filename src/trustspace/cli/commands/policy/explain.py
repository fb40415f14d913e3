"""``trustspace policy explain``: why a policy says what it says, in words."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output


@command
def explain(
    policy: Annotated[Path, typer.Option(help="ODRL policy, JSON-LD.")],
    request: Annotated[Path, typer.Option(help="Who does what to which asset.")],
    world: Annotated[Path | None, typer.Option(help="Time, membership, duties, payments.")] = None,
    language: Annotated[Literal["en", "zh"], typer.Option(help="en or zh.")] = "en",
    operand: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KIND", help="Declare a left operand.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Explain what a policy says to a request: the rule that came closest first, what would help.

    Exits with 0 whatever the decision is.
    """
    import_module("trustspace.cli.commands.policy.running").explain_one(
        (policy, request, world), operand or [], language, output
    )
