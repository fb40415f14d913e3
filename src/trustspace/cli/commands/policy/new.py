"""``trustspace policy new TEMPLATE``: a policy from a template."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output


@command
def new(
    template: Annotated[str | None, typer.Argument(help="Name of the template.")] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Fill in a parameter; lists with commas."),
    ] = None,
    to: Annotated[Path | None, typer.Option("--output", "-o", help="File to write.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List templates and parameters.")] = False,
    *,
    output: Output,
) -> None:
    """Write a policy from a template: ODRL, JSON-LD, on standard output or into a file."""
    authoring = import_module("trustspace.cli.commands.policy.authoring")
    if list_ or template is None:
        authoring.list_templates(output)
    else:
        authoring.new(template, values or [], to, output)
