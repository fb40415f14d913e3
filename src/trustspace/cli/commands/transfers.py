"""``trustspace transfers`` and the four steps that an owner may take with one."""

from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.errors import NotFoundError

if TYPE_CHECKING:
    from trustspace.client import Negotiation, Transfer

TransferId = Annotated[str, typer.Argument(metavar="TRANSFER", help="Transfer id.")]
Reason = Annotated[str | None, typer.Option(help="Words for the counterparty.")]


@command
def transfers(*, connection: Connection, output: Output) -> None:
    """List the transfers and where they stand."""
    with connection.client() as client:
        found = client.transfers()
    if output.json:
        output.document([transfer.to_wire() for transfer in found])
        return
    output.table(
        ("transfer", "role", "agreement", "state", "bytes", "rows"),
        [(item.id, item.role, item.agreement, item.state, item.bytes, item.rows) for item in found],
    )


@command
def suspend(
    transfer: TransferId,
    reason: Reason = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Suspend a transfer; running streams are cut."""
    with connection.client() as client:
        _show(client.suspend(transfer, reason=reason), output)


@command
def resume(transfer: TransferId, *, connection: Connection, output: Output) -> None:
    """Resume a suspended transfer."""
    with connection.client() as client:
        _show(client.resume(transfer), output)


@command
def release(
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="Agreement id.")],
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Let transfers you suspended start again under an agreement."""
    with connection.client() as client:
        released = client.release(agreement)
    if output.json:
        output.document({"agreement": agreement, "released": released})
    else:
        output.lines(f"released: {released}")


@command
def complete(transfer: TransferId, *, connection: Connection, output: Output) -> None:
    """Complete a transfer: no more data is wanted."""
    with connection.client() as client:
        _show(client.complete(transfer), output)


@command
def terminate(
    transfer: TransferId,
    reason: Reason = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Terminate a transfer, or a negotiation that is not over."""
    with connection.client() as client:
        try:
            found: Transfer | Negotiation = client.terminate(transfer, reason=reason)
        except NotFoundError:
            found = client.terminate_negotiation(transfer, reason=reason)
        _show(found, output)


def _show(transfer: "Transfer | Negotiation", output: Output) -> None:
    if output.json:
        output.document(transfer.to_wire())
    else:
        output.lines(f"{transfer.state}: {transfer.id}")
