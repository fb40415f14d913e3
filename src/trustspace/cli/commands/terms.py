"""``trustspace terms ID``: how far each term of an agreement or a dataset binds."""

from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.cli.term_table import show_terms


@command
def terms(
    id: Annotated[  # noqa: A002 - the metavar
        str, typer.Argument(metavar="ID", help="An agreement, or a dataset published here.")
    ],
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Show how far each term binds.

    Enforced, attested or only contractual, at the provider and at the consumer, and why.
    """
    with connection.client() as client:
        found = client.explain(id, language=language)
    if output.json:
        output.document([one.to_wire() for one in found.terms])
    else:
        show_terms(found.terms, output)
