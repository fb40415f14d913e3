"""Decisions in words: which rule, what it asks for, what was found, what would help.

The engine gives ids and data. Here they become sentences in English or Chinese, for a decision of
our own or for the reasons that a counterparty sent; the latter are untrusted and may be malformed.

Example::

    explain(decision.reasons)
    # ('the purpose must be one of credit-scoring; it was marketing - ask for purpose
    #   credit-scoring [rule p1, /permission/0/constraint/0]',)
    explain(error.reasons, language="zh", remote=True)
    advice(error.reasons)  # 'ask for purpose credit-scoring'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.errors import RemoteProtocolError
from trustspace.model.strict_json import loads
from trustspace.policy.decimals import as_written
from trustspace.policy.decision import Decision, Reason
from trustspace.policy.mask import format_mask
from trustspace.policy.messages import Language, is_known, phrase
from trustspace.policy.operands import EVERY_OPERAND
from trustspace.policy.quantity import Measured
from trustspace.policy.row_filter import format_where
from trustspace.policy.vocabulary import COUNTED, LEFT_OPERANDS, Kind, compact
from trustspace.policy.wording import demand, printable, term, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustspace.errors import PolicyError

AnyReason = Reason | Mapping[str, Any] | str
"""A reason of ours, an object from a counterparty, or a text where a peer sends texts."""

MAX_REASONS = 50
"""Reasons of one refusal that are put into words or sent to a counterparty."""


def explain(
    reasons: Iterable[AnyReason], *, language: Language = "en", remote: bool = False
) -> tuple[str, ...]:
    """Return one sentence per reason, the rule that came closest first.

    Args:
        reasons: Reasons of a decision or of a counterparty.
        language: ``en`` or ``zh``.
        remote: Whether the reader is a counterparty, who does not learn what was found.
    """
    sentences = []
    for cause in _closest_first(reasons):
        help_text = _help(cause, language)
        sentence = _sentence(cause, language, remote=remote)
        if help_text:
            sentence += phrase("help", language, text=help_text)
        sentences.append(sentence + _place(cause, language))
    return tuple(sentences)


def advice(reasons: Iterable[AnyReason], *, language: Language = "en") -> str:
    """Return the smallest change that would help, or an empty string when none is known."""
    helps = (_help(cause, language) for cause in _closest_first(reasons))
    return next((text for text in helps if text), "")


def summary(decision: Decision | Iterable[AnyReason], *, language: Language = "en") -> str:
    """Return a decision, or the reasons of a refusal, in one line."""
    if isinstance(decision, Decision):
        if decision.allow:
            return _allowance(decision, language)
        decision = decision.reasons
    causes = _closest_first(decision)
    if not causes:
        return phrase("unknown", language, id="?")
    text = _sentence(causes[0], language, remote=False)
    if len(causes) > 1:
        text = phrase("summary.more", language, text=text, number=str(len(causes) - 1))
    return phrase("summary.deny", language, text=text)


def remote_reasons(decision: Decision) -> list[dict[str, Any]]:
    """Return the reasons of a denial for the counterparty, without what was found.

    Each has ``id`` and, where it is known, ``src`` (a JSON pointer into the policy), ``left``,
    ``op``, ``expected`` and ``unit``.
    """
    return [
        {
            name: list(member) if isinstance(member, tuple) else member
            for name in ("id", "src", "left", "op", "expected", "unit")
            if (member := _stated(reason, name)) is not None
            and (name != "expected" or reason.id not in _ABOUT_ANOTHER_PARTY)
        }
        for reason in decision.reasons[:MAX_REASONS]
    ]


def _stated(reason: Reason, name: str) -> Any:  # noqa: ANN401 - a scalar or several
    """Return a member of a reason, a value as the policy states it: numbers with their point."""
    member = getattr(reason, name)
    operand = LEFT_OPERANDS.get(reason.left or "") or EVERY_OPERAND.get(reason.left or "")
    if name != "expected" or operand is None or member is None:
        return member
    return as_written(member, operand)


_ABOUT_ANOTHER_PARTY = frozenset({"agreement.party", "agreement.target", "agreement.digest"})
"""Reasons whose expected value would tell a stranger whose agreement it is."""


def error_reason(error: PolicyError) -> dict[str, Any]:
    """Return a policy that was refused before any decision as a reason for the counterparty."""
    reason = {"id": error.code, "src": error.location, "text": printable(error)}
    return {name: member for name, member in reason.items() if member}


@dataclass(frozen=True)
class _Cause:
    """A reason from anywhere, with members of the types that sentences need."""

    id: str
    src: str = ""
    rule: str = ""
    left: str = ""
    op: str = ""
    unit: str = ""
    text: str = ""
    expected: object = None
    actual: object = None
    opens: object = None

    @classmethod
    def of(cls, reason: AnyReason) -> _Cause:
        if isinstance(reason, str):
            decoded = _decoded(reason)
            return cls(id=reason) if decoded is None else cls.of(decoded)
        members = reason.model_dump() if isinstance(reason, Reason) else reason

        def text(name: str) -> str:
            member = members.get(name)
            return member if isinstance(member, str) else ""

        return cls(
            id=text("id") or "?",
            src=text("src"),
            rule=text("rule"),
            left=text("left"),
            op=text("op"),
            unit=text("unit"),
            text=text("text"),
            expected=members.get("expected"),
            actual=members.get("actual"),
            opens=members.get("opens"),
        )

    @property
    def belongs_to(self) -> str:
        """The rule it is about; of a counterparty's reason only the pointer is known."""
        return self.rule or "/".join(self.src.split("/")[:3])

    def values(self) -> list[object]:
        """Return the expected value as a list."""
        return list(self.expected) if isinstance(self.expected, list | tuple) else [self.expected]


