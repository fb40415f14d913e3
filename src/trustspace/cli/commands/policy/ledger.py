"""``trustspace policy ledger FILE``: how far each term of a policy would bind."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output


@command
def ledger(
    file: Annotated[
        Path, typer.Argument(help="ODRL policy, or arguments of terms(); - for standard input.")
    ],
    form: Annotated[
        Literal["file", "table", "api"] | None,
        typer.Option(help="How the data leaves; as the terms need it without."),
    ] = None,
    accept_contractual: Annotated[
        list[str] | None,
        typer.Option(metavar="TERM", help="A term that may be a promise only; repeatable."),
    ] = None,
    language: Annotated[Literal["en", "zh"], typer.Option(help="en or zh.")] = "en",
    *,
    output: Output,
) -> None:
    """Show how far each term of a policy binds.

    Says of both sides and in words why, and whether a connector lets the policy be published.
    Enforced is what software can stop, attested that of which evidence will exist, contractual
    what is only promised.
    """
    running = import_module("trustspace.cli.commands.policy.ledger_running")
    running.show(file, form, accept_contractual or [], language, output)
