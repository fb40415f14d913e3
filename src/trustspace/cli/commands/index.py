"""``trustspace index search WORDS``: what was found in the catalogues of others."""

from enum import StrEnum
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError


class Action(StrEnum):
    """What to do with the index."""

    SEARCH = "search"
    SOURCES = "sources"
    FORGET = "forget"


@command
def index(
    action: Annotated[
        Action,
        typer.Argument(help="search WORDS, sources (what was crawled), or forget SOURCE."),
    ],
    words: Annotated[list[str] | None, typer.Argument(help="Words, or a source.")] = None,
    provider: Annotated[
        str | None, typer.Option(help="Only datasets of the participant with this id.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Most datasets to show.")] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Search crawled catalogues, list or forget them."""
    if action is Action.FORGET:
        _forget(words or [], connection, output)
        return
    with connection.client() as client:
        if action is Action.SOURCES:
            sources = client.sources()
            if output.json:
                output.document([one.to_wire() for one in sources])
                return
            output.table(
                ("participant", "source", "datasets", "crawled"),
                [(one.participant_id, one.source, one.datasets, one.crawled_at) for one in sources],
            )
            return
        found = client.search(*(words or ()), provider=provider, limit=limit)
    if output.json:
        output.document([dataset.to_wire() for dataset in found])
        return
    output.table(
        ("dataset", "title", "participant"),
        [(item.id, item.title, item.participant_id) for item in found],
    )


def _forget(words: list[str], connection: Connection, output: Output) -> None:
    if len(words) != 1:
        raise ConfigurationError(
            "forget takes one source", setting="SOURCE", hint="see: trustspace index sources"
        )
    with connection.client() as client:
        client.forget(words[0])
    output.lines(f"forgotten: {words[0]}")
