"""What a doctor can find: ids, severities and words, which are data (``peer.toml``, ``home.toml``).

A probe tells an id and the facts; the words are made for a reader, in the language that was asked
for. Ids are stable: scripts and the reference rely on them.

Example::

    Finding("clock.wrong", {"seconds": 600, "direction_en": "ahead", "direction_zh": "快"})
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trustspace.policy.messages import Language

TABLES = ("peer.toml", "home.toml")


class Severity(StrEnum):
    """How bad a finding is; with an error, exchanges do not work."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        id: Group and name, for example ``tls.expired``.
        facts: What fills the words in.
    """

    id: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return Severity(_entry(self.id)["severity"])

    def shown(self, language: Language) -> dict[str, str]:
        """Return the finding in words: id, severity, expected, found, advice (may be empty)."""
        group, _, _ = self.id.partition(".")
        entry = _entry(self.id)
        words = {"expected": catalogue()[group]["expected"], **entry}
        facts = {name: str(fact) for name, fact in self.facts.items()}
        return {"id": self.id, "severity": self.severity.value} | {
            part: words[part][language].format_map(_Facts(facts)) if part in words else ""
            for part in ("expected", "found", "advice")
        }


def is_well(findings: Iterable[Finding]) -> bool:
    """Tell whether an exchange would work: nothing that was found is an error."""
    return all(finding.severity is not Severity.ERROR for finding in findings)


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """Return every group with its ``expected`` and its findings, read once."""
    folder = resources.files("trustspace.connector.doctor")
    found: dict[str, Mapping[str, Any]] = {}
    for table in TABLES:
        found |= tomllib.loads(folder.joinpath(table).read_text("utf-8"))
    return found


def finding_ids() -> tuple[str, ...]:
    """Return the id of every finding there can be, in the order of the tables."""
    return tuple(
        f"{group}.{name}"
        for group, entries in catalogue().items()
        for name in entries
        if name != "expected"
    )


def _entry(finding_id: str) -> Mapping[str, Any]:
    group, _, name = finding_id.partition(".")
    entry: Mapping[str, Any] = catalogue()[group][name]
    return entry


class _Facts(dict[str, str]):
    """Facts for a template; a fact that a probe does not know leaves a dash."""

    def __missing__(self, key: str) -> str:
        return "-"
