"""Strategies for Hypothesis: policies, and the requests and worlds in which they matter.

Values are drawn from few, so that requests often meet what policies name: every policy is
understood by ``trustspace policy eval``, and most come out both ways.

Example::

    @given(policies(), requests(), worlds())
    def test_nobody_gets_more_than_the_policy_says(policy, request, world): ...
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as _error:
    raise ConfigurationError(
        "trustspace.testing.strategies needs Hypothesis", hint="pip install hypothesis"
    ) from _error

Json = dict[str, Any]

ACTIONS = ("use", "read", "distribute", "ts:train", "transfer")
ASSETS = ("urn:asset:1", "urn:asset:2")
PARTIES = ("urn:party:1", "urn:party:2")
NAMES = ("urn:value:1", "urn:value:2", "urn:value:3")
"""Values of identifiers such as purposes."""
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
"""First of the moments that policies and worlds name; the others follow day by day."""
NUMBERS = 5
"""Numbers and moments are drawn from so many."""

_IDENTIFIERS = ("purpose", "recipient", "industry", "event")
_NUMBERS = ("count", "percentage")
_ORDERED = ("lt", "lteq", "gt", "gteq", "eq", "neq")
_LISTS = ("isAnyOf", "isAllOf", "isNoneOf")
_DUTIES = ("attribute", "inform", "obtainConsent")


def _moment(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat().replace("+00:00", "Z")


def constraints(*, depth: int = 2) -> SearchStrategy[Json]:
    """Return constraints: comparisons, and such joined by and, or, xone.

    Args:
        depth: How deep logic may nest.
    """
    numbers = st.integers(1, NUMBERS)
    comparisons = st.one_of(
        st.builds(_comparison, st.sampled_from(_NUMBERS), st.sampled_from(_ORDERED), numbers),
        st.builds(
            _comparison,
            st.just("dateTime"),
            st.sampled_from(_ORDERED),
            numbers.map(_moment),
        ),
        st.builds(
            _comparison,
            st.sampled_from(_IDENTIFIERS),
            st.sampled_from(("eq", "neq")),
            st.sampled_from(NAMES),
        ),
        st.builds(
            _comparison,
            st.sampled_from(_IDENTIFIERS),
            st.sampled_from(_LISTS),
            st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
        ),
    )
    if depth < 1:
        return comparisons
    inner = st.lists(constraints(depth=depth - 1), min_size=1, max_size=3)
    joined = st.builds(
        lambda name, parts: {name: parts}, st.sampled_from(("and", "or", "xone")), inner
    )
    return comparisons | joined


def policies(*, depth: int = 2) -> SearchStrategy[Json]:
    """Return ODRL policies of the class Set, with permissions, prohibitions and duties.

    Args:
        depth: How deep logic may nest.
    """
    permissions = _rules(depth, {"duty": st.lists(_duties(), max_size=1)})
    return st.builds(
        _policy,
        st.lists(permissions, min_size=1, max_size=3),
        st.lists(_rules(depth, {}), max_size=2),
    )


def requests(
    *,
    actions: Sequence[str] = ACTIONS,
    assets: Sequence[str] = ASSETS,
    parties: Sequence[str] = PARTIES,
) -> SearchStrategy[Json]:
    """Return requests: who does what to which asset, in which context.

    Args:
        actions: What is done.
        assets: To what; also to nothing that is named.
        parties: By whom; also by nobody that is named.
    """
    identifiers = {name: st.sampled_from(NAMES) for name in _IDENTIFIERS}
    numbers = {name: st.integers(0, NUMBERS + 1) for name in _NUMBERS}
    context = st.fixed_dictionaries({}, optional={**identifiers, **numbers})
    return st.fixed_dictionaries(
        {"action": st.sampled_from(actions)},
        optional={
            "target": st.sampled_from(assets),
            "party": st.sampled_from(parties),
            "context": context,
        },
    )


def worlds() -> SearchStrategy[Json]:
    """Return states of the world: a time or none, and which duties are done."""
    done = st.fixed_dictionaries({"state": st.sampled_from(("fulfilled", "outstanding"))})
    return st.fixed_dictionaries(
        {},
        optional={
            "time": st.integers(0, NUMBERS + 1).map(_moment),
            "duties": st.dictionaries(st.sampled_from(["urn:duty:1", "urn:duty:2"]), done),
        },
    )


def _comparison(left: str, op: str, right: Any) -> Json:  # noqa: ANN401 - any right operand
    return {"leftOperand": left, "operator": op, "rightOperand": right}


def _rules(depth: int, more: dict[str, SearchStrategy[Any]]) -> SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"action": st.sampled_from(ACTIONS)},
        optional={
            "target": st.sampled_from(ASSETS),
            "assignee": st.sampled_from(PARTIES),
            "constraint": st.lists(constraints(depth=depth), min_size=1, max_size=3),
            **more,
        },
    )


def _duties() -> SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "uid": st.sampled_from(["urn:duty:1", "urn:duty:2"]),
            "action": st.sampled_from(_DUTIES),
        }
    )


def _policy(permissions: list[Json], prohibitions: list[Json]) -> Json:
    policy: Json = {
        "@context": "http://www.w3.org/ns/odrl.jsonld",
        "@type": "Set",
        "uid": "urn:policy:1",
        "permission": permissions,
    }
    return policy | ({"prohibition": prohibitions} if prohibitions else {})
