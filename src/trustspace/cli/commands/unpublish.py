"""``trustspace unpublish DATASET``: withdraw a dataset."""

from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output


@command
def unpublish(
    dataset: Annotated[str, typer.Argument(help="Dataset id.")],
    reason: Annotated[str | None, typer.Option(help="Words for the own log.")] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Withdraw a dataset from the catalogue.

    Agreements in force stay.
    """
    with connection.client() as client:
        client.unpublish(dataset, reason=reason)
    if output.json:
        output.document({"id": dataset, "withdrawn": True})
    else:
        output.lines(f"withdrawn: {dataset}")
