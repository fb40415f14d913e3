"""``trustspace dialect ID [NAME]``: how a counterparty speaks, shown or set."""

from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output


@command
def dialect(
    counterparty: Annotated[str, typer.Argument(metavar="ID", help="Id of the counterparty.")],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="strict or edc; shown without it.")
    ] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Show or set how a counterparty speaks the protocol."""
    with connection.client() as client:
        found = client.spoken(counterparty) if name is None else client.speak(counterparty, name)
    if output.json:
        output.document({"id": counterparty, "dialect": found})
    else:
        output.lines(found)
