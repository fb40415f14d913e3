"""``trustspace policy build DIR``: the core's rules and a site's own as one module."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output


@command
def build(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder with the site's Rego, data.json and cases.", file_okay=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write; default: DIR.tar.gz beside the folder."),
    ] = None,
    opa: Annotated[Path | None, typer.Option(help="The OPA program.")] = None,
    *,
    output: Output,
) -> None:
    """Compile the core's rules and a site's own into one module that a connector takes.

    The site's rules may deny, narrow rows, strengthen masks and know operands of their own; what
    tries to grant is refused. The cases in the folder run on the new module before it is written.
    """
    building = import_module("trustspace.cli.commands.policy.building")
    building.build(folder, out or folder.resolve().with_suffix(".tar.gz"), opa, output)