def _decoded(text: str) -> Mapping[str, Any] | None:
    """Return the object that a peer wrapped into a text."""
    if not text.startswith("{"):
        return None
    try:
        document = loads(text.encode("utf-8", "replace"))
    except RemoteProtocolError:
        return None
    return document if isinstance(document, Mapping) else None


def _closest_first(reasons: Iterable[AnyReason]) -> list[_Cause]:
    """Order: what no permission could lift, then permissions by how little they lack."""
    causes = [_Cause.of(reason) for reason, _ in zip(reasons, range(MAX_REASONS), strict=False)]
    lacking = Counter(cause.belongs_to for cause in causes)

    def distance(cause: _Cause) -> int:
        is_constraint = cause.id.startswith(("odrl.constraint.", "odrl.logic.", "fact."))
        return lacking[cause.belongs_to] if is_constraint else 0

    return sorted(causes, key=distance)


def _sentence(cause: _Cause, language: Language, *, remote: bool) -> str:
    wanted = ""
    if cause.left and cause.op:
        wanted = demand(cause.left, cause.op, cause.expected, language, unit=cause.unit)
    name = cause.id if is_known(cause.id) and "." in cause.id else ""
    if not name or (not wanted and name in _ABOUT_A_CONSTRAINT):
        return phrase("unknown", language, id=printable(cause.text or cause.id))
    found = "" if remote or cause.actual is None else value(cause.left, cause.actual, language)
    detail = wanted or printable(cause.text)
    return phrase(
        name,
        language,
        wanted=wanted,
        detail=phrase("detail", language, text=detail) if detail else "",
        actual=phrase("actual", language, found=found) if found else "",
        expected=_object(cause, language),
        term=term(cause.left, language) if cause.left else printable(cause.src),
        op=term(cause.op, language),
        duty=wanted or _object(cause, language),
        moment=value("odrl:dateTime", cause.expected, language),
    )


_ABOUT_A_CONSTRAINT = frozenset(
    {"odrl.constraint.unsatisfied", "odrl.constraint.unknown", "fact.unavailable"}
)


def _object(cause: _Cause, language: Language) -> str:
    """Return what a prohibition, a duty or an enforcement is about."""
    if cause.left:
        return f"{term(cause.left, language)} {value(cause.left, cause.expected, language)}"
    if isinstance(cause.expected, str):
        return term(cause.expected, language)
    return value(None, cause.expected, language)


def _place(cause: _Cause, language: Language) -> str:
    parts = [printable(cause.src)] if cause.src else []
    if cause.rule:
        parts.insert(0, phrase("rule", language, name=printable(cause.rule)))
    return phrase("place", language, where=", ".join(parts)) if parts else ""


