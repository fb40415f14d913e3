from __future__ import annotations

import pytest

from trustspace.client.refusal import reason_objects, refusal

REASON = {
    "id": "odrl.constraint.unsatisfied",
    "src": "/permission/0/constraint/0",
    "left": "odrl:purpose",
    "op": "odrl:isAnyOf",
    "expected": ["research"],
}


def test_rules_become_words_and_advice():
    denied = refusal("garden refused", (REASON,), code="odrl.constraint.unsatisfied", hint="ask")
    assert str(denied).startswith("garden refused: the purpose must be one of research")
    assert denied.hint == "ask for purpose research"
    assert denied.reasons == (REASON,)
    assert denied.code == "odrl.constraint.unsatisfied"


def test_texts_stand_as_they_are_behind_the_rules():
    denied = refusal("garden refused", ({"id": "owner", "text": "not today"}, REASON), code="c")
    assert str(denied).endswith("[/permission/0/constraint/0]; not today")


def test_without_advice_the_hint_stays():
    denied = refusal("garden refused", ({"id": "owner", "text": "no"},), code="c", hint="ask")
    assert (str(denied), denied.hint) == ("garden refused: no", "ask")
    assert str(refusal("garden refused", (), code="c")) == "garden refused"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ()),
        (7, ()),
        ([], ()),
        ("no", ({"id": "counterparty", "text": "no"},)),
        (REASON, (REASON,)),
        ({"left": "purpose"}, ({"id": "counterparty", "left": "purpose"},)),
    ],
)
def test_reasons_of_any_shape_become_objects(given, expected):
    assert reason_objects(given) == expected
