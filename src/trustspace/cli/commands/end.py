"""``trustspace end`` and ``give-up``: the end of an agreement by both, or by its consumer."""

from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output

if TYPE_CHECKING:
    from trustspace.client import BoundAgreement

AgreementId = Annotated[str, typer.Argument(metavar="AGREEMENT", help="Agreement id.")]
Reason = Annotated[str | None, typer.Option(help="Words for the counterparty.")]


@command
def end(
    agreement: AgreementId,
    reason: Reason = None,
    reject: Annotated[
        bool, typer.Option("--reject", help="Reject the counterparty's proposal.")
    ] = False,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Propose to end an agreement, or accept the proposal.

    Until both have agreed it stays in force.
    """
    with connection.client() as client:
        step = client.reject_end if reject else client.end
        _show(step(agreement, reason=reason), output)


@command
def give_up(
    agreement: AgreementId, reason: Reason = None, *, connection: Connection, output: Output
) -> None:
    """End an agreement as its consumer."""
    with connection.client() as client:
        _show(client.give_up(agreement, reason=reason), output)


def _show(agreement: "BoundAgreement", output: Output) -> None:
    if output.json:
        output.document(agreement.to_wire())
        return
    proposal = agreement.proposal
    if not agreement.is_in_force or proposal is None:
        output.lines(f"{agreement.state}: {agreement.id}")
        return
    said = {
        "standing": "proposed: {}; it stays in force until the other side accepts",
        "accepted": "accepted: {}; it ends when the provider has heard it",
        "rejected": "rejected: {}; it stays in force",
    }
    output.lines(said.get(proposal.state, proposal.state + ": {}").format(agreement.id))
