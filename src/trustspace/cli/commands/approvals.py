"""``trustspace approvals …``: what waits for a person, and what that person decides."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.cli.terms_file import TERMS_HELP, read_terms_file

if TYPE_CHECKING:
    from trustspace.client import Negotiation

NegotiationId = Annotated[str, typer.Argument(metavar="NEGOTIATION", help="Negotiation id.")]

approvals: typer.Typer = typer.Typer(
    name="approvals",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Decide about requests and offers that wait for a person.",
)


@command
def list_(
    language: Annotated[
        Literal["en", "zh"], typer.Option(help="Language of the differences.")
    ] = "en",
    *,
    connection: Connection,
    output: Output,
) -> None:
    """List what waits: who asks for what, what differs from the offer, until when."""
    with connection.client() as client:
        found = client.approvals()
    if output.json:
        output.document([entry.to_wire() for entry in found])
        return
    output.table(
        ("negotiation", "we are", "counterparty", "dataset", "until", "difference"),
        [
            (
                entry.id,
                entry.role,
                entry.counterparty,
                entry.dataset,
                None if entry.until is None else f"{entry.until:%Y-%m-%d %H:%M}Z",
                "; ".join(getattr(change, language) for change in entry.differences),
            )
            for entry in found
        ],
    )


@command
def approve(negotiation: NegotiationId, *, connection: Connection, output: Output) -> None:
    """Agree to what is asked for, or accept what is offered."""
    with connection.client() as client:
        _show(client.approve(negotiation), output)


@command
def reject(
    negotiation: NegotiationId,
    reason: Annotated[str | None, typer.Option(help="Words for the counterparty.")] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """End a negotiation that waits."""
    with connection.client() as client:
        _show(client.reject(negotiation, reason=reason), output)


@command
def counter(
    negotiation: NegotiationId,
    terms: Annotated[Path, typer.Option(help=TERMS_HELP)],
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Answer with other terms."""
    given = read_terms_file(terms)
    with connection.client() as client:
        _show(client.counter(negotiation, given), output)


def _show(negotiation: "Negotiation", output: Output) -> None:
    if output.json:
        output.document(negotiation.to_wire())
    else:
        output.lines(f"{negotiation.state}: {negotiation.id}")


for _name, _function in {
    "list": list_,
    "approve": approve,
    "reject": reject,
    "counter": counter,
}.items():
    approvals.command(_name)(_function)
