"""``trustspace demo``: two organisations exchange a dataset under a policy that binds."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trustspace.cli.command import command, load
from trustspace.cli.output import Output


@command
def demo(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A table of yours instead of ours.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Show two organisations exchange a dataset under a policy that binds; takes a few seconds."""
    module = load("trustspace.demo", feature="the demonstration", extra="connector")

    def say(step: Any) -> None:  # noqa: ANN401 - trustspace.demo.Step, which is loaded lazily
        if not output.json:
            mark = "ok" if step.ok else "FAILED"
            output.lines(f"{step.name} ({step.seconds:.2f} s, {mark})", str(step.detail), "")

    report = module.run(file, say=say)
    if output.json:
        output.document(report.to_json())
    else:
        for side, events in report.logs.items():
            output.lines(f"event log of the {side}:", *(f"  {event}" for event in events))
    if not report.ok:
        raise typer.Exit(1)
