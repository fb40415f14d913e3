"""Lowering: what is not understood, or too large, is refused at its place."""

from typing import Any

import pytest
from tests.policy.offers import COUNT, PURPOSE, UNTIL, lowered, offer, shape

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.model.odrl import ACTION_REFINEMENT, ASSETS, Offer
from trustspace.policy.constraint import pointer_part
from trustspace.policy.lower import lower

DELAY = {"leftOperand": "delayPeriod", "operator": "eq", "rightOperand": "P1D"}


def test_a_value_without_canonical_form_is_refused():
    with pytest.raises(PolicyError) as caught:
        lower(offer(UNTIL | {"x": 2**60}), kind="offer")
    assert caught.value.code == "policy.datatype"
    with pytest.raises(PolicyError):
        lower(offer(UNTIL | {"x": 2**60}), kind="offer", known_digest="sha256:without")


@pytest.mark.parametrize(("operator", "right"), [("lteq", "0"), ("lt", "1"), ("lteq", "-1")])
def test_a_count_allows_something(operator, right):
    with pytest.raises(PolicyError) as caught:
        lowered(COUNT | {"operator": operator, "rightOperand": right})
    assert caught.value.code == "policy.datatype"
    assert caught.value.location == "/permission/0/constraint/0/rightOperand"


@pytest.mark.parametrize(
    ("constraint", "code"),
    [
        (shape("rowFilter", "eq", "grade ="), "policy.where"),
        (shape("mask", "isAllOf", ["phone:hsh"]), "policy.mask"),
        (shape("columns", "isNoneOf", [" "]), "policy.datatype"),
        (shape("columns", "isNoneOf", ["x" * 5_000]), "policy.datatype"),
        (UNTIL | {"rightOperand": "2027-01-01T00:00:00"}, "policy.datetime.no_zone"),
        (COUNT | {"rightOperand": "many"}, "policy.datatype"),
        (shape("frequency", "lteq", "100"), "policy.datatype"),
        (shape("frequency", "lteq", "100/P1M"), "policy.datatype"),
    ],
)
def test_a_wrong_value_is_refused_at_its_place(constraint, code):
    with pytest.raises(PolicyError) as caught:
        lowered(UNTIL, constraint)
    assert caught.value.code == code
    assert caught.value.location == "/permission/0/constraint/1/rightOperand"


@pytest.mark.parametrize(
    "constraint",
    [COUNT, shape("frequency", "lteq", "1/P1D"), shape("mask", "isAllOf", ["a"])],
)
def test_a_prohibition_does_not_shape_or_count(constraint):
    with pytest.raises(UnsupportedTermError) as caught:
        lowered(prohibition=[{"action": "sell", "constraint": [constraint]}])
    assert caught.value.location == "/prohibition/0/constraint/0"
    assert "permission" in caught.value.hint


@pytest.mark.parametrize(
    "constraint",
    [COUNT, shape("frequency", "lteq", "1/P1D"), shape("mask", "isAllOf", ["a"])],
)
def test_counts_and_masks_are_no_alternatives(constraint):
    with pytest.raises(UnsupportedTermError) as caught:
        lowered({"or": [UNTIL, {"and": [constraint]}]})
    assert caught.value.location == "/permission/0/constraint/0/or/1/and/0"
    assert lowered({"and": [constraint]}).permissions[0].id == "p1"


@pytest.mark.parametrize(
    ("duty", "location"),
    [
        ({"action": "compensat"}, "/obligation/0/action"),
        ({"action": "delete", "constraint": [COUNT]}, "/obligation/0/constraint/0"),
        (
            {"action": "delete", "constraint": [DELAY | {"operator": "gt"}]},
            "/obligation/0/constraint/0/operator",
        ),
        ({"action": "delete", "consequence": []}, "/obligation/0/consequence"),
        ({"action": "delete", "duty": [{"action": "ts:log"}]}, "/obligation/0/duty"),
        ({"action": "delete", "odrl:remedy": [{"action": "ts:log"}]}, "/obligation/0/odrl:remedy"),
        (
            {"action": "delete", ASSETS: {"odrl:source": "urn:c"}},
            f"/obligation/0/{pointer_part(ASSETS)}",
        ),
        ({"action": "delete", "informedParty": {"@id": "x"}}, "/obligation/0/informedParty"),
        (
            {"action": "delete", ACTION_REFINEMENT: [COUNT]},
            f"/obligation/0/{pointer_part(ACTION_REFINEMENT)}/0",
        ),
    ],
)
def test_an_obligation_that_cannot_be_carried_out_is_refused(duty, location):
    with pytest.raises(UnsupportedTermError) as caught:
        lowered(obligation=[duty])
    assert caught.value.code == "policy.unsupported"
    assert caught.value.location == location


