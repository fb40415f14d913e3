"""``trustspace init HOME``: make the folder of a connector."""

from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command, load
from trustspace.cli.output import Output


@command
def init(
    home: Annotated[Path, typer.Argument(metavar="HOME", help="Folder to make.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the first participant; without: main.")
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(help="HTTPS URL under which others reach it; without: a development home."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the public listener; without: a free one.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Make a connector's home: settings, a key, a token."""
    module = load("trustspace.connector.home", feature="a connector", extra="connector")
    made = module.init_home(home, name=name, public_url=public_url, port=port)
    if output.json:
        output.document(
            {
                "id": made.id,
                "address": made.address,
                "name": made.name,
                "home": str(home),
                "management_url": made.management_url,
                "development": made.development,
            }
        )
        return
    output.lines(f"id       {made.id}", f"address  {made.address}")
    if made.development:
        output.lines("A development home: plain HTTP, reachable from this machine only.")
    output.lines(f"Start it: trustspace serve --home {home}")
