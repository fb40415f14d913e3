"""Right operands: every form a peer sends has one typed value, anything else is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import ge, gt, le, lt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import PolicyError
from trustspace.policy.operands import EVERY_OPERAND
from trustspace.policy.right_operand import iso_duration, name_of, seconds_of, typed
from trustspace.policy.vocabulary import LeftOperand, left_operand

DATE_TIME = left_operand("dateTime")
IN_FORCE = left_operand("edc:inForceDate")
COUNT = left_operand("count")
PURPOSE = left_operand("purpose")
SPATIAL = left_operand("spatial")
DELAY = left_operand("delayPeriod", duty=True)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "odrl:lt": lt,
    "odrl:lteq": le,
    "odrl:gt": gt,
    "odrl:gteq": ge,
}
XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.mark.parametrize(
    ("right", "operator", "seconds"),
    [
        ("2026-12-31T16:00:00Z", "odrl:lt", 1798732800),
        ("2027-01-01T00:00:00+08:00", "odrl:lt", 1798732800),
        ("2026-12-31T16:00Z", "odrl:lt", 1798732800),
        ({"@value": "2026-12-31T16:00:00Z", "@type": "xsd:dateTime"}, "odrl:lt", 1798732800),
        ({"@value": "2026-12-31T16:00:00Z", "@type": XSD + "dateTime"}, "odrl:eq", 1798732800),
        ({"@value": "2026-12-31T16:00:00Z"}, "odrl:eq", 1798732800),
        (["2026-12-31T16:00:00Z"], "odrl:lt", 1798732800),
        ("1969-12-31T23:59:59Z", "odrl:lt", -1),
        ("2026-12-31T16:00:00.000Z", "odrl:eq", 1798732800),
        ("2026-12-31T16:00:00.5Z", "odrl:lt", 1798732801),
        ("2026-12-31T16:00:00.5Z", "odrl:gteq", 1798732801),
        ("2026-12-31T16:00:00.5Z", "odrl:lteq", 1798732800),
        ("2026-12-31T16:00:00.5Z", "odrl:gt", 1798732800),
    ],
)
def test_a_time_is_seconds(right, operator, seconds):
    assert typed(right, DATE_TIME, operator) == seconds


@given(
    st.integers(0, 4_000_000_000),
    st.integers(1, 999_999),
    st.integers(-2, 2),
    st.sampled_from(["odrl:lt", "odrl:lteq", "odrl:gt", "odrl:gteq"]),
)
def test_rounding_a_fraction_changes_no_comparison_with_a_whole_second(
    second, fraction, offset, operator
):
    moment = datetime.fromtimestamp(second, UTC)
    text = f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"
    exact, rounded, now = (
        second * 10**6 + fraction,
        typed(text, DATE_TIME, operator),
        second + offset,
    )
    compare = COMPARE[operator]
    assert compare(now * 10**6, exact) == compare(now, rounded)


@pytest.mark.parametrize(
    ("right", "code"),
    [
        ("2027-01-01T00:00:00", "policy.datetime.no_zone"),
        ("2027-01-01", "policy.datetime.no_zone"),
        ({"@value": "2027-01-01", "@type": "xsd:date"}, "policy.datetime.no_zone"),
        ("tomorrow", "policy.datatype"),
        ("2027-13-01T00:00:00Z", "policy.datatype"),
        ("2027-01-01T24:00:00Z", "policy.datatype"),
        ({"@value": "2027-01-01T00:00:00Z", "@type": "xsd:integer"}, "policy.datatype"),
        ({"@value": "2027-01-01T00:00:00Z", "@type": 1}, "policy.datatype"),
        ({"@value": "2027-01-01T00:00:00Z", "@language": "en"}, "policy.datatype"),
        ({"@value": {"@value": "2027-01-01T00:00:00Z"}}, "policy.datatype"),
        ({"@id": "2027-01-01T00:00:00Z"}, "policy.datatype"),
        (1798732800, "policy.datatype"),
        (["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"], "policy.datatype"),
        ([], "policy.datatype"),
        (["2027-01-01T00:00:00Z"] * 201, "policy.limit"),
    ],
)
def test_another_value_is_no_time(right, code):
    with pytest.raises(PolicyError) as caught:
        typed(right, DATE_TIME, "odrl:lt", location="/permission/0/constraint/0/rightOperand")
    assert caught.value.code == code
    assert caught.value.location == "/permission/0/constraint/0/rightOperand"


def test_a_time_without_zone_says_what_to_write():
    with pytest.raises(PolicyError) as caught:
        typed("2027-01-01", DATE_TIME, "odrl:lt")
    assert caught.value.hint.startswith("write 2027-01-01T00:00:00Z for UTC")


def test_a_fraction_cannot_be_met_exactly():
    with pytest.raises(PolicyError, match="whole seconds"):
        typed("2026-12-31T16:00:00.5Z", DATE_TIME, "odrl:eq")


@pytest.mark.parametrize(
    ("right", "delay"),
    [
        ("contractAgreement+30d", 2_592_000),
        ("contractagreement+12h", 43_200),
        ("contractAgreement+5m", 300),
        ("contractAgreement+-1s", -1),
        ({"@value": "contractAgreement+0s", "@type": "xsd:string"}, None),
    ],
)
def test_a_time_after_signing(right, delay):
    signed = datetime(2026, 1, 1, tzinfo=UTC)
    if delay is None:
        with pytest.raises(PolicyError):
            typed(right, IN_FORCE, "odrl:lteq", signed=signed)
        return
    assert typed(right, IN_FORCE, "odrl:lteq", signed=signed) == 1767225600 + delay
    assert typed(right, IN_FORCE, "odrl:lteq") == f"contractAgreement+{delay}s"


@pytest.mark.parametrize(
    ("right", "number"),
    [
        ("10", 10),
        ({"@value": "10", "@type": "xsd:integer"}, 10),
        ({"@value": 10, "@type": XSD + "int"}, 10),
        ([10], 10),
        ("+10", 10),
    ],
)
def test_an_integer(right, number):
    assert typed(right, COUNT, "odrl:lteq") == number


@pytest.mark.parametrize(
    "right", ["ten", "1.0", "9" * 16, 2**60, True, {"@value": True}, None, 1.5]
)
def test_another_value_is_no_integer(right):
    with pytest.raises(PolicyError) as caught:
        typed(right, COUNT, "odrl:lteq")
    assert caught.value.code == "policy.datatype"


@pytest.mark.parametrize(
    ("right", "operator", "value"),
    [
        ("a", "odrl:eq", "a"),
        (["a"], "odrl:eq", "a"),
        ("a", "odrl:isAnyOf", ("a",)),
        (["a", "b", "a"], "odrl:isAnyOf", ("a", "b")),
        ([{"@id": "https://w3id.org/trustspace/ns#x"}], "odrl:isAnyOf", ("ts:x",)),
        ({"@value": "a", "@type": "xsd:string"}, "odrl:eq", "a"),
        ({"@value": "urn:a", "@type": "xsd:anyURI"}, "odrl:eq", "urn:a"),
    ],
)
def test_names(right, operator, value):
    assert typed(right, PURPOSE, operator) == value


def test_half_a_surrogate_pair_is_no_text():
    with pytest.raises(PolicyError, match="Unicode"):
        typed("\ud800", PURPOSE, "odrl:eq")


def test_places_may_be_several():
    assert typed("CN", SPATIAL, "odrl:isPartOf") == "CN"
    assert typed(["CN", "SG"], SPATIAL, "odrl:isPartOf") == ("CN", "SG")
    with pytest.raises(PolicyError, match="isPartOf takes a value, found 0"):
        typed([], SPATIAL, "odrl:isPartOf")
    with pytest.raises(PolicyError, match="eq takes one value, found 2"):
        typed(["CN", "SG"], SPATIAL, "odrl:eq")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("P30D", 2_592_000), ("P1W", 604_800), ("PT12H", 43_200), ("P1DT1H1M1S", 90_061)],
)
def test_a_duration(text, seconds):
    assert seconds_of(text) == seconds
    assert typed({"@value": text, "@type": "xsd:duration"}, DELAY, "odrl:eq") == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "30d", "P1.5D", "-P1D", "P1Y", "P6M"])
def test_another_text_is_no_duration(text):
    with pytest.raises(PolicyError) as caught:
        seconds_of(text)
    assert caught.value.code == "policy.datatype"
    assert ("write days" in caught.value.hint) == (text in ("P1Y", "P6M"))


def test_writing_a_duration():
    assert iso_duration(timedelta(days=30)) == "P30D"
    assert iso_duration(timedelta(hours=30)) == "PT108000S"
    assert iso_duration(timedelta(0)) == "PT0S"
    for wrong in (timedelta(seconds=-1), timedelta(milliseconds=1)):
        with pytest.raises(PolicyError):
            iso_duration(wrong)


@given(st.integers(0, 10**7))
def test_a_written_duration_is_read_back(seconds):
    assert seconds_of(iso_duration(timedelta(seconds=seconds))) == seconds


def test_names_of_known_namespaces_have_prefixes():
    assert name_of("https://w3id.org/trustspace/ns#a") == "ts:a"
    assert name_of("credit-scoring") == "credit-scoring"


_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=30)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["@value", "@type", "@id", "x"]), inner, max_size=3),
    ),
    max_leaves=5,
)


@given(_values, st.sampled_from([DATE_TIME, IN_FORCE, COUNT, PURPOSE, SPATIAL, DELAY]))
def test_any_value_is_typed_or_a_policy_error(right, operand):
    for operator in operand.operators:
        assert isinstance(typed_or_none(right, operand, operator), str | int | tuple | None)


def typed_or_none(right: object, operand: LeftOperand, operator: str) -> object:
    try:
        return typed(right, operand, operator)
    except PolicyError:
        return None


def test_an_amount_is_in_whole_units_of_its_scale():
    for written in ("5.5", 5.5, {"@value": 5.5, "@type": "xsd:double"}):
        assert typed(written, EVERY_OPERAND["odrl:payAmount"], "odrl:eq") == 55_000
    for wrong in (True, 5.5, [None]):
        with pytest.raises(PolicyError):
            typed(wrong, COUNT, "odrl:lteq")
