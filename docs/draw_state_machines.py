"""Draw the protocol's two state machines from the tables that the code runs.

Example::

    python docs/draw_state_machines.py     # writes docs/reference/state-machines.md
"""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from trustspace.dsp import negotiation, transfer
from trustspace.dsp.messages import NegotiationEvent

PAGE = Path(__file__).parent / "reference" / "state-machines.md"

INTRODUCTION = """\
# State machines

Drawn by `docs/draw_state_machines.py` from `trustspace.dsp.negotiation.ROWS` and
`trustspace.dsp.transfer.ROWS`; a test holds this page to them. In the diagrams *C* (consumer) and
*P* (provider) say who sends the message. A message without an arrow is refused with 400 and
changes nothing. A message received again (same `@id`, equal body) is answered 200 and changes
nothing either.
"""

Rows = Iterable[negotiation.Transition] | Iterable[transfer.Transition]


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join(
        [
            INTRODUCTION,
            *_chapter("Contract negotiation", negotiation.ROWS, negotiation.TERMINAL),
            "",
            *_chapter("Transfer process", transfer.ROWS, transfer.TERMINAL),
            "",
        ]
    )


def _chapter(title: str, rows: Rows, terminal: Iterable[str]) -> list[str]:
    table = [
        "| From | Message | Sender | To | DSP 2025-1 |",
        "|---|---|---|---|---|",
        *(
            f"| {row.source or 'none'} | {_message(row)} | {row.sender} | {row.target} "
            f"| {row.section} |"
            for row in rows
        ),
    ]
    return [f"## {title}", "", "```mermaid", *_diagram(rows, terminal), "```", "", *table]


def _diagram(rows: Rows, terminal: Iterable[str]) -> list[str]:
    # "[*]" is where Mermaid begins; "!" sorts before every state, so that it is drawn first.
    arrows = sorted(
        (row.source or "![*]", row.target, _message(row), row.sender[0].upper()) for row in rows
    )
    drawn = [
        f"    {source.lstrip('!')} --> {target}: {message} "
        f"({' or '.join(arrow[3] for arrow in group)})"
        for (source, target, message), group in groupby(arrows, key=lambda arrow: arrow[:3])
    ]
    return ["stateDiagram-v2", *drawn, *(f"    {state} --> [*]" for state in sorted(terminal))]


def _message(row: negotiation.Transition | transfer.Transition) -> str:
    """Return a message's name as people say it."""
    if isinstance(row.message, NegotiationEvent):
        return f"event {row.message}"
    return row.message.__name__.removesuffix("Message")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
