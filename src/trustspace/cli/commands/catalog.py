"""``trustspace catalog ADDRESS``: what a counterparty offers to us."""

from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output


@command
def catalog(
    address: Annotated[str, typer.Argument(help="Root URL or DID of the counterparty.")],
    limit: Annotated[int | None, typer.Option(help="Most datasets to show.")] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Show what a counterparty offers to us."""
    with connection.client() as client:
        found = client.catalog(address, limit=limit)
    if output.json:
        datasets = [dataset.to_wire() for dataset in found.datasets]
        output.document(found.to_wire() | {"datasets": datasets})
        return
    output.table(
        ("dataset", "title", "formats", "offer"),
        [
            (item.id, item.title, ",".join(item.formats), item.offers[0].id if item.offers else "")
            for item in found.datasets
        ],
    )
