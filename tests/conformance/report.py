"""What a run came to: lines for people, JSON, Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.conformance.suite import DISABLED, IDS, Outcome

LINE = 14
"""Width of the ids' column."""


@dataclass(frozen=True)
class Report:
    """A run of the suite or of the official kit.

    Attributes:
        driver: Who played the cases.
        validation: Whether messages were held to the official schemas, in words.
        outcomes: Of every case that was played.
        wanted: The cases that must have been played.
    """

    driver: str
    validation: str
    outcomes: Sequence[Outcome]
    wanted: Sequence[str] = IDS

    @property
    def counted(self) -> list[Outcome]:
        """The outcomes that count."""
        return [one for one in self.outcomes if one.id not in DISABLED]

    @property
    def apart(self) -> list[Outcome]:
        """The outcomes of the cases that the kit does not run."""
        return [one for one in self.outcomes if one.id in DISABLED]

    @property
    def failed(self) -> list[Outcome]:
        """The outcomes that count and are failures."""
        return [one for one in self.counted if not one.passed]

    @property
    def differing(self) -> list[str]:
        """Ids that were played and should not, or the other way round."""
        return sorted(set(self.wanted) ^ {one.id for one in self.counted})

    @property
    def passed(self) -> bool:
        """Whether every case was played and passed, those that do not count as well."""
        is_complete = not self.differing and len(self.counted) == len(self.wanted)
        return is_complete and all(one.passed for one in self.outcomes)

    @property
    def summary(self) -> str:
        """The last line."""
        return f"{len(self.counted) - len(self.failed)} passed, {len(self.failed)} failed"

    def tail(self) -> list[str]:
        """Return what stands below the cases' lines; the last one is the summary."""
        lines = []
        if self.apart:
            lines.append("disabled in the kit, played all the same:")
            lines += [line_of(one) for one in self.apart]
        if self.differing:
            lines.append(f"the cases played are not those of the kit: {', '.join(self.differing)}")
        return [*lines, f"schema validation: {self.validation}", self.summary]

    def as_json(self) -> str:
        """Return the report as JSON."""
        document = {
            "driver": self.driver,
            "schema_validation": self.validation,
            "passed": len(self.counted) - len(self.failed),
            "failed": len(self.failed),
            "cases": [_document(one) for one in self.counted],
            "disabled": [_document(one) for one in self.apart],
        }
        return json.dumps(document, indent=2) + "\n"

    def as_markdown(self) -> str:
        """Return the report as Markdown."""
        rows = [
            f"| {one.id} | {_word(one)} | {one.seconds:.2f} | {_cell(one.problem)} |"
            for one in [*self.counted, *self.apart]
        ]
        head = [
            f"# Conformance: {self.summary}",
            "",
            f"Played by {self.driver}. Schema validation: {self.validation}.",
            f"Disabled in the kit: {', '.join(one.id for one in self.apart) or 'not played'}.",
            "",
            "| Case | Outcome | Seconds | Problem |",
            "|---|---|---|---|",
        ]
        return "\n".join([*head, *rows]) + "\n"


def line_of(outcome: Outcome) -> str:
    """Return a case's line."""
    line = f"{outcome.id:<{LINE}}{_word(outcome)} {outcome.seconds:6.2f} s"
    return line if outcome.passed else f"{line}  {outcome.problem}"


def _word(outcome: Outcome) -> str:
    return "passed" if outcome.passed else "FAILED"


def _document(outcome: Outcome) -> dict[str, object]:
    return {
        "id": outcome.id,
        "outcome": "passed" if outcome.passed else "failed",
        "seconds": outcome.seconds,
        "problem": outcome.problem,
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
