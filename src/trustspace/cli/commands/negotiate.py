"""``trustspace negotiate ADDRESS DATASET``: find or negotiate an agreement, or say why not."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.cli.terms_file import TERMS_HELP, read_terms_file

if TYPE_CHECKING:
    from trustspace.client import Negotiation


@dataclass(frozen=True)
class Wish:
    """What is asked for."""

    purpose: Annotated[str | None, typer.Option(help="What the data is for.")] = None
    terms: Annotated[
        Path | None, typer.Option(help=f"Terms to ask for instead of the offer's. {TERMS_HELP}")
    ] = None
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Negotiate even if there is a valid agreement.")
    ] = False

    def asked(self) -> dict[str, Any]:
        """Return the arguments of the client's methods."""
        given = {} if self.terms is None else {"terms": read_terms_file(self.terms)}
        return {"purpose": self.purpose, "fresh": self.fresh, **given}


@dataclass(frozen=True)
class Patience:
    """How long is waited."""

    wait: Annotated[
        bool, typer.Option(help="Wait for the outcome; a person may take days to decide.")
    ] = True
    deadline: Annotated[float, typer.Option(min=0.1, help="Longest wait in seconds.")] = 60.0


@command
def negotiate(
    address: Annotated[str, typer.Argument(help="Root URL or DID of the provider.")],
    dataset: Annotated[str, typer.Argument(help="Dataset id in its catalogue.")],
    *,
    wish: Wish,
    patience: Patience,
    connection: Connection,
    output: Output,
) -> None:
    """Find or come to an agreement, or to the reasons against it.

    Exits with 3 when the other side refuses.
    """
    asked = wish.asked()
    with connection.client() as client:
        if not patience.wait:
            _begun(client.ask(address, dataset, **asked), output)
            return
        deadline = timedelta(seconds=patience.deadline)
        agreement = client.negotiate(address, dataset, deadline=deadline, **asked)
    if output.json:
        output.document({"agreement": agreement.id} | agreement.to_wire())
    else:
        how = "found" if agreement.reused else "agreed"
        output.lines(f"{how}: {agreement.id}", f"use it: trustspace open {agreement.id} -o FILE")


def _begun(negotiation: "Negotiation", output: Output) -> None:
    if output.json:
        output.document(negotiation.to_wire())
    else:
        output.lines(f"{negotiation.state}: {negotiation.id}")
