"""``trustspace explain ID``: why something was decided as it was."""

from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.cli.term_table import show_terms


@command
def explain(
    id: Annotated[  # noqa: A002 - the metavar
        str,
        typer.Argument(
            metavar="ID", help="A negotiation, transfer, agreement, dataset or decision."
        ),
    ],
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Explain why something was decided as it was.

    Of an agreement or a dataset it says how far each term binds as well.
    """
    explained(id, language, connection, output)


def explained(name: str, language: str, connection: Connection, output: Output) -> None:
    """Show the explanation of whatever has an id."""
    with connection.client() as client:
        found = client.explain(name, language=language)
    if output.json:
        lists = {"sentences": list(found.sentences), "reasons": list(found.reasons)}
        output.document(found.to_wire() | lists)
        return
    output.lines(f"{found.kind} {found.id}: {found.outcome}", *found.sentences)
    output.lines(*(duty.words for duty in found.duties))
    if found.terms:
        show_terms(found.terms, output)
