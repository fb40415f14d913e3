"""``trustspace revoke AGREEMENT``: end an agreement."""

from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output


@command
def revoke(
    agreement: Annotated[str, typer.Argument(help="Agreement id.")],
    reason: Annotated[str | None, typer.Option(help="Words for the counterparty.")] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """End an agreement as its provider; what runs is cut."""
    with connection.client() as client:
        ended = client.revoke(agreement, reason=reason)
    if output.json:
        output.document(ended.to_wire())
    else:
        output.lines(f"{ended.state}: {ended.id}")
