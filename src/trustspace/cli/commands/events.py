"""``trustspace events``: the domain events of a participant."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output

if TYPE_CHECKING:
    from trustspace.client import Event


@command
def events(
    after: Annotated[int, typer.Option(min=0, help="Only events after this number.")] = 0,
    follow: Annotated[
        bool, typer.Option("--follow", help="Wait for new events; with --json one per line.")
    ] = False,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Print the events of the log, oldest first."""
    with connection.client() as client:
        found = client.events(after, follow=follow)
        if output.json and not follow:
            output.document([event.to_wire() for event in found])
            return
        for event in found:
            _show(event, output)


def _show(event: "Event", output: Output) -> None:
    if output.json:
        output.document(event.to_wire())
        return
    body = json.dumps(event.body, ensure_ascii=False)
    output.table((), [(event.seq, f"{event.at:%Y-%m-%dT%H:%M:%SZ}", event.kind, body)])
