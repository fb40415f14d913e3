"""What a command prints: JSON with ``--json``, a table on a terminal, tab-separated lines else.

Example::

    Output(json=False).table(("id", "state"), [("urn:uuid:a1", "FINALIZED")])
"""

from __future__ import annotations

import json as json_text
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Output:
    """Where results go: standard output; everything else goes to standard error."""

    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False

    def document(self, document: Any) -> None:  # noqa: ANN401 - any JSON value
        """Print a JSON value on one line."""
        typer.echo(json_text.dumps(document, ensure_ascii=False, default=str))

    def lines(self, *lines: str) -> None:
        """Print words for a reader."""
        for line in lines:
            typer.echo(harmless(line))

    def note(self, line: str) -> None:
        """Print words for a reader beside the result, on standard error."""
        typer.echo(harmless(line), err=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print rows; an absent cell stays empty."""
        cells = [["" if cell is None else _cell(cell) for cell in row] for row in rows]
        if not sys.stdout.isatty():
            for row in cells:
                typer.echo("\t".join(row))
            return
        # rich takes 0.1 s to import, which only a terminal's reader should pay.
        table = import_module("rich.table").Table(*columns, box=None, pad_edge=False)
        for row in cells:
            table.add_row(*row)
        import_module("rich.console").Console(markup=False).print(table)


def harmless(text: str) -> str:
    """Return a text without control characters but line ends.

    Much of what is shown was written by counterparties, who must not move the cursor, hide words
    or set the title of the owner's terminal.
    """
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)


def _cell(value: object) -> str:
    return harmless(str(value)).replace("\n", " ")
