"""``trustspace negotiations``: every negotiation, either role."""

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output


@command
def negotiations(*, connection: Connection, output: Output) -> None:
    """List the negotiations and where they stand."""
    with connection.client() as client:
        found = client.negotiations()
    if output.json:
        output.document([negotiation.to_wire() for negotiation in found])
        return
    output.table(
        ("negotiation", "role", "dataset", "counterparty", "state", "agreement"),
        [
            (item.id, item.role, item.dataset, item.counterparty, item.state, item.agreement)
            for item in found
        ],
    )
