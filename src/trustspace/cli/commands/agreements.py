"""``trustspace agreements``: every agreement, either role."""

from typing import TYPE_CHECKING

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output

if TYPE_CHECKING:
    from trustspace.client import Agreement


@command
def agreements(*, connection: Connection, output: Output) -> None:
    """List the agreements, their state and what is used."""
    with connection.client() as client:
        found = client.agreements()
    if output.json:
        output.document([agreement.to_wire() for agreement in found])
        return
    output.table(
        ("agreement", "role", "dataset", "counterparty", "state", "ends", "used", "proposal"),
        [
            (
                item.id,
                item.role,
                item.dataset,
                item.counterparty,
                item.state,
                None if item.ends_at is None else item.ends_at.isoformat(),
                ", ".join(map(str, item.quotas)),
                _proposal(item),
            )
            for item in found
        ],
    )


def _proposal(agreement: "Agreement") -> str | None:
    """Return what stands between the parties, or None."""
    found = agreement.proposal
    if found is None or not agreement.is_in_force:
        return None
    return f"end {found.state} by {found.by}" + (f": {found.reason}" if found.reason else "")