@pytest.mark.parametrize(
    ("members", "location", "hint"),
    [
        ({"permission": [{"action": "use", "target": "urn:x"}]}, "/permission/0/target", "DSP"),
        (
            {"permission": [{"action": "use", "refinement": []}]},
            "/permission/0/refinement",
            "actionRefinement",
        ),
        (
            {"permission": [{"action": "use", "odrl:remedy": [{"action": "delete"}]}]},
            "/permission/0/odrl:remedy",
            "prohibition",
        ),
        (
            {"permission": [{"action": "use", "https://x.example/a~b": 1}]},
            "/permission/0/https:~1~1x.example~1a~0b",
            "leave it out",
        ),
        (
            {"prohibition": [{"action": "use", "duty": [{"action": "delete"}]}]},
            "/prohibition/0/duty",
            "obligation of the policy",
        ),
        ({"permission": [{"action": "us"}]}, "/permission/0/action", "'use'"),
        (
            {"permission": [{"action": "use", "constraint": [UNTIL | {"unit": "x"}]}]},
            "/permission/0/constraint/0/unit",
            "odrl:unit",
        ),
        (
            {"permission": [{"action": "use", "constraint": [{"or": [UNTIL], "x": 1}]}]},
            "/permission/0/constraint/0/x",
            "leave it out",
        ),
        (
            {"permission": [{"action": "use", "constraint": [UNTIL | {"leftOperand": "partner"}]}]},
            "/permission/0/constraint/0/leftOperand",
            "supported are",
        ),
        (
            {"permission": [{"action": "use", "constraint": [UNTIL | {"operator": "term-lteq"}]}]},
            "/permission/0/constraint/0/operator",
            "lteq",
        ),
        ({"inheritFrom": "urn:y"}, "/inheritFrom", "inherited rules"),
        (
            {"permission": [{"action": "use", "constraints": [UNTIL]}]},
            "/permission/0/constraints",
            "leave it out",
        ),
        (
            {"permission": [{"action": "use", "constraints": {}}]},
            "/permission/0/constraints",
            "leave it out",
        ),
        ({"profile": "https://example.com/profile"}, "/profile", "leave the profile out"),
        ({"profile": ["https://example.com/profile"]}, "/profile", "leave the profile out"),
        ({"conflict": "perm"}, "/conflict", "leave conflict out"),
    ],
)
def test_what_is_not_understood_is_refused_with_pointer_and_hint(members, location, hint):
    with pytest.raises(UnsupportedTermError) as caught:
        lowered(**members)
    assert caught.value.code == "policy.unsupported"
    assert caught.value.location == location
    assert hint in caught.value.hint


def nested(depth: int) -> dict[str, Any]:
    return {"or": [nested(depth - 1)]} if depth else UNTIL


def test_limits():
    assert lowered(nested(4)).permissions[0].id == "p1"
    too_large: list[tuple[Offer, str]] = [
        (offer(nested(5)), "/permission/0/constraint/0/or/0/or/0/or/0/or/0"),
        (offer({"or": [UNTIL] * 201}), "/permission/0/constraint/0"),
        (offer(*[UNTIL] * 2_001), ""),
        (offer({"or": [{"or": [UNTIL] * 150}] * 14}), ""),
        (offer(prohibition=[{"action": "sell"}] * 64), ""),
        (offer(PURPOSE | {"rightOperand": ["x" * 256_000]}), ""),
        (offer(PURPOSE | {"rightOperand": "x" * 70_000}), ""),
    ]
    for policy, location in too_large:
        with pytest.raises(PolicyError) as caught:
            lower(policy, kind="offer")
        assert caught.value.code == "policy.limit"
        assert caught.value.location == location
    assert len(lowered(*[UNTIL] * 2_000).permissions[0].leaves) == 2_000
