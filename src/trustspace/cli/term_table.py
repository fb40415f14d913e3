"""The ledger as commands show it: one term a row, both sides, and why.

Example::

    show_terms(client.explain(agreement).terms, output)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trustspace.cli.output import Output
    from trustspace.client.term_label import TermLabel


def show_terms(terms: Iterable[TermLabel], output: Output) -> None:
    """Print how far terms bind."""
    output.table(
        ("pointer", "term", "provider", "consumer", "why"),
        [(one.pointer, one.term, one.provider, one.consumer, one.words) for one in terms],
    )
