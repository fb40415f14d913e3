"""What cannot be a policy, and what is not understood, is refused with its place."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.odrl.questions import Json, constraint, policy, rule

from trustspace.errors import PolicyError
from trustspace.policy.lowering import lower_document
from trustspace.policy.odrl.reader import read_policy

ONE = constraint("purpose", "eq", "urn:a")
DEEP: Json = ONE
for _ in range(5):
    DEEP = {"and": [DEEP]}

REFUSED: dict[str, tuple[Any, str, str]] = {
    "a text": ("x", "policy.malformed", ""),
    "no rule": (policy(), "policy.malformed", ""),
    "a term that only a remote context defines": (
        policy(rule(), **{"@context": "https://e.org/c", "allow": []}),
        "policy.unsupported",
        "/allow",
    ),
    "a context that is a number": (
        policy(rule()) | {"@context": 5},
        "policy.malformed",
        "/@context",
    ),
    "a member twice": (policy(rule()) | {"odrl:permission": []}, "policy.malformed", ""),
    "a member nobody knows": (policy(rule(), permissions=[]), "policy.unsupported", "/permissions"),
    "a class of ODRL that is no policy": (
        policy(rule(), **{"@type": "Asset"}),
        "policy.unsupported",
        "/@type",
    ),
    "two classes": (
        policy(rule(), **{"@type": ["Offer", "Agreement"]}),
        "policy.unsupported",
        "/@type",
    ),
    "a profile nobody knows": (policy(rule(), profile="urn:x"), "policy.unsupported", "/profile"),
    "a conflict strategy nobody knows": (
        policy(rule(), conflict="maybe"),
        "policy.unsupported",
        "/conflict",
    ),
    "an id that is a number": (policy(rule()) | {"uid": 5}, "policy.malformed", ""),
    "two rules of one id": (policy(rule(uid="urn:r"), rule(uid="urn:r")), "policy.malformed", ""),
    "an agreement without assignee": (
        policy(rule(), **{"@type": "Agreement"}),
        "policy.malformed",
        "",
    ),
    "a rule that is a text": (policy("urn:r"), "policy.malformed", "/permission/0"),
    "a rule without action": (policy({"target": "urn:d"}), "policy.malformed", "/permission/0"),
    "a rule with a member nobody knows": (
        policy(rule(purpose="x")),
        "policy.unsupported",
        "/permission/0/purpose",
    ),
    "a duty of a prohibition": (
        policy(rule(), prohibition=[rule(duty=[rule()])]),
        "policy.unsupported",
        "/prohibition/0/duty",
    ),
    "an action nobody knows": (
        policy(rule(action="usee")),
        "policy.unsupported",
        "/permission/0/action",
    ),
    "an action of two names": (
        policy(rule(action={"rdf:value": ["use", "read"]})),
        "policy.malformed",
        "/permission/0/action/rdf:value",
    ),
    "an action with a member nobody knows": (
        policy(rule(action={"@id": "use", "constraint": []})),
        "policy.unsupported",
        "/permission/0/action/constraint",
    ),
    "a duty with two actions": (
        policy(rule(duty=[rule(action=["use", "read"])])),
        "policy.malformed",
        "/permission/0/duty/0",
    ),
    "a duty with a member nobody knows": (
        policy(rule(duty=[rule(duty=[])])),
        "policy.unsupported",
        "/permission/0/duty/0/duty",
    ),
    "a consequence of a consequence": (
        policy(rule(duty=[rule(consequence=[rule(consequence=[rule()])])])),
        "policy.limit",
        "/permission/0/duty/0/consequence/0",
    ),
    "a duty that follows from itself": (
        {
            "@graph": [
                {
                    "@id": "urn:p",
                    "@type": "Set",
                    "permission": {"action": "use", "duty": {"@id": "urn:d"}},
                },
                {"@id": "urn:d", "action": "inform", "consequence": {"@id": "urn:d"}},
            ]
        },
        "policy.cycle",
        "/@graph/0/permission/duty/consequence",
    ),
    "a party without an id": (
        policy(rule(assignee={"@type": "Party"})),
        "policy.malformed",
        "/permission/0/assignee",
    ),
    "a party that is a number": (
        policy(rule(assignee=5)),
        "policy.malformed",
        "/permission/0/assignee",
    ),
    "a collection with a member nobody knows": (
        policy(rule(target={"@id": "urn:a", "duty": []})),
        "policy.unsupported",
        "/permission/0/target/duty",
    ),
    "a source without an id": (
        policy(rule(target={"source": {"@type": "x"}})),
        "policy.malformed",
        "/permission/0/target/source",
    ),
    "a constraint that is a text": (
        policy(rule("x")),
        "policy.malformed",
        "/permission/0/constraint/0",
    ),
    "a constraint without a left operand": (
        policy(rule({"operator": "eq", "rightOperand": "x"})),
        "policy.malformed",
        "/permission/0/constraint/0",
    ),
    "a constraint without a right operand": (
        policy(rule({"leftOperand": "purpose", "operator": "eq"})),
        "policy.malformed",
        "/permission/0/constraint/0",
    ),
    "a constraint with both right operands": (
        policy(rule(ONE | {"rightOperandReference": "urn:x"})),
        "policy.malformed",
        "/permission/0/constraint/0",
    ),
    "a constraint with a member nobody knows": (
        policy(rule(ONE | {"note": "x"})),
        "policy.malformed",
        "/permission/0/constraint/0/note",
    ),
    "a left operand nobody knows": (
        policy(rule(constraint("purpse", "eq", "x"))),
        "policy.unsupported",
        "/permission/0/constraint/0/leftOperand",
    ),
    "an operator nobody knows": (
        policy(rule(constraint("purpose", "is", "x"))),
        "policy.unsupported",
        "/permission/0/constraint/0/operator",
    ),
    "an empty value": (
        policy(rule(constraint("purpose", "isAnyOf", []))),
        "policy.malformed",
        "/permission/0/constraint/0/rightOperand",
    ),
    "too many values": (
        policy(rule(constraint("purpose", "isAnyOf", ["x"] * 201))),
        "policy.limit",
        "/permission/0/constraint/0/rightOperand",
    ),
    "a unit that is two": (
        policy(rule(ONE | {"unit": ["a", "b"]})),
        "policy.malformed",
        "/permission/0/constraint/0",
    ),
    "a filter that is none": (
        policy(rule(constraint("ts:rowFilter", "eq", "a ="))),
        "policy.where",
        "/permission/0/constraint/0/rightOperand",
    ),
    "a filter under an operator that means nothing": (
        policy(rule(constraint("ts:rowFilter", "lt", "a = 1"))),
        "policy.unsupported",
        "/permission/0/constraint/0",
    ),
    "a negative count": (
        policy(rule(constraint("count", "lteq", -1))),
        "policy.datatype",
        "/permission/0/constraint/0/rightOperand",
    ),
    "two connectives": (
        policy(rule({"and": [ONE], "or": [ONE]})),
        "policy.malformed",
        "/permission/0/constraint/0",
    ),
    "a connective and a comparison": (
        policy(rule({"and": [ONE], **ONE})),
        "policy.malformed",
        "/permission/0/constraint/0",
    ),
    "an empty connective": (
        policy(rule({"or": []})),
        "policy.malformed",
        "/permission/0/constraint/0/or",
    ),
    "logic too deep": (
        policy(rule(DEEP)),
        "policy.limit",
        "/permission/0/constraint/0/and/0/and/0/and/0/and/0/and",
    ),
    "too many constraints": (
        policy(rule(*[{"or": [ONE] * 900}] * 3)),
        "policy.limit",
        "/permission/0/constraint/2/or/197",
    ),
    "too many rules": (policy(*[rule()] * 65), "policy.limit", ""),
    "a graph of texts": ({"@graph": ["x"]}, "policy.malformed", "/@graph/0"),
    "a graph without a policy": ({"@graph": [{"@id": "urn:x"}]}, "policy.malformed", "/@graph"),
    "logic in the refinement of a duty": (
        policy(rule(duty=[{"action": [{"rdf:value": "compensate", "refinement": {"or": [ONE]}}]}])),
        "policy.unsupported",
        "/permission/0/duty/0/action/0/refinement",
    ),
}


@pytest.mark.parametrize(("document", "code", "pointer"), REFUSED.values(), ids=REFUSED)
def test_refuses_with_the_place(document: Any, code: str, pointer: str):
    with pytest.raises(PolicyError) as caught:
        lower_document(read_policy(document))
    assert (caught.value.code, caught.value.location) == (code, pointer)


def test_a_near_miss_is_suggested():
    with pytest.raises(PolicyError) as caught:
        read_policy(policy(rule(constraint("purpse", "eq", "x"))))
    assert "'purpose'" in caught.value.hint


def test_what_only_describes_may_stand_anywhere():
    described = {"dc:title": "x", "rdfs:label": "y", "@type": "Permission"}
    document = policy(rule(ONE | described) | described, **{"dct:creator": "z"})
    (only,) = read_policy(document).rules
    assert only.uid == "/permission/0"


@pytest.mark.parametrize("kind", ["Set", "Offer", "Agreement", "Policy", "odrl:Privacy"])
def test_classes_are_read(kind: str):
    document = read_policy(policy(rule(assignee="urn:a"), type=kind))
    assert document.kind == {"Offer": "offer", "Agreement": "agreement"}.get(kind, "set")


def test_functions_of_a_duty_are_for_whoever_carries_it_out():
    duty = {
        "action": "inform",
        "informedParty": "urn:x",
        "assignee": {"@id": "urn:y"},
        "trackedParty": {"@type": "Party"},
    }
    lowered = lower_document(read_policy(policy(rule(duty=[duty]))))
    (found,) = lowered.policies[0].permissions[0].duties
    assert found.params == {"odrl:informedParty": "urn:x", "odrl:assignee": "urn:y"}


def test_actions_under_different_refinements_become_rules_of_their_own():
    refined = {"rdf:value": {"@id": "print"}, "refinement": [constraint("resolution", "lteq", 600)]}
    lowered = lower_document(read_policy(policy(rule(action=["read", "play", refined]))))
    first, second = lowered.policies[0].permissions
    assert {"odrl:read", "odrl:play", "odrl:display"} <= set(first.actions)
    assert second.actions == ("odrl:print",)
    assert second.refine == ("c1",)
    assert lowered.rules[first.id] is lowered.rules[second.id]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "@id",
                    "uid",
                    "action",
                    "permission",
                    "constraint",
                    "and",
                    "leftOperand",
                    "operator",
                    "rightOperand",
                    "duty",
                    "target",
                    "source",
                    "refinement",
                    "@graph",
                    "@context",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(document=JSON)
@settings(max_examples=300)
def test_any_json_is_read_or_refused(document: Any):
    code = "policy."
    try:
        lower_document(read_policy(document))
    except PolicyError as error:
        code = error.code
    assert code.startswith("policy.")
