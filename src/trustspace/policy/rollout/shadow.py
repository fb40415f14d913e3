"""What other rules would have said: logged requests are decided by both, and compared.

Nothing is asked of the world; the requests hold all facts as they were. Both engines decide every
request now, so that only the rules differ.

Example::

    told = compare(logged(texts), old, new)
    told["changed"], told["effects"]   # 3, {'allow': {'deny': 3}}
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from trustspace.policy.explain import summary
from trustspace.policy.request import DecisionRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trustspace.policy.decision import Decision
    from trustspace.policy.engine import PolicyEngine
    from trustspace.policy.messages import Language

Json = dict[str, Any]

MEMBERS = (
    "effect",
    "rules",
    "reasons",
    "obligations",
    "filters",
    "columns",
    "masks",
    "limits",
    "deferred",
)
"""Members of a decision in which two may differ."""

_STEP = 3
_MANY_FAULTS = 3
"""Together less than a second of an engine that uses all its time."""


def logged(texts: Iterable[str]) -> tuple[list[DecisionRequest], int]:
    """Return logged requests, and how many cannot be read: another version wrote them."""
    found: list[DecisionRequest] = []
    unreadable = 0
    for text in texts:
        try:
            found.append(DecisionRequest.model_validate_json(text))
        except ValidationError:
            unreadable += 1
    return found, unreadable


def compare(
    requests: Sequence[DecisionRequest],
    old: PolicyEngine,
    new: PolicyEngine,
    *,
    examples: int = 5,
    language: Language = "en",
) -> Json:
    """Decide requests by two engines and say what differs.

    Args:
        requests: What was asked.
        old: The engine of now.
        new: The engine to try.
        examples: How many differing requests are shown, those with another effect first.
        language: Of the summaries.

    Returns:
        ``{"inputs", "faults", "changed", "effects": {before: {after: number}}, "members": {name:
        number}, "examples": [{"request", "point", "at", "subject", "dataset", "agreement",
        "action", "members", "before", "after"}]}``; ``before`` and ``after`` have ``effect``,
        ``code`` and ``summary``. ``faults`` counts denials of the new engine's own; after a few of
        them no further requests are tried, since each may have taken the longest time.
    """
    after = _tried(new, requests)
    requests = requests[: len(after)]
    before = _decided(old, requests)
    faults = sum(_is_fault(other) for other in after)
    effects: dict[str, Counter[str]] = {}
    members: Counter[str] = Counter()
    shown: list[tuple[bool, Json]] = []
    for request, one, other in zip(requests, before, after, strict=True):
        differing = tuple(_differing(one, other))
        if not differing:
            continue
        members.update(differing)
        if one.effect != other.effect:
            effects.setdefault(one.effect, Counter())[other.effect] += 1
        pair = _told(one, language), _told(other, language)
        shown.append((one.effect == other.effect, _example(request, differing, pair)))
    shown.sort(key=lambda entry: entry[0])
    return {
        "inputs": len(requests),
        "faults": faults,
        "changed": len(shown),
        "effects": {name: dict(counts) for name, counts in sorted(effects.items())},
        "members": {name: members[name] for name in MEMBERS if members[name]},
        "examples": [example for _, example in shown[:examples]],
    }


def _tried(engine: PolicyEngine, requests: Sequence[DecisionRequest]) -> list[Decision]:
    found: list[Decision] = []
    for start in range(0, len(requests), _STEP):
        found += _decided(engine, requests[start : start + _STEP])
        if sum(map(_is_fault, found)) >= _MANY_FAULTS:
            break
    return found


def _is_fault(decision: Decision) -> bool:
    return any(reason.id.startswith("engine.") for reason in decision.reasons)


def _decided(engine: PolicyEngine, requests: Sequence[DecisionRequest]) -> list[Decision]:
    revision = engine.revision
    return engine.decide_many([one.model_copy(update={"bundle": revision}) for one in requests])


def _differing(one: Decision, other: Decision) -> Iterator[str]:
    for name in MEMBERS:
        if getattr(one, name) != getattr(other, name):
            yield name


def _told(decision: Decision, language: Language) -> Json:
    return {
        "effect": decision.effect,
        "code": decision.reasons[0].id if decision.reasons else None,
        "summary": summary(decision, language=language),
    }


def _example(request: DecisionRequest, members: tuple[str, ...], pair: tuple[Json, Json]) -> Json:
    return {
        "request": request.id,
        "point": request.point,
        "at": request.now,
        "subject": request.subject.id,
        "dataset": request.resource.id,
        "agreement": None if request.agreement is None else request.agreement.id,
        "action": request.action,
        "members": list(members),
        "before": pair[0],
        "after": pair[1],
    }
