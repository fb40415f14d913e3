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
            typer.echo(line)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print rows; an absent cell stays empty."""
        cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
        if not sys.stdout.isatty():
            self.lines(*("\t".join(row) for row in cells))
            return
        # rich takes 0.1 s to import, which only a terminal's reader should pay.
        table = import_module("rich.table").Table(*columns, box=None, pad_edge=False)
        for row in cells:
            table.add_row(*row)
        import_module("rich.console").Console(markup=False).print(table)
