import pytest

from trustspace.errors import PolicyError
from trustspace.policy.decision import Fact
from trustspace.policy.given_fact import MAX_TEXT, MAX_VALUES, fact_of
from trustspace.policy.own_operand import own_operand
from trustspace.policy.vocabulary import LEFT_OPERANDS

NOW = 1_790_000_000
MEMBER = LEFT_OPERANDS["cx:Membership"]
PLACE = LEFT_OPERANDS["odrl:spatial"]
NUMBER = own_operand({"name": "acme:level", "kind": "integer"})
MOMENT = own_operand({"name": "acme:audited", "kind": "dateTime"})


def test_a_value_is_a_fact_with_itself_around_it():
    assert fact_of(MEMBER, "active", now=NOW) == Fact.ok(
        "active", within=("active",), parts=("active",)
    )
    several = fact_of(MEMBER, ["gold", "pilot", "gold"], now=NOW)
    assert several.value == ("gold", "pilot")
    assert fact_of(MEMBER, [], now=NOW).value == ()
    assert fact_of(MEMBER, ("gold",), now=NOW).value == "gold"


def test_an_absolute_term_is_compared_by_its_prefix():
    assert fact_of(MEMBER, "https://w3id.org/trustspace/ns#a", now=NOW).value == "ts:a"


def test_a_place_lies_in_the_regions_around_it():
    assert fact_of(PLACE, "CN-SH", now=NOW).within == ("CN-SH", "CN")
    given = fact_of(PLACE, {"value": "X", "within": ["X", "Y"], "parts": "Z"}, now=NOW)
    assert (given.within, given.parts) == (("X", "Y"), ("Z",))


def test_an_object_says_more():
    stated = {"value": 3, "unit": "km", "until": NOW + 9, "at": NOW - 1, "revocation": "vc-1"}
    fact = fact_of(NUMBER, stated, now=NOW)
    assert (fact.value, fact.unit, fact.expires, fact.at) == (3, "km", NOW + 9, NOW - 1)
    assert fact.depends == ("revocation:vc-1",)
    until = fact_of(NUMBER, {"value": 3, "until": "2027-01-01T00:00:00+08:00"}, now=NOW)
    assert until.expires == 1_798_732_800


def test_a_time_becomes_seconds():
    assert fact_of(MOMENT, "2027-01-01T00:00:00+08:00", now=NOW).value == 1_798_732_800


def test_nothing_is_no_fact():
    assert fact_of(MEMBER, None, now=NOW) == Fact.unavailable()
    assert fact_of(MEMBER, {"value": None}, now=NOW) == Fact.unavailable()


@pytest.mark.parametrize(
    ("stated", "longest"),
    [
        ({"value": "a", "until": NOW}, None),
        ({"value": "a", "at": NOW - 61}, 60),
        ({"value": "a", "at": "2020-01-01T00:00:00Z"}, 60),
    ],
)
def test_what_is_over_is_stale(stated, longest):
    assert fact_of(MEMBER, stated, now=NOW, longest=longest) == Fact.unavailable("stale")


def test_a_fact_stands_no_longer_than_its_source_says():
    assert fact_of(MEMBER, "a", now=NOW, longest=60).expires == NOW + 60
    assert fact_of(MEMBER, {"value": "a", "at": NOW - 20}, now=NOW, longest=60).expires == NOW + 40
    # A source whose clock runs ahead makes nothing last longer.
    assert fact_of(MEMBER, {"value": "a", "at": NOW + 99}, now=NOW, longest=60).expires == NOW + 60
    short = fact_of(MEMBER, {"value": "a", "until": NOW + 5}, now=NOW, longest=60)
    assert short.expires == NOW + 5


def test_a_fact_that_a_provider_made_is_checked():
    assert fact_of(NUMBER, Fact.ok(3), now=NOW, longest=9).expires == NOW + 9
    assert fact_of(NUMBER, Fact.unavailable("error"), now=NOW) == Fact.unavailable("error")
    for fact in (Fact.ok("3"), Fact.ok((1, "a")), Fact.ok({"a": 1}), Fact.ok(value=True)):
        with pytest.raises(PolicyError, match="acme:level"):
            fact_of(NUMBER, fact, now=NOW)
    with pytest.raises(PolicyError, match="left to later"):
        fact_of(NUMBER, Fact.unavailable("deferred"), now=NOW)


@pytest.mark.parametrize(
    "stated",
    [
        3,
        1.5,
        True,
        "",
        "x" * (MAX_TEXT + 1),
        "\ud800",
        ["a"] * (MAX_VALUES + 1),
        [["a"]],
        {},
        {"value": "a", "more": 1},
        {"value": {"deep": "er"}},
        {"value": "a", "unit": 3},
        {"value": "a", "unit": ""},
        {"value": "a", "unit": "\ud800"},
        {"value": "a", "until": "2027-01-01"},
        {"value": "a", "until": "contractAgreement+1d"},
        {"value": "a", "until": True},
        {"value": "a", "until": -1},
        {"value": "a", "at": 2**70},
        {"value": "a", "revocation": ["vc"]},
    ],
)
def test_what_is_malformed_is_refused(stated):
    with pytest.raises(PolicyError) as caught:
        fact_of(MEMBER, stated, now=NOW)
    assert caught.value.code == "fact.malformed"


@pytest.mark.parametrize("stated", ["three", 1.5, 2**60, True, {"value": "1e3"}])
def test_a_number_is_an_integer(stated):
    with pytest.raises(PolicyError, match="acme:level"):
        fact_of(NUMBER, stated, now=NOW)


@pytest.mark.parametrize("stated", ["contractAgreement+1d", "2027-01-01T00:00:00", "soon", 12])
def test_a_time_has_a_zone(stated):
    with pytest.raises(PolicyError, match="acme:audited"):
        fact_of(MOMENT, stated, now=NOW)


@pytest.mark.parametrize("text", ['a"b', "a\nb", "a\x00b", "'; drop", "中文", "</script>"])
def test_odd_text_is_text(text):
    assert fact_of(MEMBER, text, now=NOW).value == text
