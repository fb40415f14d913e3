"""The decision module is the one door to the documents, and says yes in one way only."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError
from tests.policy import documents

from trustspace.policy import decision
from trustspace.policy.decision import REASONS, Decision


def test_every_public_name_is_there_once():
    assert sorted(set(decision.__all__)) == sorted(decision.__all__)
    for name in decision.__all__:
        assert getattr(decision, name) is not None


def test_reason_ids_are_stable_words():
    assert all(re.fullmatch(r"[a-z]+(\.[a-z_]+)+", name) for name in REASONS)
    assert all(REASONS.values())


@pytest.mark.parametrize(
    ("allow", "effect", "rules", "reasons", "consistent"),
    [
        (True, "allow", ["p1"], [], True),
        (True, "conditional", ["p1"], [], True),
        (False, "deny", [], ["x"], True),
        (False, "deny", [], [], True),
        (False, "deny", ["p1"], ["x"], True),
        (True, "deny", ["p1"], [], False),
        (False, "allow", [], ["x"], False),
        (True, "allow", [], [], False),
        (True, "allow", ["p1"], ["x"], False),
        (False, "deny", ["p1"], [], False),
    ],
)
def test_decision_agrees_with_itself(
    allow: bool, effect: str, rules: list[str], reasons: list[str], consistent: bool
):
    whole = documents.BASE["decision"] | {
        "allow": allow,
        "effect": effect,
        "rules": tuple(rules),
        "reasons": tuple(documents.BASE["reason"] | {"id": r} for r in reasons),
        "policy": (),
        "considered": (),
        "depends": (),
        "obligations": (),
        "filters": (),
        "masks": (),
        "limits": (),
        "deferred": (),
    }
    if consistent:
        assert Decision.model_validate(whole).allow is allow
    else:
        with pytest.raises(ValidationError, match="allows exactly when"):
            Decision.model_validate(whole)
