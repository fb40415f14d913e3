"""Findings: which rule of the lint, where, and what it says in English and Chinese.

Ids and severities are stable; the words are templates in ``rules.toml``.

Example::

    Finding("window.never_opens", "/permission/0/constraint/1").words("en")
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal, cast

from trustspace.policy.messages import LANGUAGES, Language
from trustspace.policy.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

Severity = Literal["error", "warning", "note"]
"""``error``: it cannot be meant so; ``warning``: look again; ``note``: worth knowing."""


@cache
def rules() -> Mapping[str, Mapping[str, str]]:
    """Return every rule by id: ``severity``, ``en``, ``zh``, read once."""
    text = resources.files("trustspace.policy.linting").joinpath("rules.toml").read_text("utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        rule: Id of the rule of the lint.
        pointer: JSON pointer in a policy; empty in a Rego file.
        line: Line in a Rego file, from 1; 0 where there is none.
        fields: Texts for the template's fields, the same in every language.
    """

    rule: str
    pointer: str = ""
    line: int = 0
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return cast("Severity", rules()[self.rule]["severity"])

    def words(self, language: Language) -> str:
        """Return what is wrong and what to do."""
        shown = {name: printable(text) for name, text in self.fields.items()}
        return rules()[self.rule][language].format(**shown)

    def to_document(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "pointer": self.pointer,
            "line": self.line or None,
            "words": {language: self.words(language) for language in LANGUAGES},
        }
