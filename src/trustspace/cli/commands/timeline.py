"""``trustspace timeline AGREEMENT``: everything that happened under an agreement."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output

if TYPE_CHECKING:
    from trustspace.client import Event

SAID = frozenset({"agreement", "dataset", "counterparty", "proof"})
"""Members that are the same in every line, or too long for one."""


@command
def timeline(
    agreement: Annotated[str, typer.Argument(help="Agreement id.")],
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Print what happened under an agreement, with the proofs."""
    with connection.client() as client:
        found = client.timeline(agreement)
    if output.json:
        output.document([event.to_wire() for event in found])
        return
    rows = [(f"{event.at:%Y-%m-%dT%H:%M:%SZ}", event.kind, _words(event)) for event in found]
    output.table(("when", "what", "about"), rows)


def _words(event: "Event") -> str:
    told = {name: value for name, value in event.body.items() if name not in SAID and value}
    return json.dumps(told, ensure_ascii=False) if told else ""
