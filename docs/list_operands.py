"""List every operand, action and duty, from the tables that decide about them.

Example::

    python docs/list_operands.py     # writes docs/reference/operands.md
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from trustspace.policy.lasting import CLOCKS
from trustspace.policy.ledger import CONNECTOR, Term, ledger
from trustspace.policy.messages import LANGUAGES, catalogue, is_known, phrase
from trustspace.policy.operands import EVERY_ACTION, EVERY_OPERAND
from trustspace.policy.predicate import MaskSpec
from trustspace.policy.rule import DutyIR, Leaf, PolicyIR, RuleIR
from trustspace.policy.vocabulary import (
    ACTIONS,
    COUNTED,
    DUTIES,
    DUTY_OPERANDS,
    LEFT_OPERANDS,
    OPERATORS,
    LeftOperand,
    spelled,
)

PAGE = Path(__file__).parent / "reference" / "operands.md"
WORDS = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))

FINDERS: dict[str, list[str]] = WORDS["finders"]
"""Who finds a value out, in English and Chinese."""

_FOUND_BY = {
    "odrl:elapsedTime": "first_use",
    "odrl:recipient": "identity",
    "odrl:purpose": "agreement",
    "odrl:spatial": "statement",
}


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join(
        [
            WORDS["texts"]["introduction"],
            *_decided(),
            *_listed(),
            *_duties(),
            *_actions(),
            *_reasons(),
        ]
    )


def finder(operand: LeftOperand) -> str:
    """Return the key of who finds an operand's value out in a running connector.

    Raises:
        LookupError: Somebody does, and this page does not know who.
    """
    if operand.shapes_delivery:
        return "data_plane"
    if operand.name in CLOCKS:
        return "clock"
    if operand.name in COUNTED:
        return "counters"
    if operand.name in _FOUND_BY:
        return _FOUND_BY[operand.name]
    if operand.stated:
        return "statement"
    if operand.name in CONNECTOR.observes | CONNECTOR.believes:
        msg = f"say in docs/list_operands.py who finds {operand.name} out"
        raise LookupError(msg)
    return "nobody"


def label(operand: LeftOperand) -> Term:
    """Return how far a constraint on an operand binds."""
    operator = min(operand.operators)
    leaf = Leaf.model_construct(left=operand.name, op=operator, src="")
    shape = MaskSpec(column="c", method="hash", params={})
    rule = RuleIR.model_construct(
        leaves=() if operand.shapes_delivery else (leaf,),
        filters=("filter",) if operand.name == "ts:rowFilter" else (),
        columns=("c",) if operand.name == "ts:columns" else None,
        masks=(shape,) if operand.name == "ts:mask" else (),
        duties=(),
        src="",
    )
    return _only(ledger(_policy(permissions=(rule,))))


def _decided() -> Iterator[str]:
    yield "## Operands that a running connector decides 运行中的连接器可判断的左操作数\n"
    yield from _head("Operand", "Kind", "Operators", "Found out by", "Deferred at")
    for operand in LEFT_OPERANDS.values():
        every = len(operand.operators) == len(OPERATORS)
        operators = "all" if every else _codes(map(spelled, operand.operators))
        found = finder(operand)
        yield _row(
            operand.name,
            f"`{operand.kind}`",
            operators,
            " ".join(FINDERS[found]),
            _codes(operand.deferred),
            term=label(operand),
        )
    yield ""


def _listed() -> Iterator[str]:
    yield WORDS["texts"]["listed"]
    yield "| Operand | In words | 中文 | Kind |"
    yield "|---|---|---|---|"
    for name in sorted(EVERY_OPERAND.keys() - LEFT_OPERANDS.keys()):
        cells = (f"`{spelled(name)}`", *in_words(name, "operands"), f"`{EVERY_OPERAND[name].kind}`")
        yield f"| {' | '.join(cells)} |"
    yield ""


def _duties() -> Iterator[str]:
    yield WORDS["texts"]["duties"]
    yield from _head("Action")
    for name in DUTIES:
        duty = DutyIR.model_construct(action=name, when="after", leaves=(), consequences=(), src="")
        yield _row(name, term=_only(ledger(_policy(obligations=(duty,)))))
    yield WORDS["texts"]["duty_operands"]
    yield "| Operand | In words | 中文 | Kind | Operators |"
    yield "|---|---|---|---|---|"
    for operand in DUTY_OPERANDS.values():
        operators = _codes(map(spelled, operand.operators))
        words = " | ".join(in_words(operand.name, "operands"))
        yield f"| `{spelled(operand.name)}` | {words} | `{operand.kind}` | {operators} |"
    yield ""


def _actions() -> Iterator[str]:
    yield WORDS["texts"]["actions"]
    yield from _head("Action", "Negotiated", "Includes")
    for name in sorted(EVERY_ACTION):
        rule = RuleIR.model_construct(leaves=(), duties=(), actions=(name,), src="")
        included = EVERY_ACTION[name] - {name}
        few = _codes(map(spelled, included)) if len(included) < 8 else f"{len(included)} others"
        term = _only(ledger(_policy(prohibitions=(rule,))))
        yield _row(name, "✓" if name in ACTIONS else "", few, term=term, of="actions")
    yield ""


def _reasons() -> Iterator[str]:
    yield "## Why 标注的理由\n"
    yield "| Reason | In words | 中文 |"
    yield "|---|---|---|"
    for name, words in catalogue().items():
        if name.startswith("ledger."):
            cells = " | ".join(_plain(words[language]) for language in LANGUAGES)
            yield f"| `{name.removeprefix('ledger.')}` | {cells} |"
    yield ""


def _head(first: str, *more: str) -> Iterator[str]:
    cells = (first, "In words", "中文", *more, "At the provider", "At the consumer", "Why")
    yield f"| {' | '.join(cells)} |"
    yield "|" + "---|" * len(cells)


def _row(name: str, *more: str, term: Term, of: str = "operands") -> str:
    why = f"`{term.why.removeprefix('ledger.')}`"
    cells = (f"`{spelled(name)}`", *in_words(name, of), *more, term.provider, term.consumer, why)
    return f"| {' | '.join(cells)} |"


def in_words(name: str, of: str) -> tuple[str, str]:
    """Return a term in English and in Chinese."""
    if is_known(f"term.{name}"):
        return phrase(f"term.{name}", "en"), phrase(f"term.{name}", "zh")
    english, chinese = WORDS[of].get(name) or WORDS["actions"].get(name) or ("", "")
    return english, chinese


def _codes(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in sorted(names))


def _policy(**members: tuple[RuleIR | DutyIR, ...]) -> PolicyIR:
    empty = dict.fromkeys(("permissions", "prohibitions", "obligations"), ())
    make: Callable[..., PolicyIR] = PolicyIR.model_construct
    return make(**(empty | members))


def _only(terms: tuple[Term, ...]) -> Term:
    (term,) = terms
    return term


def _plain(template: str) -> str:
    return template.replace("{", "*").replace("}", "*").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
