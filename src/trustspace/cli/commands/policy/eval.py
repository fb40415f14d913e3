"""``trustspace policy eval``: what a policy says to a request, rule by rule."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError


@command
def eval_(
    policy: Annotated[Path | None, typer.Option(help="ODRL policy, JSON-LD.")] = None,
    request: Annotated[
        Path | None, typer.Option(help="Who does what to which asset, in which context.")
    ] = None,
    world: Annotated[
        Path | None, typer.Option(help="Time, membership, state of duties, payments.")
    ] = None,
    batch: Annotated[
        bool,
        typer.Option("--batch", help='One {"id", "policy", "request", "world"} a line on stdin.'),
    ] = False,
    operand: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KIND", help="Declare a left operand.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Evaluate a request against a policy: permit or deny, or refused when it is malformed.

    Exits with 0 whatever the decision is.
    """
    running = import_module("trustspace.cli.commands.policy.running")
    if batch:
        running.evaluate_batch(operand or [], output)
        return
    if policy is None or request is None:
        raise ConfigurationError(
            "there is nothing to evaluate",
            setting="--policy",
            hint="give --policy FILE and --request FILE, or --batch",
        )
    running.evaluate_one(policy, request, world, operand or [], output)
