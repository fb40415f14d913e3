"""``trustspace serve --home HOME``: run the connector of a home until it is stopped."""

from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command, load
from trustspace.cli.output import Output


@command
def serve(
    home: Annotated[
        Path, typer.Option("--home", envvar="TRUSTSPACE_HOME", help="Folder made by init.")
    ],
    *,
    output: Output,
) -> None:
    """Run the connector of a home.

    Prints one line when it is ready, and runs until it is stopped.
    """
    module = load("trustspace.connector.app", feature="a connector", extra="connector")

    def ready(line: str) -> None:
        if output.json:
            output.document({"ready": line})
        else:
            output.lines(line)

    module.serve(home, ready=ready)
