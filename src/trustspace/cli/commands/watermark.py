"""``trustspace watermark find FILE``: whose copy of a dataset a file is."""

from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output

watermark: typer.Typer = typer.Typer(
    name="watermark",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Tell whose copy of a dataset a file is.",
)


@watermark.callback()
def group() -> None:
    """Keep the name of the one command beneath."""


@command
def find(
    file: Annotated[str, typer.Argument(help="The file; the connector must be able to read it.")],
    dataset: Annotated[str, typer.Option(help="The dataset that it may be a copy of.")],
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Name the agreements whose mark a file carries."""
    with connection.client() as client:
        found = client.find_watermark(dataset, file)
    if output.json:
        output.document(found.to_wire())
        return
    if not found.findings:
        output.lines(f"no mark of {found.tried} agreements in {found.rows} rows")
        return
    rows = [
        (one.agreement, one.counterparty, f"{one.chance:.1e}", f"{one.agreeing}/{one.marked}")
        for one in found.findings
    ]
    output.table(("agreement", "recipient", "by chance", "values"), rows)


watermark.command("find")(find)
