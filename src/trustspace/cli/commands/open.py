"""``trustspace open AGREEMENT -o FILE``: fetch the data of an agreement into a file."""

from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.cli.progress import progress_bar


@command
def open_(
    agreement: Annotated[str, typer.Argument(help="Agreement id.")],
    file: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where to; .parquet .csv .jsonl .arrow are written as tables, others as sent.",
        ),
    ],
    purpose: Annotated[str | None, typer.Option(help="What it is for, to be checked.")] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Fetch the data of an agreement into a file.

    What was interrupted goes on where it stopped.
    """
    with (
        connection.client() as client,
        client.open(agreement, purpose=purpose) as data,
        progress_bar(file.name) as advance,
    ):
        saved = data.save(file, progress=advance)
    if output.json:
        output.document(
            {
                "bytes": saved.bytes,
                "rows": saved.rows,
                "sha256": saved.sha256,
                "seconds": saved.seconds,
                "file": str(file),
            }
        )
        return
    rows = "" if saved.rows is None else f", {saved.rows} rows"
    output.lines(
        f"{file}: {saved.bytes} bytes{rows} in {saved.seconds:.2f} s", f"sha256 {saved.sha256}"
    )
