"""Terms: keywords become exactly the agreed wire form, and files hold the same."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.model.odrl import Offer
from trustspace.policy.lower import lower
from trustspace.policy.mask import METHODS
from trustspace.policy.terms import Terms, read_terms, terms

TS = "https://w3id.org/trustspace/ns#"


def constraint(**keywords: Any) -> Any:
    return terms(**keywords)["permission"][0]["constraint"][0]


def test_frequencies_are_written_in_their_one_spelling():
    written = terms(frequency=["10000/PT24H", "100/PT60M+08:00"])["permission"][0]["constraint"]
    assert [each["rightOperand"] for each in written] == ["10000/P1D", "100/PT1H+08:00"]
    assert {(each["leftOperand"], each["operator"]) for each in written} == {
        (TS + "frequency", "lteq")
    }
    with pytest.raises(PolicyError) as caught:
        terms(frequency="100 a day")
    assert (caught.value.code, caught.value.location) == ("policy.datatype", "/frequency")


def test_amounts_are_written_in_their_one_spelling():
    written = terms(
        rows=[1000, "50/PT24H"], size="1 GB/P7D", metered=timedelta(hours=8), elapsed="P30D"
    )["permission"][0]["constraint"]
    assert [(each["leftOperand"], each["rightOperand"]) for each in written] == [
        (TS + "dataRecord", {"@value": "1000", "@type": "xsd:integer"}),
        (TS + "dataRecord", "50/P1D"),
        (TS + "dataSize", "1GB/P7D"),
        ("meteredTime", {"@value": "PT8H", "@type": "xsd:duration"}),
        ("elapsedTime", {"@value": "P30D", "@type": "xsd:duration"}),
    ]
    assert {each["operator"] for each in written} == {"lteq"}
    assert constraint(size=10**6)["rightOperand"] == {"@value": "1MB", "@type": "xsd:string"}
    assert constraint(elapsed=timedelta(hours=1))["rightOperand"]["@value"] == "PT3600S"


@pytest.mark.parametrize(
    "keywords",
    [
        {"rows": 0},
        {"rows": True},
        {"rows": [True]},
        {"rows": []},
        {"rows": 1.5},
        {"rows": "1MB"},
        {"size": "1 parsec"},
        {"metered": 3600},
        {"metered": "P1M"},
        {"elapsed": 30},
        {"elapsed": "1 month"},
    ],
)
def test_what_is_no_amount_is_refused_at_its_keyword(keywords):
    with pytest.raises(PolicyError) as caught:
        terms(**keywords)
    assert caught.value.code == "policy.datatype"
    assert caught.value.location == f"/{next(iter(keywords))}"


def test_the_wire_form_of_all_keywords():
    rules = terms(
        purpose="credit-scoring",
        until="2027-01-01",
        count=100,
        spatial="CN",
        recipient=["did:web:c"],
        where="grade='A'",
        columns=["grade", "phone", "price"],
        drop=["id"],
        mask=["phone"],
        prohibit=["distribute", "ts:train"],
        delete_after=timedelta(days=30),
        log=True,
    )
    assert rules == {
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {
                        "leftOperand": "purpose",
                        "operator": "isAnyOf",
                        "rightOperand": ["credit-scoring"],
                    },
                    {
                        "leftOperand": "dateTime",
                        "operator": "lt",
                        "rightOperand": {
                            "@value": "2027-01-01T00:00:00Z",
                            "@type": "xsd:dateTime",
                        },
                    },
                    {
                        "leftOperand": "count",
                        "operator": "lteq",
                        "rightOperand": {"@value": "100", "@type": "xsd:integer"},
                    },
                    {"leftOperand": "spatial", "operator": "isPartOf", "rightOperand": "CN"},
                    {
                        "leftOperand": "recipient",
                        "operator": "isAnyOf",
                        "rightOperand": ["did:web:c"],
                    },
                    {
                        "leftOperand": TS + "rowFilter",
                        "operator": "eq",
                        "rightOperand": 'grade = "A"',
                    },
                    {
                        "leftOperand": TS + "columns",
                        "operator": "isAnyOf",
                        "rightOperand": ["grade", "phone", "price"],
                    },
                    {
                        "leftOperand": TS + "columns",
                        "operator": "isNoneOf",
                        "rightOperand": ["id"],
                    },
                    {
                        "leftOperand": TS + "mask",
                        "operator": "isAllOf",
                        "rightOperand": ["phone:hash"],
                    },
                ],
            }
        ],
        "prohibition": [{"action": "distribute"}, {"action": TS + "train"}],
        "obligation": [
            {
                "action": "delete",
                "constraint": [
                    {
                        "leftOperand": "delayPeriod",
                        "operator": "eq",
                        "rightOperand": {"@value": "P30D", "@type": "xsd:duration"},
                    }
                ],
            },
            {"action": TS + "log"},
        ],
    }


def test_without_keywords_use_is_permitted():
    assert terms() == {"permission": [{"action": "use"}]}
    nothing: Any = dict.fromkeys(Terms.__annotations__)
    assert terms(**nothing) == terms()
    assert terms(drop=[], mask=[], prohibit=[], log=False) == terms()


@pytest.mark.parametrize(
    ("until", "value"),
    [
        ("2027-01-01", "2027-01-01T00:00:00Z"),
        (date(2027, 1, 1), "2027-01-01T00:00:00Z"),
        ("2027-01-01T00:00:00+08:00", "2026-12-31T16:00:00Z"),
        (datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=8))), "2026-12-31T16:00:00Z"),
        (datetime(2027, 1, 1, 0, 0, 0, 1, tzinfo=UTC), "2027-01-01T00:00:01Z"),
        ("1999-01-01", "1999-01-01T00:00:00Z"),
    ],
)
def test_until_is_a_moment_in_utc_and_may_have_passed(until, value):
    assert constraint(until=until)["rightOperand"]["@value"] == value


@pytest.mark.parametrize(
    ("until", "code"),
    [
        ("2027-01-01T00:00:00", "policy.datetime.no_zone"),
        (datetime(2027, 1, 1), "policy.datetime.no_zone"),  # noqa: DTZ001 - what is refused
        ("2027-13-01", "policy.datatype"),
        ("soon", "policy.datatype"),
        ("contractAgreement+30d", "policy.datatype"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=8))), "policy.datatype"),
        (1798732800, "policy.datatype"),
    ],
)
def test_another_until_is_refused(until, code):
    with pytest.raises(PolicyError) as caught:
        terms(until=until)
    assert (caught.value.code, caught.value.location) == (code, "/until")


def test_one_text_is_a_list_of_one():
    assert constraint(purpose="a") == constraint(purpose=["a"]) == constraint(purpose=("a", "a"))
    assert constraint(mask="phone") == constraint(mask={"phone": "hash"})
    assert constraint(spatial=["CN", "SG"])["rightOperand"] == ["CN", "SG"]
    unordered: Any = {"b", "a"}
    assert constraint(purpose=unordered)["rightOperand"] == ["a", "b"]


@pytest.mark.parametrize("delete_after", ["P7D", "PT36H"])
def test_a_duration_may_be_written_in_iso_8601(delete_after):
    obligation = terms(delete_after=delete_after)["obligation"][0]
    assert obligation["constraint"][0]["rightOperand"]["@value"] == delete_after


@pytest.mark.parametrize(
    ("keywords", "code", "hint"),
    [
        ({"purpos": "a"}, "policy.keyword", "did you mean 'purpose'?"),
        ({"masks": ["a"]}, "policy.keyword", "did you mean 'mask'?"),
        ({"xyz": 1}, "policy.keyword", "keywords are: action, purpose"),
        ({"count": 0}, "policy.datatype", ""),
        ({"count": True}, "policy.datatype", ""),
        ({"count": "3"}, "policy.datatype", ""),
        ({"purpose": []}, "policy.datatype", ""),
        ({"purpose": 1}, "policy.datatype", ""),
        ({"purpose": [1]}, "policy.datatype", ""),
        ({"purpose": " "}, "policy.datatype", ""),
        ({"spatial": []}, "policy.datatype", ""),
        ({"log": "yes"}, "policy.datatype", ""),
        ({"where": "grade ="}, "policy.where", ""),
        ({"mask": "phone:hsh"}, "policy.mask", "'hash'"),
        ({"delete_after": "30 days"}, "policy.datatype", ""),
        ({"delete_after": timedelta(days=-1)}, "policy.datatype", ""),
        ({"action": "distribut"}, "policy.unsupported", "'distribute'"),
        ({"prohibit": ["sel"]}, "policy.unsupported", "'sell'"),
        ({"purpose": "x" * 300_000}, "policy.limit", ""),
    ],
)
def test_a_wrong_keyword_or_value_is_refused(keywords, code, hint):
    with pytest.raises(PolicyError) as caught:
        terms(**keywords)
    assert caught.value.code == code
    assert hint in caught.value.hint


def test_terms_from_a_file_with_keywords():
    assert read_terms({"purpose": "a", "count": 3}) == terms(purpose="a", count=3)
    assert read_terms({}) == terms()
    with pytest.raises(PolicyError, match="terms is a JSON object"):
        read_terms([])  # type: ignore[arg-type]
    with pytest.raises(PolicyError) as caught:
        read_terms({"coutn": 3})
    assert caught.value.hint == "did you mean 'count'?"


def test_terms_from_a_file_with_a_policy():
    policy = {
        "@context": "https://w3id.org/dspace/2025/1/context.jsonld",
        "@id": "urn:mine",
        "@type": "odrl:Set",
        "odrl:permission": {
            "odrl:action": {"@id": "odrl:use"},
            "odrl:constraint": {
                "or": [
                    {"leftOperand": "odrl:count", "operator": "odrl:lteq", "rightOperand": 3},
                    {"leftOperand": "ts:destination", "operator": "eq", "rightOperand": "CN"},
                ]
            },
        },
        "prohibition": [{"action": "ts:train"}],
    }
    with pytest.raises(UnsupportedTermError):
        read_terms(policy)
    policy["odrl:permission"]["odrl:constraint"]["or"][0]["leftOperand"] = "odrl:purpose"  # type: ignore[index]
    policy["odrl:permission"]["odrl:constraint"]["or"][0].update(  # type: ignore[index]
        operator="odrl:isAnyOf", rightOperand="a"
    )
    assert read_terms(policy) == {
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {
                        "or": [
                            {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": "a"},
                            {
                                "leftOperand": TS + "destination",
                                "operator": "eq",
                                "rightOperand": "CN",
                            },
                        ]
                    }
                ],
            }
        ],
        "prohibition": [{"action": TS + "train"}],
    }


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"permission": [{"action": "use"}], "target": "urn:d"}, "policy.malformed"),
        ({"permission": [{"action": "use"}], "assignee": "did:web:c"}, "policy.malformed"),
        ({"permission": [{}]}, "policy.malformed"),
        ({"permission": ["use"]}, "policy.malformed"),
        ({"permission": [{"action": 5}]}, "policy.malformed"),
        ({"@type": "Offer"}, "policy.empty"),
        ({"@context": {"action": "urn:x"}, "permission": []}, "policy.malformed"),
        ({"permission": [{"action": "use"}], "count": 3}, "policy.unsupported"),
        ({"permission": [{"action": "us"}]}, "policy.unsupported"),
        ({"permission": [{"action": "use"}], "inheritFrom": "urn:x"}, "policy.inheritance"),
    ],
)
def test_another_document_is_refused(document, code):
    with pytest.raises(PolicyError) as caught:
        read_terms(document)
    assert caught.value.code == code


_MASKS: list[str] = [*(each for each in METHODS if each not in ("constant", "date_floor", "round"))]
_MASKS += ["constant(value=0)", "date_floor(unit=month)", "round(step=0.5)"]
_names = st.text("abcxyz_价格 -'\"`:", min_size=1, max_size=8).filter(str.strip)
_keywords = st.fixed_dictionaries(
    {},
    optional={
        "purpose": st.one_of(_names, st.lists(_names, min_size=1, max_size=3)),
        "until": st.one_of(st.dates(), st.datetimes(timezones=st.just(UTC))),
        "count": st.integers(1, 10**9),
        "drop": st.lists(_names, max_size=3),
        "columns": st.lists(_names, min_size=1, max_size=3),
        "mask": st.dictionaries(_names, st.sampled_from(_MASKS), max_size=3),
        "spatial": st.sampled_from(["CN", "CN-SH", "310115"]),
        "recipient": _names,
        "delete_after": st.integers(0, 10**6).map(lambda s: timedelta(seconds=s)),
        "log": st.booleans(),
        "prohibit": st.lists(st.sampled_from(["distribute", "sell", "ts:train"]), max_size=2),
    },
)


@given(_keywords)
def test_what_is_written_is_an_offer_that_can_be_evaluated_and_read_again(keywords):
    rules = terms(**keywords)
    offer = Offer.read({"@id": "urn:uuid:o1", **rules})
    assert offer.to_wire() == {"@id": "urn:uuid:o1", "@type": "Offer", **rules}
    assert lower(offer, kind="offer", target="urn:d").permissions[0].target == "urn:d"
    assert read_terms(rules) == rules


_any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["permission", "action", "constraint", "and", "leftOperand", "purpose"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["permission", "@type", "count", "x"]), _any, max_size=3))
def test_any_document_is_terms_or_a_policy_error(document):
    rules = read_or_none(document)
    assert rules is None or read_terms(rules) == rules


def read_or_none(document: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return read_terms(document)
    except PolicyError:
        return None


@pytest.mark.parametrize("written", [5, {"@value": 5}, {"@value": "5", "@type": "xsd:integer"}])
def test_numbers_are_text_with_a_datatype(written):
    constraint = {"leftOperand": "count", "operator": "lteq", "rightOperand": written}
    found = read_terms({"permission": [{"action": "use", "constraint": [constraint]}]})
    assert found == terms(count=5)


@pytest.mark.parametrize("written", [[5, "a"], {"@value": None, "@type": "xsd:string"}])
def test_what_is_no_text_and_no_number_is_refused(written):
    constraint = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": written}
    with pytest.raises(PolicyError):
        read_terms({"permission": [{"action": "use", "constraint": [constraint]}]})