_HELP_BY_ID = {
    "odrl.operand.unknown": "help.term",
    "policy.unsupported": "help.term",
    "odrl.duty.unfulfilled": "help.duty",
    "agreement.missing": "help.negotiate",
    "agreement.not_active": "help.negotiate",
    "agreement.expired": "help.negotiate",
    "pep.limit_reached": "help.negotiate",
    "pep.lease_expired": "help.again",
    "engine.revision": "help.again",
    "engine.deadline": "help.again",
    "engine.memory": "help.again",
    "engine.fault": "help.again",
    "engine.undefined": "help.again",
    "engine.unavailable": "help.again",
    "offer.wider": "help.catalog",
}

_HELP_BY_OPERAND = {
    "odrl:count": "help.count",
    "ts:frequency": "help.window",
    "ts:dataRecord": "help.amount",
    "ts:dataSize": "help.amount",
    "odrl:meteredTime": "help.amount",
    "odrl:purpose": "help.purpose",
    "odrl:recipient": "help.recipient",
    "odrl:spatial": "help.place",
    "ts:destination": "help.place",
    "ts:outputForm": "help.form",
}

_USED_UP = frozenset({"odrl.constraint.unsatisfied", "pep.limit_reached"})
"""Reasons of a limit that is used up."""

_EXCLUDING = frozenset({"odrl:isNoneOf", "odrl:neq"})


def _help(cause: _Cause, language: Language) -> str:
    name = _HELP_BY_ID.get(cause.id, "")
    left = compact(cause.left) if cause.left else ""
    if left in COUNTED and cause.unit and cause.id in _USED_UP:
        opens = isinstance(cause.opens, int) and not isinstance(cause.opens, bool)
        return phrase(
            "help.window.opens" if opens else "help.window",
            language,
            moment=value("odrl:dateTime", cause.opens, language),
            expected=value(left, cause.expected, language),
        )
    if cause.id in ("odrl.constraint.unsatisfied", "offer.wider"):
        name = _help_with_value(left, compact(cause.op)) or name
    elif cause.id in ("odrl.constraint.unknown", "fact.unavailable"):
        name = "help.state_purpose" if left == "odrl:purpose" else "help.fact"
    if not name:
        return ""
    shown = [value(left, each, language) for each in cause.values()[:MAX_REASONS]]
    return phrase(name, language, expected=phrase("or", language).join(shown))


def _help_with_value(left: str, op: str) -> str:
    """Return the help that names the value of a constraint, or an empty string."""
    known = LEFT_OPERANDS.get(left)
    if known is not None and known.kind is Kind.DATE_TIME:
        return "help.from" if op in ("odrl:gt", "odrl:gteq") else "help.until"
    if op in _EXCLUDING:
        return "help.not_purpose" if left == "odrl:purpose" else ""
    return _HELP_BY_OPERAND.get(left, "")


def _allowance(decision: Decision, language: Language) -> str:
    effect = "summary.conditional" if decision.effect == "conditional" else "summary.allow"
    shape = phrase("summary.join", language).join(_shape(decision, language))
    text = phrase("summary.terms", language, text=shape) if shape else ""
    return phrase(effect, language, text=text)


def _shape(decision: Decision, language: Language) -> Iterator[str]:
    """Yield what an allow leaves and asks for."""
    for limit in decision.limits:
        measured = Measured.of(limit.unit)
        number = value(measured.left, limit.max, language)
        expected = f"{number}/{measured.window}" if measured.window else number
        yield phrase(f"summary.limit.{measured.what}", language, expected=expected)
    for predicate in decision.filters:
        yield phrase("summary.filter", language, expected=printable(format_where(predicate)))
    if decision.columns is not None:
        columns = value(None, decision.columns, language)
        yield phrase("summary.columns", language, expected=columns)
    if decision.masks:
        masks = value(None, [format_mask(mask) for mask in decision.masks], language)
        yield phrase("summary.masks", language, expected=masks)
    for duty in decision.obligations:
        text = term(duty.action, language)
        if duty.due is not None:
            text += f" ({value('odrl:dateTime', duty.due, language)})"
        yield phrase("summary.obligation", language, expected=text)
