"""What a policy permits, in any spelling."""

import pytest
from tests.policy.odrl.questions import (
    COMPENSATE,
    EURO,
    GROUP,
    NOW,
    PAID,
    PAY,
    PURPOSE,
    Json,
    constraint,
    policy,
    question,
    rule,
)

from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.wasm import WasmEngine

PERMITTED = {
    "a party that is an object": question(
        policy(rule(assignee={"uid": "urn:me", "@type": "Party"})), party="urn:me"
    ),
    "a set operator with one value": question(
        policy(rule(constraint("purpose", "isAnyOf", "urn:research"))), {"purpose": "urn:research"}
    ),
    "a unit that is an object": question(
        policy(rule(constraint("absoluteSize", "eq", 5, unit={"@id": "urn:GB"}))),
        {"absoluteSize": {"value": 5, "unit": {"@id": "urn:GB"}}, "@context": "ignored"},
    ),
    "terms under other names": question(
        {
            "@context": {
                "allow": {"@id": "odrl:permission", "@type": "@id"},
                "do": "http://www.w3.org/ns/odrl/2/action",
                "name": "@id",
                "@version": 1.1,
                "odd": None,
                "@vocab": "http://e.org/",
            },
            "name": "urn:p",
            "odrl:profile": "http://www.w3.org/ns/odrl/2/core",
            "allow": {"do": "odrl:use"},
        }
    ),
    "a collection described by its members": question(
        policy(rule(assignee={"refinement": constraint("ts:approval", "eq", "urn:yes")})),
        {"ts:approval": "urn:yes"},
        party={"uid": "urn:me"},
    ),
    "a duty under alternatives of which none holds": question(
        policy(
            rule(
                duty=[
                    {
                        "action": "attribute",
                        "constraint": [{"or": [constraint("spatial", "eq", "DE"), PURPOSE]}],
                    }
                ]
            )
        ),
        {"spatial": "CN", "purpose": "urn:other"},
    ),
    "an amount written as a constraint, with proof": question(
        policy(rule(duty=[{"uid": "urn:d", "action": "compensate", "constraint": [PAY]}])),
        world={
            "duties": {
                "urn:d": {"evidence": "urn:e", "context": {"payAmount": {"value": 5, "unit": EURO}}}
            }
        },
    ),
    "a time in the request": question(
        policy(rule(constraint("dateTime", "lt", "2027-01-01T00:00:00Z"))),
        world={"time": None},
        dateTime=NOW,
    ),
    "memberships with gaps": question(
        policy(rule(assignee=GROUP)),
        party="urn:bob",
        world={"membership": {"urn:group": ["", "urn:bob"]}},
    ),
    "memberships listed with gaps": question(
        policy(rule(assignee=GROUP)),
        party="urn:bob",
        world={"membership": [{"member": "urn:bob"}, {"member": "urn:bob", "group": "urn:group"}]},
    ),
    "a rule without constraints": question(policy(rule())),
    "an action that is included": question(policy(rule()), action="odrl:read"),
    "a constraint that holds": question(policy(rule(PURPOSE)), {"purpose": "urn:research"}),
    "a value with a unit": question(
        policy(rule(constraint("absoluteSize", "lteq", 5.5, unit="urn:GB"))),
        {"absoluteSize": {"value": 5.5, "unit": "urn:GB"}},
    ),
    "a context that is a list": question(
        policy(rule(PURPOSE)), [{"leftOperand": "odrl:purpose", "value": "urn:research"}]
    ),
    "a member of a party collection": question(
        policy(rule(assignee=GROUP)),
        party="urn:bob",
        world={"membership": {"urn:group": ["urn:bob"]}},
    ),
    "a member named by its collections": question(
        policy(rule(assignee=GROUP)),
        party="urn:bob",
        world={"membership": {"urn:bob": "urn:group"}},
    ),
    "a member of a member": question(
        policy(rule(assignee=GROUP)),
        party="urn:bob",
        world={
            "membership": [
                {"member": "urn:bob", "collection": "urn:team"},
                {"members": ["urn:team"], "collection": "urn:group"},
            ]
        },
    ),
    "an asset of a collection": question(
        policy(rule(target={"@type": "AssetCollection", "source": "urn:all"})),
        target="urn:d1",
        world={"membership": {"urn:all": ["urn:d1"]}},
    ),
    "one of several parties": question(policy(rule(assignee=["urn:a", "urn:b"])), party="urn:b"),
    "an asset refined": question(
        policy(
            rule(
                target={
                    "source": "urn:all",
                    "refinement": [constraint("fileFormat", "eq", "urn:csv")],
                }
            )
        ),
        {"fileFormat": "urn:csv"},
        target="urn:all",
    ),
    "a duty that is done": question(
        policy(rule(duty=[COMPENSATE])),
        world={"duties": {"urn:d1": {"state": "fulfilled", "at": NOW, "amount": 5, "unit": EURO}}},
    ),
    "a payment": question(policy(rule(duty=[COMPENSATE])), world=PAID),
    "a payment that names its duty": question(
        policy(rule(duty=[COMPENSATE])),
        world={
            "payments": [{"amount": 1, "unit": EURO}, {"duty": "urn:d1", "amount": 5, "unit": EURO}]
        },
    ),
    "a duty done by its action": question(
        policy(rule(duty=[{"action": "attribute"}])),
        world={"duties": [{"action": "odrl:attribute", "state": "odrl:fulfilled"}]},
    ),
    "a duty that does not bind": question(
        policy(
            rule(duty=[{"action": "attribute", "constraint": [constraint("spatial", "eq", "DE")]}])
        ),
        {"spatial": "CN"},
    ),
    "a duty put off to after the use": question(
        policy(
            rule(
                duty=[{"action": "delete", "constraint": [constraint("delayPeriod", "eq", "P30D")]}]
            )
        ),
    ),
    "a duty with a deadline ahead": question(
        policy(
            rule(
                duty=[
                    {
                        "action": "delete",
                        "constraint": [constraint("dateTime", "lt", "2027-01-01T00:00:00Z")],
                    }
                ]
            )
        ),
    ),
    "a duty after the use": question(
        policy(
            rule(
                duty=[
                    {
                        "action": "inform",
                        "constraint": [constraint("event", "gt", {"@id": "odrl:policyUsage"})],
                    }
                ]
            )
        ),
    ),
    "an obligation of somebody else": question(
        policy(
            rule(),
            obligation=[
                {
                    "action": "delete",
                    "assignee": "urn:x",
                    "constraint": [constraint("dateTime", "lt", "2026-01-01T00:00:00Z")],
                }
            ],
        ),
        party="urn:me",
    ),
    "a prohibition of another action": question(policy(rule(), prohibition=[rule(action="sell")])),
    "a prohibition that is false": question(
        policy(rule(), prohibition=[rule(constraint("spatial", "eq", "DE"))]), {"spatial": "CN"}
    ),
    "a region within another": question(
        policy(rule(constraint("spatial", "isPartOf", "CN"))), {"spatial": "CN-SH"}
    ),
    "parts that are given": question(
        policy(rule(constraint("product", "hasPart", ["urn:a", "urn:b"]))),
        {"product": {"value": "urn:ab", "parts": ["urn:b", "urn:a", "urn:c"]}},
    ),
    "a class that is given": question(
        policy(rule(constraint("product", "isA", "urn:Model"))),
        {"product": {"value": "urn:m", "within": ["urn:Llm", "urn:Model"]}},
    ),
    "a sequence in order": question(
        policy(rule({"andSequence": {"@list": [constraint("event", "eq", "urn:a"), PURPOSE]}})),
        {"event": {"value": "urn:a", "at": 1}, "purpose": {"value": "urn:research", "at": 2}},
    ),
    "one of two alternatives": question(
        policy(rule({"or": [constraint("spatial", "eq", "DE"), PURPOSE]})),
        {"purpose": "urn:research"},
    ),
    "rules that are inherited": question(
        policy(inheritFrom="urn:parent"),
        world={"policies": [policy(rule()) | {"uid": "urn:parent"}]},
    ),
    "a count as it is given": question(
        policy(rule(constraint("count", "lteq", 10))), {"count": 10}
    ),
    "rights in expanded form": question(
        [
            {
                "@id": "urn:p",
                "@type": ["http://www.w3.org/ns/odrl/2/Set"],
                "http://www.w3.org/ns/odrl/2/permission": [
                    {
                        "http://www.w3.org/ns/odrl/2/action": [
                            {"@id": "http://www.w3.org/ns/odrl/2/use"}
                        ],
                        "http://www.w3.org/ns/odrl/2/constraint": [
                            {
                                "http://www.w3.org/ns/odrl/2/leftOperand": [
                                    {"@id": "http://www.w3.org/ns/odrl/2/purpose"}
                                ],
                                "http://www.w3.org/ns/odrl/2/operator": [
                                    {"@id": "http://www.w3.org/ns/odrl/2/eq"}
                                ],
                                "http://www.w3.org/ns/odrl/2/rightOperand": [
                                    {"@value": "urn:research"}
                                ],
                            }
                        ],
                    }
                ],
            }
        ],
        {"http://www.w3.org/ns/odrl/2/purpose": "urn:research"},
    ),
    "an own action that use includes": question(
        policy(
            rule(),
            prohibition=[rule(action={"@id": "urn:blend", "includedIn": {"@id": "odrl:sell"}})],
        )
        | {
            "permission": [
                rule(),
                rule(action={"@id": "urn:mix", "includedIn": "odrl:use"}, assignee="urn:x"),
            ]
        },
        action="urn:mix",
    ),
    "a graph": question(
        {
            "@context": [
                "http://www.w3.org/ns/odrl.jsonld",
                {"ex": "http://e.org/", "@vocab": "http://www.w3.org/ns/odrl/2/"},
            ],
            "@graph": [
                {"@id": "ex:p", "@type": "Set", "permission": {"@id": "ex:r"}},
                {
                    "@id": "ex:r",
                    "@type": "Permission",
                    "action": "use",
                    "constraint": {"@id": "ex:c"},
                },
                {
                    "@id": "ex:c",
                    "leftOperand": "purpose",
                    "operator": "eq",
                    "rightOperand": {"@id": "ex:study"},
                },
            ],
        },
        {"purpose": {"@id": "http://e.org/study"}},
    ),
    "what is shared by all rules": question(
        policy({"duty": []}, action="use", constraint=[PURPOSE], target="urn:d", assignee="urn:me"),
        {"purpose": "urn:research"},
        party="urn:me",
        target="urn:d",
    ),
    "a conflict strategy as the specification shows it": question(
        policy(rule(), conflict={"@type": "perm"})
    ),
    "perm means prohibit, but nothing is prohibited": question(policy(rule(), conflict="perm")),
    "a boolean": question(
        policy(rule(constraint("ts:approval", "eq", {"@value": "true", "@type": "xsd:boolean"}))),
        {"ts:approval": True},
    ),
}


@pytest.mark.parametrize("asked", PERMITTED.values(), ids=PERMITTED)
def test_permits(engine: WasmEngine, asked: Json):
    found = evaluate(engine, asked)
    assert found["refused"] is None, found["refused"]
    assert found["decision"] == "permit"
