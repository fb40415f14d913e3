"""Words for constraints, and nothing from a stranger that could harm a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.policy.messages import LANGUAGES
from trustspace.policy.wording import demand, printable, term, value


@pytest.mark.parametrize(
    ("left", "op", "right", "text"),
    [
        ("odrl:dateTime", "odrl:lt", 1798732800, "the time must be before 2026-12-31T16:00:00Z"),
        ("dateTime", "lteq", 0, "the time must not be after 1970-01-01T00:00:00Z"),
        ("edc:inForceDate", "odrl:gt", 0, "the time must be after 1970-01-01T00:00:00Z"),
        ("odrl:dateTime", "odrl:gteq", 0, "the time must not be before 1970-01-01T00:00:00Z"),
        ("odrl:dateTime", "odrl:eq", 0, "the time must be 1970-01-01T00:00:00Z"),
        ("odrl:dateTime", "odrl:lt", 10**18, "the time must be before 1000000000000000000"),
        ("odrl:count", "odrl:lteq", 10, "the number of uses must be at most 10"),
        ("odrl:purpose", "odrl:isAnyOf", ["a", "b"], "the purpose must be one of a, b"),
        ("odrl:delayPeriod", "odrl:eq", 2_592_000, "the delay must be P30D"),
        ("odrl:delayPeriod", "odrl:eq", 90, "the delay must be PT90S"),
        ("odrl:delayPeriod", "odrl:eq", 0, "the delay must be PT0S"),
        ("cx:Warranty", "acme:like", True, "cx:Warranty acme:like True"),
        ("odrl:payAmount", "odrl:eq", 500, "the amount paid must be 500"),
    ],
)
def test_a_demand_in_words(left, op, right, text):
    assert demand(left, op, right, "en") == text


def test_a_unit_stands_behind_the_value():
    assert demand("payAmount", "eq", 500, "en", unit="CNY") == "the amount paid must be 500 CNY"


def test_terms_in_words():
    assert term("https://w3id.org/trustspace/ns#train", "en") == "train"
    assert term("odrl:distribute", "zh") == "分发"
    assert term("acme:fly", "zh") == "acme:fly"


def test_long_lists_and_texts_are_cut():
    assert value(None, range(30), "en") == "range(0, 30)"
    assert value(None, ["x"] * 30, "en").count("x") == 20
    assert value(None, ["x"] * 30, "en").endswith("…")
    assert printable("y" * 300) == "y" * 200 + "…"


def test_control_characters_do_not_reach_a_terminal():
    assert printable("a\x1b[31m\nb\u202e") == "a\ufffd[31m\ufffdb\ufffd"


_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)


@given(st.one_of(st.text(), st.sampled_from(["odrl:dateTime", "odrl:delayPeriod"])), _values)
def test_any_value_has_printable_words(left, right):
    for language in LANGUAGES:
        assert demand(left, left, right, language).isprintable()
