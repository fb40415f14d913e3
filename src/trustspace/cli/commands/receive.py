"""``trustspace receive AGREEMENT -o FILE``: have the provider push the data of an agreement."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.cli.progress import progress_bar

if TYPE_CHECKING:
    from trustspace.client.receiving import ReceiveOptions


@dataclass(frozen=True)
class Push:
    """What may be said of a push beside the file."""

    sink: Annotated[
        str | None, typer.Option(metavar="URL", help="Have it pushed to this sink instead.")
    ] = None
    authorization: Annotated[
        str | None,
        typer.Option(
            envvar="TRUSTSPACE_SINK_AUTHORIZATION",
            help="Authorization header that opens the sink; better given by the environment.",
        ),
    ] = None
    media_type: Annotated[str | None, typer.Option(help="Media type of a table at the sink.")] = (
        None
    )
    transfer: Annotated[
        str | None, typer.Option(help="Wait for this push, which was begun before.")
    ] = None
    deadline: Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait.")] = 3600.0

    def options(self) -> "ReceiveOptions":
        """Return what is given."""
        found: ReceiveOptions = {"deadline": timedelta(seconds=self.deadline)}
        if self.authorization is not None:
            found["authorization"] = self.authorization
        if self.media_type is not None:
            found["media_type"] = self.media_type
        if self.transfer is not None:
            found["transfer"] = self.transfer
        return found


@command
def receive(
    agreement: Annotated[str, typer.Argument(help="Agreement id.")],
    file: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where to; .parquet .csv .jsonl .arrow are written as tables, others as sent.",
        ),
    ] = None,
    *,
    push: Push,
    connection: Connection,
    output: Output,
) -> None:
    """Have an agreement's data pushed here, or to a sink."""
    options = push.options()
    with connection.client() as client, progress_bar(str(file or push.sink)) as advance:
        if advance is not None:
            options["progress"] = advance
        saved = client.receive(agreement, file, sink=push.sink, **options)
    if output.json:
        output.document(
            {
                "bytes": saved.bytes,
                "rows": saved.rows,
                "sha256": saved.sha256,
                "seconds": saved.seconds,
                "file": None if file is None else str(file),
                "sink": push.sink,
            }
        )
        return
    rows = "" if saved.rows is None else f", {saved.rows} rows"
    output.lines(
        f"{file or push.sink}: {saved.bytes} bytes{rows} in {saved.seconds:.2f} s",
        f"sha256 {saved.sha256}",
    )
