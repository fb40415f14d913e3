"""``trustspace policy load|status|shadow|log``: which rules decide, and what others would."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError

Language = Annotated[Literal["en", "zh"], typer.Option(help="en or zh.")]


@command
def load(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A module, as policy build writes it.")
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Go back to the rules that ship with the package.")
    ] = False,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Let a running connector take a module into force, without a restart.

    The module is verified, its cases run, and what was asked last is decided by both kinds of
    rules; the differences are shown. A module that is refused leaves the rules of before.
    """
    if (file is None) == (not shipped):
        raise ConfigurationError(
            "nothing says which rules", setting="FILE", hint="name a module, or give --shipped"
        )
    rolling = import_module("trustspace.cli.commands.policy.rolling")
    with connection.client() as client:
        rolling.load(client, file, output)


@command
def status(*, connection: Connection, output: Output) -> None:
    """Show which rules are in force, and why others were refused last."""
    rolling = import_module("trustspace.cli.commands.policy.rolling")
    with connection.client() as client:
        rolling.status(client, output)


@command
def shadow(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE|DIR", help="A module, or a folder to build one from.")
    ],
    last: Annotated[
        int, typer.Option(help="Logged requests of each participant.", min=1, max=100_000)
    ] = 1_000,
    opa: Annotated[Path | None, typer.Option(help="The OPA program, for a folder.")] = None,
    language: Language = "en",
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Show what a module would have decided differently of what was asked last.

    With --home the connector need not run.
    """
    import_module("trustspace.cli.commands.policy.rolling").shadow(
        (bundle, opa), last, language, connection, output
    )


@command
def log(
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1_000)] = 20,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """List the last decisions, newest first; explain one with: trustspace explain ID."""
    with connection.client() as client:
        found = client.decisions(limit)
    if output.json:
        output.document([one.to_wire() for one in found])
        return
    output.table(
        ("at", "point", "subject", "dataset", "effect", "code", "id"),
        [
            (one.at.isoformat(), one.point, one.subject, one.dataset, one.effect, one.code, one.id)
            for one in found
        ],
    )
