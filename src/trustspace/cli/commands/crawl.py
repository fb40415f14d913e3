"""``trustspace crawl ADDRESS…``: bring catalogues of counterparties into the index."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.exit_code import OTHER_SIDE
from trustspace.cli.output import Output

if TYPE_CHECKING:
    from trustspace.client import Crawl


@command
def crawl(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(help="Root URLs or DIDs; none means all that were crawled before."),
    ] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Bring catalogues of counterparties into the index.

    Only what has changed since the last time is fetched where the counterparty can tell.
    """
    with connection.client() as client:
        done = client.crawl(addresses or (), progress=_tell if sys.stderr.isatty() else None)
    if output.json:
        output.document(done.to_wire())
    else:
        output.table(
            ("participant", "datasets", "added", "changed", "removed", "how", "KiB"),
            [
                (
                    one.provider,
                    one.datasets,
                    one.added,
                    one.changed,
                    one.removed,
                    one.how,
                    round(one.size_bytes / 1024, 1),
                )
                for one in done.catalogs
            ],
        )
        for one in done.catalogs:
            for each in one.skipped:
                output.note(f"skipped {each.get('id') or 'a dataset'}: {each.get('reason')}")
    for error in done.errors:
        output.note(f"{error.get('address')}: {error.get('error')}; {error.get('hint')}")
    if done.errors:
        raise typer.Exit(OTHER_SIDE)


def _tell(crawl: "Crawl") -> None:
    last = crawl.catalogs[-1] if crawl.catalogs else None
    where = f", page {last.pages} of {last.provider}" if last else ""
    typer.echo(f"{crawl.datasets} datasets{where}", err=True)
