"""What a policy in any spelling says to a request, and what is refused instead of decided."""

import pytest
from tests.policy.odrl.questions import NOW, Json, constraint, policy, question, rule

from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.operands import known
from trustspace.policy.wasm import WasmEngine

EURO = "http://dbpedia.org/resource/Euro"
PURPOSE = constraint("purpose", "eq", "urn:research", uid="urn:c1")
PAY = constraint("payAmount", "eq", {"@value": "5.00", "@type": "xsd:decimal"}, unit=EURO)
COMPENSATE = {
    "uid": "urn:d1",
    "action": [{"rdf:value": {"@id": "odrl:compensate"}, "refinement": [PAY]}],
}
PAID = {"payments": [{"amount": "5.00", "unit": EURO, "evidence": "urn:receipt"}]}
GROUP = {"@type": "PartyCollection", "source": "urn:group"}


def decide(engine: WasmEngine, asked: Json) -> str:
    found = evaluate(engine, asked)
    assert found["refused"] is None, found["refused"]
    return str(found["decision"])


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
    "perm means prohibit, but nothing is prohibited": question(policy(rule(), conflict="perm")),
    "a boolean": question(
        policy(rule(constraint("ts:approval", "eq", {"@value": "true", "@type": "xsd:boolean"}))),
        {"ts:approval": True},
    ),
}

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


@pytest.mark.parametrize("asked", PERMITTED.values(), ids=PERMITTED)
def test_permits(engine: WasmEngine, asked: Json):
    assert decide(engine, asked) == "permit"


@pytest.mark.parametrize("asked", DENIED.values(), ids=DENIED)
def test_denies(engine: WasmEngine, asked: Json):
    assert decide(engine, asked) == "deny"


REFUSED = {
    "no object": (question([1, 2]), "policy.malformed", ""),
    "no question": (["x"], "request.malformed", ""),
    "no request": ({"policy": policy(rule())}, "request.malformed", "/request"),
    "no action asked for": (
        question(policy(rule()), action=None),
        "request.malformed",
        "/request/action",
    ),
    "an action nobody knows": (
        question(policy(rule()), action="usee"),
        "policy.unsupported",
        "/request/action",
    ),
    "a party that is a number": (
        question(policy(rule()), party=5),
        "request.malformed",
        "/request/party",
    ),
    "a world that is a list": (
        question(policy(rule())) | {"world": [1]},
        "request.malformed",
        "/world",
    ),
    "a context entry without a name": (
        question(policy(rule()), [{"value": 1}]),
        "request.malformed",
        "/request/context/0",
    ),
    "a context nobody knows": (
        question(policy(rule()), {"mood": 1}),
        "policy.unsupported",
        "/request/context/mood",
    ),
    "a time without a zone": (
        question(policy(rule()), world={"time": "2026-01-01T00:00:00"}),
        "policy.datetime.no_zone",
        "/world/time",
    ),
    "a time before all times": (
        question(policy(rule()), world={"time": -5}),
        "request.malformed",
        "/world/time",
    ),
    "states of duties that are words": (
        question(policy(rule(duty=[COMPENSATE])), world={"duties": ["x"]}),
        "request.malformed",
        "/world/duties",
    ),
    "memberships that are words": (
        question(policy(rule()), party="urn:a", world={"membership": ["x"]}),
        "request.malformed",
        "/world/membership",
    ),
    "a request too large": (question(policy(rule()), party="x" * 5000), "policy.limit", ""),
    "a parent that is not given": (
        question(policy(inheritFrom="urn:x")),
        "policy.inheritance",
        "/inheritFrom",
    ),
    "a parent that inherits from its child": (
        question(
            policy(rule(), inheritFrom="urn:x"),
            world={"policies": [policy(inheritFrom="urn:p") | {"uid": "urn:x"}]},
        ),
        "policy.inheritance",
        "/inheritFrom",
    ),
}


