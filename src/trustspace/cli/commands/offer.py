"""``trustspace offer ADDRESS DATASET``: offer a consumer an agreement that it did not ask for."""

from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.cli.terms_file import TERMS_HELP, read_terms_file


@command
def offer(
    address: Annotated[str, typer.Argument(help="Root URL or DID of the consumer.")],
    dataset: Annotated[str, typer.Argument(help="Id of a dataset that is published here.")],
    purpose: Annotated[str | None, typer.Option(help="What the consumer may use it for.")] = None,
    terms: Annotated[
        Path | None,
        typer.Option(help=f"Other terms than those it is published under. {TERMS_HELP}"),
    ] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Offer a consumer an agreement that it did not ask for.

    Its owner accepts or rejects it, or asks for other terms.
    """
    given = None if terms is None else read_terms_file(terms)
    with connection.client() as client:
        negotiation = client.offer(address, dataset, purpose=purpose, terms=given)
    if output.json:
        output.document(negotiation.to_wire())
    else:
        output.lines(f"offered: {negotiation.id}")
