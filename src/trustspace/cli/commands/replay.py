"""``trustspace replay FILE``: walk the messages of a trace through the state machines."""

import json
from collections import Counter
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustspace.cli.command import command
from trustspace.cli.exit_code import OTHER_SIDE
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustspace.dsp.replay import Recorded, Step


@command
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What --trace has written.")],
    *,
    output: Output,
) -> None:
    """Walk the messages of a trace through the state machines.

    Exits with 4 when a message was taken that the rules forbid.
    """
    replaying = import_module("trustspace.dsp.replay")
    outcomes = replaying.Outcome
    steps: list[Step] = list(replaying.walk(_records(file, replaying.Recorded)))
    counts = Counter(step.outcome for step in steps)
    is_legal = not counts[outcomes.ILLEGAL]
    if output.json:
        summary = {outcome.value: counts[outcome] for outcome in outcomes}
        shown = [_document(step) for step in steps]
        output.document({"legal": is_legal, "steps": shown} | summary)
    else:
        rows = [_row(step) for step in steps if step.outcome is not outcomes.ASIDE]
        output.table(("at", "from", "message", "outcome", "state", "why"), rows)
        said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in outcomes if counts[outcome])
        output.note(f"{len(steps)} requests: {said or 'none'}")
    if not is_legal:
        raise typer.Exit(OTHER_SIDE)


def _records(file: Path, record: "type[Recorded]") -> "Iterator[Recorded]":
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            told = json.loads(line)
            if "missed" not in told:
                yield record(
                    at=datetime.fromisoformat(told["at"]).astimezone(UTC),
                    outgoing={"out": True, "in": False}[told["direction"]],
                    message=told.get("message"),
                    status=told.get("status"),
                    answer=told.get("answer"),
                )
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{file}, line {number}, is no message of a trace"
            hint = "give a file that --trace has written"
            raise ConfigurationError(msg, setting="FILE", hint=hint) from error


def _document(step: "Step") -> dict[str, Any]:
    return {
        "at": step.record.at.isoformat().replace("+00:00", "Z"),
        "direction": "out" if step.record.outgoing else "in",
        "sender": step.sender,
        "message": step.message,
        "process": step.pid,
        "status": step.record.status,
        "outcome": step.outcome,
        "state": step.state,
        "why": step.why,
    }


def _row(step: "Step") -> tuple[object, ...]:
    who = "us" if step.record.outgoing else "them"
    sender = f"{who} ({step.sender})" if step.sender else who
    at = f"{step.record.at:%H:%M:%S.%f}"[:-3]
    return at, sender, step.message, step.outcome, step.state, step.why
