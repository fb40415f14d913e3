"""``trustspace datasets``: what is published here."""

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output


@command
def datasets(*, connection: Connection, output: Output) -> None:
    """List what is published here."""
    with connection.client() as client:
        published = client.datasets()
    if output.json:
        output.document([dataset.to_wire() for dataset in published])
        return
    output.table(
        ("id", "title", "forms", "bytes"),
        [(item.id, item.title, ",".join(item.forms), item.size) for item in published],
    )
