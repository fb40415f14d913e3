"""``trustspace participants``: in whose names the connector speaks."""

from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output


@command
def participants(
    host: Annotated[
        str | None, typer.Option(metavar="NAME", help="Host another one, with a key of its own.")
    ] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """List the participants of a connector, or host another."""
    with connection.client() as client:
        found = client.participants() if host is None else (client.host(host),)
    if output.json:
        shown = [info.to_wire() for info in found]
        output.document(shown if host is None else shown[0])
        return
    output.table(("name", "id", "address"), [(info.name, info.id, info.address) for info in found])
