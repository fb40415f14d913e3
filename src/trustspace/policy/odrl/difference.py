"""What two policies answer differently: rules in words, and requests that show it.

The requests are searched among the values that both policies name: each listed value, both sides of
every boundary, a value that neither knows, and none at all. What the search finds is certain, since
the engine decided it; what it does not find may still differ where ``complete`` is false.

Example::

    found = difference(engine, before, after)
    found["examples"][0]["before"], found["examples"][0]["after"]  # 'permit', 'deny'
"""

from __future__ import annotations

import math
import random
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

from trustspace.policy.constraint import Atom
from trustspace.policy.decimals import as_written
from trustspace.policy.messages import LANGUAGES, Language, phrase
from trustspace.policy.odrl.cases import every_atom
from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.odrl.reader import read_policy
from trustspace.policy.vocabulary import Kind
from trustspace.policy.wording import demand, printable, term

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trustspace.policy.constraint import Normal
    from trustspace.policy.document import Document, Rule
    from trustspace.policy.engine import PolicyEngine
    from trustspace.policy.vocabulary import LeftOperand

Json = dict[str, Any]

QUESTIONS = 400
"""Requests that are tried; where there are more, a fixed sample of them."""

EXAMPLES = 5
"""Requests that are shown of those that one policy permits and the other does not."""

OUTSIDER = "urn:trustspace:none-of-these"
"""A value that no policy names."""

_RULES: Mapping[Language, Mapping[str, str]] = {
    "en": {name: name for name in ("permission", "prohibition", "obligation", "duty")},
    "zh": {"permission": "许可", "prohibition": "禁止", "obligation": "义务", "duty": "责任"},
}

_CLOCKS = frozenset({"odrl:dateTime", "edc:inForceDate"})


def difference(
    engine: PolicyEngine,
    before: Any,  # noqa: ANN401 - any JSON value
    after: Any,  # noqa: ANN401 - any JSON value
    *,
    operands: Mapping[str, LeftOperand] | None = None,
) -> Json:
    """Compare two policies.

    Returns:
        ``{"removed": [{"en", "zh"}], "added": [{"en", "zh"}], "examples": [{"request", "world",
        "before", "after"}], "tried", "complete"}``.

    Raises:
        PolicyError: One of them is not understood.
    """
    documents = [read_policy(policy, operands=operands) for policy in (before, after)]
    told = [Counter(map(_told, document.rules)) for document in documents]
    dimensions = _dimensions(documents)
    tried, complete = _combinations([values for _, values in dimensions])
    examples: dict[str, list[Json]] = {"permit": [], "deny": []}
    for values in tried:
        question = _question(dict(zip((name for name, _ in dimensions), values, strict=True)))
        answers = [
            evaluate(engine, {"policy": policy, **question}, operands=operands)["decision"]
            for policy in (before, after)
        ]
        if answers[0] != answers[1] and len(examples[answers[0]]) < EXAMPLES:
            shown = {"before": answers[0], "after": answers[1]}
            examples[answers[0]].append(question | shown)
    return {
        "removed": [_words(each) for each in (told[0] - told[1]).elements()],
        "added": [_words(each) for each in (told[1] - told[0]).elements()],
        "examples": examples["permit"] + examples["deny"],
        "tried": len(tried),
        "complete": complete,
    }


def _told(rule: Rule) -> tuple[str, ...]:
    return tuple(_rule(rule, language) for language in LANGUAGES)


def _words(told: tuple[str, ...]) -> Json:
    return dict(zip(LANGUAGES, told, strict=True))


def _rule(rule: Rule, language: Language) -> str:
    comma = phrase("list", language)
    scopes = [
        printable(scope.name)
        for scope in (*rule.targets, *rule.assignees)
        if scope.name is not None
    ]
    words = [
        comma.join(
            [
                f"{_RULES[language][rule.kind]} {comma.join(sorted(_actions(rule, language)))}",
                *scopes,
            ]
        ),
        *sorted(_part(part, language) for part in (*rule.parts, *_refinements(rule))),
    ]
    for duty in rule.duties:
        parts = sorted(_part(part, language) for part in (*duty.parts, *duty.action.refine))
        words.append(
            f"{_RULES[language]['duty']} {term(duty.action.name, language)} ({comma.join(parts)})"
        )
    return "; ".join(words)


