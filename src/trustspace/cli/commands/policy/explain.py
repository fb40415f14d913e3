"""``trustspace policy explain``: why a policy says what it says, in words."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.commands.explain import explained
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError


@dataclass(frozen=True)
class Question:
    """What a policy is asked."""

    policy: Annotated[Path | None, typer.Option(help="ODRL policy, JSON-LD.")] = None
    request: Annotated[Path | None, typer.Option(help="Who does what to which asset.")] = None
    world: Annotated[Path | None, typer.Option(help="Time, membership, duties, payments.")] = None


@command
def explain(
    language: Annotated[Literal["en", "zh"], typer.Option(help="en or zh.")] = "en",
    operand: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KIND", help="Declare a left operand.")
    ] = None,
    decision: Annotated[
        str | None, typer.Option(metavar="ID", help="A past decision of a running connector.")
    ] = None,
    *,
    question: Question,
    connection: Connection,
    output: Output,
) -> None:
    """Explain what a policy says to a request, or what a connector decided in the past.

    The rule that came closest comes first, with what would help. Exits with 0 whatever the
    decision is.
    """
    if decision is not None:
        explained(decision, language, connection, output)
        return
    if question.policy is None or question.request is None:
        raise ConfigurationError(
            "nothing says what to explain",
            setting="--policy",
            hint="give --policy and --request, or --decision and --home",
        )
    files = (question.policy, question.request, question.world)
    import_module("trustspace.cli.commands.policy.running").explain_one(
        files, operand or [], language, output
    )
