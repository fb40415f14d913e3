"""``trustspace negotiate ADDRESS DATASET``: find or negotiate an agreement, or say why not."""

from datetime import timedelta
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output


@command
def negotiate(
    address: Annotated[str, typer.Argument(help="Root URL or DID of the provider.")],
    dataset: Annotated[str, typer.Argument(help="Dataset id in its catalogue.")],
    purpose: Annotated[str | None, typer.Option(help="What the data is for.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Negotiate even if there is a valid agreement.")
    ] = False,
    deadline: Annotated[float, typer.Option(min=0.1, help="Longest wait in seconds.")] = 60.0,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Find or come to an agreement, or to the reasons against it.

    Exits with 3 when the other side refuses.
    """
    with connection.client() as client:
        agreement = client.negotiate(
            address, dataset, purpose=purpose, fresh=fresh, deadline=timedelta(seconds=deadline)
        )
    if output.json:
        output.document({"agreement": agreement.id} | agreement.to_wire())
    else:
        how = "found" if agreement.reused else "agreed"
        output.lines(f"{how}: {agreement.id}", f"use it: trustspace open {agreement.id} -o FILE")