def _actions(rule: Rule, language: Language) -> list[str]:
    return [term(action.name, language) for action in rule.actions]


def _refinements(rule: Rule) -> Iterator[Normal]:
    for action in rule.actions:
        yield from action.refine
    for scope in (*rule.targets, *rule.assignees):
        yield from scope.refine


def _part(part: Normal, language: Language) -> str:
    if isinstance(part, Atom):
        right = as_written(part.right, part.operand)
        return demand(part.left, part.op, right, language, unit=part.unit or "")
    parts = phrase("list", language).join(_part(one, language) for one in part.parts)
    return f"{part.kind} ({parts})"


def _dimensions(documents: Sequence[Document]) -> list[tuple[str, list[Any]]]:
    """Return what a request can vary in, with the values that are tried."""
    rules = [rule for document in documents for rule in document.rules]
    duties = sorted({duty.uid for rule in rules for duty in rule.duties})
    found: list[tuple[str, list[Any]]] = [
        ("action", sorted({action.name for rule in rules for action in rule.actions}) or ["use"]),
        ("target", _names(scope.name for rule in rules for scope in rule.targets)),
        ("party", _names(scope.name for rule in rules for scope in rule.assignees)),
        ("duties", [duties, []] if duties else [[]]),
    ]
    by_operand: dict[str, list[Any]] = {}
    for atom in (atom for rule in rules for atom in every_atom(rule)):
        if not atom.operand.shapes_delivery:
            by_operand.setdefault(atom.left, []).extend(_values(atom))
    for left, values in sorted(by_operand.items()):
        name = "time" if left in _CLOCKS else left
        found.append((name, [each for n, each in enumerate(values) if each not in values[:n]]))
    return [(name, [*values, None] if ":" in name else values) for name, values in found]


def _names(given: Iterator[str | None]) -> list[str | None]:
    names = sorted({name for name in given if name is not None})
    return [*names, OUTSIDER] if names else [None]


def _values(atom: Atom) -> Iterator[Any]:
    rights = atom.right if isinstance(atom.right, tuple) else (atom.right,)
    for right in rights:
        is_number = isinstance(right, int) and not isinstance(right, bool)
        around = (right, right - 1, right + 1) if is_number and isinstance(right, int) else (right,)
        yield from (_written(each, atom) for each in around)
        if not is_number:
            yield _written(OUTSIDER, atom)
    if len(rights) > 1:
        yield _written(list(rights), atom)


def _written(value: Any, atom: Atom) -> Any:  # noqa: ANN401 - a scalar or several
    if atom.left in _CLOCKS:
        return value
    if atom.operand.kind is Kind.DURATION and isinstance(value, int):
        value = f"PT{max(value, 0)}S"
    elif isinstance(value, int):
        value = as_written(value, atom.operand)
    return {"value": value, "unit": atom.unit} if atom.unit else value


def _combinations(values: Sequence[Sequence[Any]]) -> tuple[list[tuple[Any, ...]], bool]:
    if math.prod(map(len, values)) <= QUESTIONS:
        return list(product(*values)), True
    chosen = random.Random(0)  # noqa: S311 - the same sample every time
    return [tuple(chosen.choice(each) for each in values) for _ in range(QUESTIONS)], False


def _question(values: Json) -> Json:
    request = {name: values[name] for name in ("action", "target", "party") if values[name]}
    context = {name: value for name, value in values.items() if ":" in name and value is not None}
    if context:
        request["context"] = context
    world: Json = {"duties": {name: {"state": "fulfilled"} for name in values["duties"]}}
    if "time" in values:
        world["time"] = values["time"]
    return {"request": request, "world": world}
