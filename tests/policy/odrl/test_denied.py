"""What a policy denies: what fails, what is unknown, what is not done."""

import pytest
from tests.policy.odrl.questions import (
    COMPENSATE,
    EURO,
    GROUP,
    NOW,
    PURPOSE,
    Json,
    constraint,
    policy,
    question,
    rule,
)

from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.wasm import WasmEngine

DENIED = {
    "a duty that the world only names": question(
        policy(rule(duty=[COMPENSATE])), world={"duties": {"urn:d1": {"context": {}}}}
    ),
    "another action": question(policy(rule()), action="sell"),
    "a constraint that fails": question(policy(rule(PURPOSE)), {"purpose": "urn:other"}),
    "a fact that is missing": question(policy(rule(PURPOSE))),
    "a fact of the wrong kind": question(
        policy(rule(constraint("count", "lteq", 3))), {"count": "many"}
    ),
    "a fact that is null": question(policy(rule(PURPOSE)), {"purpose": {"value": None}}),
    "nothing in a set": question(policy(rule(PURPOSE)), {"purpose": []}),
    "another unit": question(
        policy(rule(constraint("absoluteSize", "lteq", 5, unit="urn:GB"))),
        {"absoluteSize": {"value": 5, "unit": "urn:TB"}},
    ),
    "no time": question(
        policy(rule(constraint("dateTime", "lt", "2027-01-01T00:00:00Z"))), world={"time": None}
    ),
    "not a member": question(policy(rule(assignee=GROUP)), party="urn:eve"),
    "nobody": question(policy(rule(assignee="urn:me"))),
    "an action refined otherwise": question(
        policy(
            rule(
                action=[
                    {
                        "rdf:value": {"@id": "odrl:print"},
                        "refinement": [constraint("resolution", "lteq", 600)],
                    }
                ]
            )
        ),
        {"resolution": 1200},
        action="print",
    ),
    "a prohibition": question(policy(rule(), prohibition=[rule()])),
    "a prohibition that is unknown": question(
        policy(rule(), prohibition=[rule(constraint("spatial", "eq", "DE"))])
    ),
    "a prohibition of an unknown member": question(
        policy(
            rule(),
            prohibition=[
                rule(
                    target={"source": "urn:all", "refinement": [constraint("language", "eq", "en")]}
                )
            ],
        ),
        target="urn:all",
    ),
    "perm": question(policy(rule(), prohibition=[rule()], conflict={"@id": "odrl:perm"})),
    "a conflict that voids": question(policy(rule(), prohibition=[rule()], conflict="invalid")),
    "a duty that is not done": question(policy(rule(duty=[COMPENSATE]))),
    "a payment too small": question(
        policy(rule(duty=[COMPENSATE])), world={"payments": [{"amount": 4, "currency": EURO}]}
    ),
    "a payment for another duty": question(
        policy(rule(duty=[COMPENSATE])),
        world={"payments": [{"duty": "urn:d2", "amount": 5, "unit": EURO}]},
    ),
    "a duty past its deadline": question(
        policy(
            rule(
                duty=[
                    {
                        "action": "delete",
                        "constraint": [constraint("dateTime", "lt", "2026-01-01T00:00:00Z")],
                    }
                ]
            )
        ),
    ),
    "an obligation past its deadline": question(
        policy(
            rule(),
            obligation=[
                {
                    "action": "delete",
                    "constraint": [constraint("dateTime", "lteq", "2026-01-01T00:00:00Z")],
                }
            ],
        ),
    ),
    "an obligation that the world calls overdue": question(
        policy(rule(), obligation=[{"uid": "urn:o", "action": "delete"}]),
        world={"duties": {"urn:o": "overdue"}},
    ),
    "a duty that lapsed, without its consequence": question(
        policy(
            rule(
                duty=[
                    {
                        "uid": "urn:d",
                        "action": "attribute",
                        "consequence": [{"uid": "urn:f", "action": "inform"}],
                    }
                ]
            )
        ),
        world={
            "duties": {"urn:d": {"state": "fulfilled", "at": NOW, "due": "2026-01-01T00:00:00Z"}}
        },
    ),
    "a remedy that is overdue": question(
        policy(
            rule(),
            prohibition=[rule(action="sell", remedy=[{"uid": "urn:m", "action": "compensate"}])],
        ),
        world={"duties": {"urn:m": {"state": "violated"}}},
    ),
    "a reference that is not fetched": question(
        policy(
            rule({"leftOperand": "purpose", "operator": "eq", "rightOperandReference": "urn:x"})
        ),
        {"purpose": "urn:x"},
    ),
    "an order that is unknown": question(
        policy(rule({"andSequence": [PURPOSE, constraint("event", "eq", "urn:a")]})),
        {"purpose": "urn:research", "event": "urn:a"},
    ),
    "both of two that exclude each other": question(
        policy(rule({"xone": [PURPOSE, constraint("spatial", "eq", "CN")]})),
        {"purpose": "urn:research", "spatial": "CN"},
    ),
    "order over words": question(
        policy(rule(constraint("purpose", "lt", "urn:z"))), {"purpose": "urn:a"}
    ),
}


@pytest.mark.parametrize("asked", DENIED.values(), ids=DENIED)
def test_denies(engine: WasmEngine, asked: Json):
    found = evaluate(engine, asked)
    assert found["refused"] is None, found["refused"]
    assert found["decision"] == "deny"