@pytest.mark.parametrize(("asked", "code", "pointer"), REFUSED.values(), ids=REFUSED)
def test_refuses(engine: WasmEngine, asked: Json, code: str, pointer: str):
    found = evaluate(engine, asked)
    assert found["decision"] == "deny"
    assert (found["refused"]["code"], found["refused"]["pointer"]) == (code, pointer)
    assert found["rules"] == []


def test_too_many_generations_are_refused(engine: WasmEngine):
    others = [policy(inheritFrom=f"urn:{n + 1}") | {"uid": f"urn:{n}"} for n in range(6)]
    found = evaluate(engine, question(policy(inheritFrom="urn:0"), world={"policies": others}))
    assert found["refused"]["code"] == "policy.inheritance"
    assert "generations" in found["refused"]["message"]


def test_tells_every_rule_with_the_names_of_the_document(engine: WasmEngine):
    asked = policy(
        rule(
            {"uid": "urn:both", "and": [PURPOSE, constraint("spatial", "eq", "CN", uid="urn:c2")]},
            uid="urn:r1",
            duty=[
                COMPENSATE
                | {
                    "constraint": [constraint("language", "eq", "zh", uid="urn:c3")],
                    "consequence": [{"uid": "urn:f", "action": "inform"}],
                }
            ],
        ),
        prohibition=[rule(action="sell", uid="urn:r2")],
        obligation=[{"uid": "urn:o", "action": "delete"}],
    )
    found = evaluate(engine, question(asked, {"purpose": "urn:research"}))
    first, second, third = found["rules"]
    assert first["rule"] == "urn:r1"
    assert first["active"]
    assert first["constraints"] == {"urn:c1": True, "urn:c2": "unknown", "urn:both": "unknown"}
    assert first["duties"] == [
        {
            "duty": "urn:d1",
            "action": "odrl:compensate",
            "state": "unfulfilled",
            "constraints": {"urn:c3": "unknown"},
            "consequences": [{"duty": "urn:f", "state": "unfulfilled"}],
        }
    ]
    assert (second["rule"], second["kind"], second["active"]) == ("urn:r2", "prohibition", False)
    assert third == {
        "rule": "urn:o",
        "kind": "obligation",
        "active": True,
        "constraints": {},
        "duties": [{"duty": "urn:o", "action": "odrl:delete", "state": "unfulfilled"}],
    }
    assert {reason["rule"] for reason in found["reasons"]} == {"urn:r1"}
    assert any(reason.get("at") == "urn:d1" for reason in found["reasons"])
    assert found["sentences"]


def test_a_prohibition_is_named_by_the_document(engine: WasmEngine):
    asked = policy(rule(), prohibition=[rule(uid="urn:no")])
    (reason,) = evaluate(engine, question(asked))["reasons"]
    assert (reason["rule"], reason["at"]) == ("urn:no", "urn:no")


def test_an_active_part_stands_for_a_rule_that_was_taken_apart(engine: WasmEngine):
    asked = policy(rule(uid="urn:r", assignee=["urn:a", "urn:b", "urn:c"]))
    (only,) = evaluate(engine, question(asked, party="urn:b"))["rules"]
    assert only["active"]


def test_operands_may_be_declared(engine: WasmEngine):
    asked = question(
        policy(rule(constraint("ex:day", "eq", "monday"))) | {"@context": {"ex": "http://e.org/"}},
        {"ex:day": "monday"},
    )
    assert evaluate(engine, asked)["refused"]["code"] == "policy.unsupported"
    declared = {"ex:day": known("language")}
    assert evaluate(engine, asked, operands=declared)["decision"] == "permit"


def test_an_engine_that_fails_denies(engine: WasmEngine):
    class Broken:
        revision = engine.revision
        decide = staticmethod(
            lambda request: engine.decide(request.model_copy(update={"bundle": "x"}))
        )
        decide_many = engine.decide_many

        def trace(self, request: object) -> None:
            del request

    found = evaluate(Broken(), question(policy(rule())))
    assert found["decision"] == "deny"
    assert found["rules"] == []
    assert found["reasons"][0]["id"] == "engine.revision"
