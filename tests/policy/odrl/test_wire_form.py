"""Policies in any spelling of JSON-LD become rules as connectors exchange them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.model.odrl import ACTION_REFINEMENT, ASSETS, PARTIES, PROFILE
from trustspace.policy.odrl.wire_form import wire_rules
from trustspace.policy.terms import inherited, read_terms

PURPOSE = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "a"}
PLACE = {"leftOperand": "spatial", "operator": "isPartOf", "rightOperand": "CN"}


def policy(**members: Any) -> dict[str, Any]:
    return {
        "@context": "http://www.w3.org/ns/odrl.jsonld",
        "@type": "Set",
        "uid": "urn:p",
    } | members


def test_refinements_of_actions_stand_beside_the_action():
    refined = {"rdf:value": {"@id": "odrl:read"}, "refinement": [PLACE]}
    for action in (refined, [refined], refined | {"rdf:value": "read"}):
        found = wire_rules(policy(permission=[{"action": action, "constraint": [PURPOSE]}]))
        assert found["permission"] == [
            {"action": "read", ACTION_REFINEMENT: [PLACE], "constraint": [PURPOSE]}
        ]


def test_several_actions_and_parties_are_rules_of_their_own():
    rule = {
        "uid": "urn:r",
        "action": ["read", {"@id": "odrl:print"}],
        "assignee": ["did:web:a", {"@type": "PartyCollection", "source": "urn:g", "uid": "urn:x"}],
    }
    found = wire_rules(policy(permission=rule))["permission"]
    assert [each["action"] for each in found] == ["read", "read", "print", "print"]
    assert [each[PARTIES] for each in found[:2]] == [
        {"odrl:source": "did:web:a"},
        {"odrl:source": "urn:g"},
    ]
    assert "@id" not in found[0]


def test_collections_are_described_by_their_refinements():
    scope = {"@type": "AssetCollection", "refinement": PLACE}
    (found,) = wire_rules(policy(target=scope, permission=[{"action": "use"}]))["permission"]
    assert found == {"action": "use", ASSETS: {"odrl:refinement": [PLACE]}}
    assert read_terms(policy(permission=[{"action": "use", "target": scope}]))["profile"] == [
        PROFILE
    ]


def test_duties_keep_who_is_paid_and_what_follows():
    duty = {
        "uid": "urn:d",
        "action": {"rdf:value": "compensate", "refinement": {"@list": [PURPOSE]}},
        "compensatedParty": {"@type": "Party", "uid": "did:web:p"},
        "constraint": PLACE,
        "consequence": {"action": "inform"},
    }
    found = wire_rules(
        policy(
            permission=[{"action": "use", "duty": duty}],
            prohibition={"action": "sell", "remedy": {"action": "delete"}},
            obligation={"action": "inform", "informedParty": "did:web:p"},
        )
    )
    assert found["permission"][0]["duty"] == [
        {
            "@id": "urn:d",
            "action": "compensate",
            ACTION_REFINEMENT: [PURPOSE],
            "constraint": [PLACE],
            "odrl:compensatedParty": "did:web:p",
            "odrl:consequence": [{"action": "inform"}],
        }
    ]
    assert found["prohibition"] == [{"action": "sell", "odrl:remedy": [{"action": "delete"}]}]
    assert found["obligation"] == [{"action": "inform", "odrl:informedParty": "did:web:p"}]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("a", "a"),
        (["a", "b"], ["a", "b"]),
        ({"@list": ["a", "b"]}, ["a", "b"]),
        ({"@set": ["a"]}, "a"),
        ("ex:a", "http://e.org/a"),
        ({"@id": "ex:a"}, "http://e.org/a"),
        ({"@id": "odrl:x"}, "odrl:x"),
        ("ts:train", "ts:train"),
        (True, {"@value": "true", "@type": "xsd:boolean"}),
        ({"@value": "a", "@type": "xsd:string"}, {"@value": "a", "@type": "xsd:string"}),
        ({"@value": "a"}, "a"),
    ],
)
def test_values_keep_their_types_and_lose_the_prefixes_of_the_document(written, found):
    context = ["http://www.w3.org/ns/odrl.jsonld", {"ex": "http://e.org/"}]
    constraint = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": written}
    rule = {"action": "use", "constraint": constraint}
    (only,) = wire_rules(policy(permission=rule) | {"@context": context})["permission"]
    assert only["constraint"][0]["rightOperand"] == found


def test_numbers_and_units_are_written_out():
    constraint = {
        "leftOperand": "payAmount",
        "operator": "eq",
        "rightOperand": 5.5,
        "unit": {"@id": "urn:cny"},
    }
    (only,) = wire_rules(policy(permission={"action": "use", "constraint": constraint}))[
        "permission"
    ]
    assert only["constraint"] == [
        {
            "leftOperand": "payAmount",
            "operator": "eq",
            "rightOperand": {"@value": "5.5", "@type": "xsd:decimal"},
            "odrl:unit": "urn:cny",
        }
    ]
    typed = constraint | {"rightOperand": "5", "dataType": "xsd:integer"}
    (only,) = wire_rules(policy(permission={"action": "use", "constraint": typed}))["permission"]
    assert only["constraint"][0]["rightOperand"] == {"@value": "5", "@type": "xsd:integer"}


def test_logic_and_conflicts_are_kept():
    logic = {"or": {"@list": [PURPOSE, {"and": [PLACE, PURPOSE]}]}}
    rule = {"action": "use", "constraint": logic}
    found = wire_rules(policy(permission=rule, conflict={"@type": "invalid"}))
    assert found["conflict"] == "invalid"
    assert found["permission"][0]["constraint"] == [{"or": [PURPOSE, {"and": [PLACE, PURPOSE]}]}]


@pytest.mark.parametrize(
    ("members", "location"),
    [
        ({"permission": [{"action": "use", "target": "urn:d"}]}, "/permission/0/target"),
        ({"permission": [{"action": "use"}], "target": "urn:d"}, "/target"),
        ({"permission": [{"action": "use"}], "assigner": "did:web:p"}, "/assigner"),
        ({"permission": [{"action": "use"}], "assignee": "did:web:c"}, "/assignee"),
    ],
)
def test_terms_name_no_dataset(members, location):
    with pytest.raises(PolicyError) as caught:
        wire_rules(policy(**members))
    assert (caught.value.code, caught.value.location) == ("policy.malformed", location)


def test_what_has_to_be_fetched_is_refused():
    constraint = {"leftOperand": "purpose", "operator": "eq", "rightOperandReference": "urn:x"}
    with pytest.raises(UnsupportedTermError) as caught:
        wire_rules(policy(permission=[{"action": "use", "constraint": [constraint]}]))
    assert caught.value.location == "/permission/0/constraint/0/rightOperandReference"


def test_unknown_members_are_refused_at_their_place_in_the_file():
    refined = {"rdf:value": "read", "refinement": [PLACE | {"operator": "isPartof"}]}
    with pytest.raises(UnsupportedTermError) as caught:
        read_terms(policy(permission=[{"action": refined}]))
    assert caught.value.location == "/permission/0/action/refinement/0/operator"
    assert caught.value.hint == "did you mean 'isPartOf'?"


# --- inheritance ---------------------------------------------------------------------------------

USE = {"permission": [{"action": "use"}]}
NO_SALE = {"prohibition": [{"action": "sell"}]}


def test_what_is_inherited_is_written_into_the_terms():
    heir = policy(inheritFrom=["urn:a", {"@id": "urn:b"}], **USE)
    assert inherited(heir) == ("urn:a", "urn:b")
    others = {"urn:a": {"@type": "Set", **NO_SALE}, "urn:b": {"@type": "Set", **USE}}
    assert read_terms(heir, others) == USE | NO_SALE
    assert inherited({"count": 3}) == inherited([]) == ()  # type: ignore[arg-type]


def chain(length: int) -> dict[str, dict[str, Any]]:
    return {
        f"urn:{n}": {"@type": "Set", "inheritFrom": f"urn:{n + 1}", **NO_SALE}
        for n in range(1, length)
    } | {f"urn:{length}": {"@type": "Set", **NO_SALE}}


def test_four_generations_are_inherited():
    assert read_terms(policy(inheritFrom="urn:1", **USE), chain(4)) == USE | NO_SALE


@pytest.mark.parametrize(
    "others",
    [
        {},
        chain(5),
        {"urn:1": {"@type": "Set", "inheritFrom": "urn:1", **USE}},
        {"urn:1": {"@type": "Set", "inheritFrom": "urn:2", **USE}} | {"urn:2": chain(2)["urn:1"]},
        {"urn:1": {"@type": "Set", "inheritFrom": "urn:p", **USE}},
        {"urn:1": {"@type": "Set", "conflict": "invalid", **USE}},
    ],
)
def test_what_cannot_be_inherited_is_refused(others):
    with pytest.raises(PolicyError) as caught:
        read_terms(policy(inheritFrom="urn:1", conflict="prohibit", **USE), others)
    assert (caught.value.code, caught.value.location) == ("policy.inheritance", "/inheritFrom")


# --- properties ----------------------------------------------------------------------------------

_constraints = st.recursive(
    st.sampled_from([PURPOSE, PLACE, {"leftOperand": "payAmount", "operator": "gteq"}]).map(
        lambda each: each if "rightOperand" in each else {**each, "rightOperand": 5, "unit": "CNY"}
    ),
    lambda inner: st.builds(
        lambda name, parts: {name: parts},
        st.sampled_from(["and", "or", "xone"]),
        st.lists(inner, min_size=1, max_size=2),
    ),
    max_leaves=4,
)
_actions = st.one_of(
    st.sampled_from(["use", "odrl:read", "ts:train"]),
    st.builds(
        lambda name, refine: {"rdf:value": {"@id": name}, "refinement": refine},
        st.sampled_from(["odrl:use", "odrl:print"]),
        st.lists(_constraints, min_size=1, max_size=2),
    ),
)
_duties = st.builds(
    lambda action, constraints, following: {
        "action": action,
        "constraint": constraints,
        **({"consequence": following} if following else {}),
    },
    st.sampled_from(["compensate", "ts:report", "obtainConsent"]),
    st.lists(_constraints, max_size=2),
    st.lists(st.just({"action": "inform"}), max_size=1),
)
_permissions = st.fixed_dictionaries(
    {"action": _actions},
    optional={
        "constraint": st.lists(_constraints, min_size=1, max_size=2),
        "duty": st.lists(_duties, min_size=1, max_size=2),
        "assignee": st.just({"@type": "PartyCollection", "refinement": [PLACE]}),
    },
)
_policies = st.fixed_dictionaries(
    {"permission": st.lists(_permissions, min_size=1, max_size=3)},
    optional={
        "prohibition": st.lists(
            st.fixed_dictionaries({"action": _actions}, optional={"remedy": _duties}), max_size=2
        ),
        "obligation": st.lists(_duties, max_size=2),
    },
)


@given(_policies)
def test_terms_are_read_again_as_they_were_written(members):
    rules = read_terms(policy(**members))
    assert read_terms(rules) == rules
    again = wire_rules(rules)
    profile = {"profile": rules["profile"]} if "profile" in rules else {}
    assert again | profile == rules
