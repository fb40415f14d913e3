"""``trustspace agreements``: every agreement, either role."""

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output


@command
def agreements(*, connection: Connection, output: Output) -> None:
    """List the agreements and how much of them is used."""
    with connection.client() as client:
        found = client.agreements()
    if output.json:
        output.document([agreement.to_wire() for agreement in found])
        return
    output.table(
        ("agreement", "role", "dataset", "counterparty", "state", "used"),
        [
            (
                item.id,
                item.role,
                item.dataset,
                item.counterparty,
                item.state,
                " ".join(
                    f"{used}/{item.limits.get(name, '-')}" for name, used in item.used.items()
                ),
            )
            for item in found
        ],
    )
