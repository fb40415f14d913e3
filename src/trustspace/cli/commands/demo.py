"""``trustspace demo``: two organisations exchange a dataset under a policy that binds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.command import command, load
from trustspace.cli.output import Output

if TYPE_CHECKING:
    from trustspace.demo import Step


@command
def demo(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A table of yours instead of ours.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Watch two organisations exchange data under a policy."""
    module = load("trustspace.demo", feature="the demonstration", extra="connector")

    def say(step: "Step") -> None:
        if not output.json:
            mark = "done" if step.ok else "FAILED"
            output.lines(f"{step.name}: {mark} in {step.seconds:.2f} s", f"{step.detail}\n")

    report = module.run(file, say=say)
    if output.json:
        output.document(report.to_json())
    else:
        for side, entries in report.logs.items():
            output.lines(f"the event log of the {side}:", *(f"  {entry}" for entry in entries))
    if not report.ok:
        raise typer.Exit(1)
