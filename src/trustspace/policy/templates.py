"""Policies with blanks: what data space platforms offer their authors to fill in.

The eleven that the Chinese reference architecture asks of a platform, in words (English, Chinese)
and as ODRL that `trustspace.policy.odrl` reads. A connector negotiates those whose terms it
resolves itself (content, user, operation, count, destruction); the others bind by contract or
where the operands are given.

Example::

    TEMPLATES["count"].policy({"count": 10})["permission"]
    TEMPLATES["count"].words({"count": 10}, "zh")  # '数据最多可使用 10 次。'
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError
from trustspace.policy.odrl.reader import read_policy
from trustspace.policy.right_operand import seconds_of
from trustspace.policy.row_filter import format_where, parse_where
from trustspace.policy.vocabulary import to_wire

if TYPE_CHECKING:
    from trustspace.policy.messages import Language

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
"""The context that a policy of a template is written in."""

Given = Mapping[str, str | int | Iterable[str]]
"""Values by parameter; a list may be one text with commas."""

_ALWAYS = ("id", "target")


@dataclass(frozen=True)
class Parameter:
    """One blank of a template.

    Attributes:
        name: What it is set by.
        kind: ``list``, ``terms``, ``text``, ``rows``, ``integer`` or ``duration``.
        meaning: What it says, by language.
        example: A value.
        optional: Whether it may be left out.
    """

    name: str
    kind: str
    meaning: Mapping[Language, str]
    example: str
    optional: bool

    def read(self, given: object) -> str | list[str]:
        """Return a value as it goes into the policy.

        Raises:
            PolicyError: It is none of its kind, code ``policy.template``.
        """
        if self.kind in ("list", "terms"):
            texts = given.split(",") if isinstance(given, str) else given
            if not isinstance(texts, Iterable):
                raise self._wrong(given)
            found = [str(text).strip() for text in texts]
            if not found or not all(found):
                raise self._wrong(given)
            return [to_wire(text) for text in found] if self.kind == "terms" else found
        text = str(given).strip()
        if self.kind == "integer" and not (text.isascii() and text.isdecimal() and int(text) > 0):
            raise self._wrong(given)
        if not text:
            raise self._wrong(given)
        if self.kind == "duration":
            seconds_of(text)
        return format_where(parse_where(text)) if self.kind == "rows" else text

    def _wrong(self, given: object) -> PolicyError:
        return PolicyError(
            f"{self.name} cannot be {str(given)[:80]!r}",
            code="policy.template",
            location=f"/{self.name}",
            hint=f"{self.meaning['en']}, for example {self.example}",
        )


@dataclass(frozen=True)
class Template:
    """A policy with blanks.

    Attributes:
        name: What it is called by.
        title: By language.
        parameters: Its blanks.
    """

    name: str
    title: Mapping[Language, str]
    parameters: tuple[Parameter, ...]
    _words: Mapping[Language, str]
    _policy: str

    def policy(self, given: Given) -> dict[str, Any]:
        """Return the policy with its blanks filled in.

        Args:
            given: Values by parameter; ``id`` and ``target`` may be set for every template.

        Raises:
            PolicyError: A value is missing, unknown or wrong (``policy.template``), or the policy
                that it makes is not understood.
        """
        values = self._read(given)
        policy: dict[str, Any] = {
            "@context": [CONTEXT],
            "@type": "Offer",
            "@id": str(given.get("id") or f"urn:trustspace:policy:{self.name}"),
        }
        if given.get("target"):
            policy["target"] = str(given["target"])
        policy |= _filled(json.loads(self._policy), values)
        read_policy(policy)
        return policy

    def words(self, given: Given, language: Language = "en") -> str:
        """Return what the policy says, in words.

        Raises:
            PolicyError: A value is missing, unknown or wrong.
        """
        values: dict[str, str] = {
            parameter.name: {"en": "all", "zh": "全部"}[language] for parameter in self.parameters
        }
        for name, value in self._read(given).items():
            values[name] = value if isinstance(value, str) else ", ".join(value)
        return self._words[language].format(**values)

    @property
    def example(self) -> dict[str, str]:
        """Values that fill every blank."""
        return {parameter.name: parameter.example for parameter in self.parameters}

    def _read(self, given: Given) -> dict[str, str | list[str]]:
        names = [parameter.name for parameter in self.parameters]
        for name in given:
            if name not in (*names, *_ALWAYS):
                raise _unknown(f"{self.name} has no parameter", name, [*names, *_ALWAYS])
        found = {}
        for parameter in self.parameters:
            if parameter.name in given:
                found[parameter.name] = parameter.read(given[parameter.name])
            elif not parameter.optional:
                raise PolicyError(
                    f"{self.name} needs {parameter.name}: {parameter.meaning['en']}",
                    code="policy.template",
                    location=f"/{parameter.name}",
                    hint=f"for example {parameter.name}={parameter.example}",
                )
        return found


def template(name: str) -> Template:
    """Return a template by its name.

    Raises:
        PolicyError: There is none, code ``policy.template``.
    """
    if name not in TEMPLATES:
        raise _unknown("there is no template", name, list(TEMPLATES))
    return TEMPLATES[name]


_LEFT_OUT = object()


def _filled(node: Any, values: Mapping[str, str | list[str]]) -> Any:  # noqa: ANN401 - JSON
    """Return a part of a policy with its blanks filled in."""
    if isinstance(node, list):
        parts = [part for each in node for part in _repeated(each, values)]
        return [part for part in parts if part is not _LEFT_OUT]
    if isinstance(node, dict):
        members = {name: _filled(value, values) for name, value in node.items()}
        return _LEFT_OUT if _LEFT_OUT in members.values() else members
    if node[:1] == "{":
        return values.get(node[1:-1], _LEFT_OUT)
    return node


def _repeated(node: Any, values: Mapping[str, str | list[str]]) -> list[Any]:  # noqa: ANN401 - JSON
    if "$each" not in node:
        return [_filled(node, values)]
    rest = {name: value for name, value in node.items() if name != "$each"}
    return [_filled(rest, {**values, "each": each}) for each in values[node["$each"]]]


def _unknown(what: str, name: str, known: list[str]) -> PolicyError:
    near = difflib.get_close_matches(name, known, n=1)
    return PolicyError(
        f"{what} {name[:80]!r}",
        code="policy.template",
        location=f"/{name[:80]}",
        hint=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}",
    )


def _read_templates() -> dict[str, Template]:
    text = resources.files("trustspace.policy").joinpath("templates.toml").read_text("utf-8")
    return {
        name: Template(
            name,
            body["title"],
            tuple(
                Parameter(
                    one["name"],
                    one["kind"],
                    {"en": one["en"], "zh": one["zh"]},
                    one["example"],
                    one.get("optional", False),
                )
                for one in body["parameters"]
            ),
            body["words"],
            body["policy"],
        )
        for name, body in tomllib.loads(text).items()
    }


TEMPLATES: Mapping[str, Template] = MappingProxyType(_read_templates())
"""Every template by its name."""
