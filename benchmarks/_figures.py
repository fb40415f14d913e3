"""What every benchmark says: its figures, the machine's load, and which goals were reached.

Example::

    goals = (Goal("p95_ms", 83.0, at_most=100),)
    raise SystemExit(finish({"p95_ms": 83.0}, goals, options))
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A bound that a figure should keep; one of the two bounds is given.

    Attributes:
        name: Which figure.
        figure: What was measured; None when it could not be.
        at_least: Lower bound.
        at_most: Upper bound.
    """

    name: str
    figure: float | None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_reached(self) -> bool | None:
        """Whether the figure keeps its bound; None when there is no figure."""
        if self.figure is None:
            return None
        if self.at_least is not None:
            return self.figure >= self.at_least
        return self.at_most is not None and self.figure <= self.at_most

    def to_document(self) -> dict[str, Any]:
        """Return the goal as JSON."""
        bound = {"at_most": self.at_most} if self.at_least is None else {"at_least": self.at_least}
        return {"figure": self.figure, **bound, "reached": self.is_reached}


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has; let SIGTERM end tidily."""
    # By default it ends a program without leaving its blocks: files and services would stay.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--json", action="store_true", help="print one JSON object")
    made.add_argument(
        "--quick", action="store_true", help="small sizes, to see that it runs; no goal is judged"
    )
    return made


def distribution(
    samples: Sequence[float], *, scale: float = 1.0, digits: int = 2
) -> dict[str, Any]:
    """Return median, 95th percentile and maximum.

    Args:
        samples: At least two.
        scale: Multiplies each, for example 1000 from seconds to milliseconds.
        digits: Decimals.
    """
    scaled = [sample * scale for sample in samples]
    return {
        "p50": round(statistics.median(scaled), digits),
        "p95": round(statistics.quantiles(scaled, n=20, method="inclusive")[-1], digits),
        "max": round(max(scaled), digits),
        "count": len(scaled),
    }


def finish(figures: Mapping[str, Any], goals: Iterable[Goal], options: argparse.Namespace) -> int:
    """Print everything and return the exit code: 1 when a goal that is judged was missed."""
    found = list(goals)
    document = {
        **figures,
        "goals": {goal.name: goal.to_document() for goal in found},
        "quick": options.quick,
        # Others use the machine too: a figure without its load says little.
        "machine": {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)},
    }
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        _print(document)
    if options.quick:
        return 0
    # What could not be measured may be left out on a user's machine, but not where it is required.
    missed = (False, None) if os.environ.get("CI") == "true" else (False,)
    return 1 if any(goal.is_reached in missed for goal in found) else 0


def _print(document: Mapping[str, Any], indent: str = "") -> None:
    for name, value in document.items():
        if isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values()):
            print(f"{indent}{name}")
            _print(value, indent + "  ")
        elif isinstance(value, Mapping):
            print(f"{indent}{name:24} " + "  ".join(f"{k} {v}" for k, v in value.items()))
        else:
            print(f"{indent}{name:24} {value}")
