from typing import Any

import pytest
from tests.policy import documents

from trustspace.policy.continuing import outcome
from trustspace.policy.lasting import next_change, time_to_live
from trustspace.policy.wasm import WasmEngine

NOW = 1_790_000_000
Json = dict[str, Any]


def leaf(left: str, op: str, right: object, name: str = "c1") -> Json:
    return {"id": name, "left": left, "op": f"odrl:{op}", "right": right}


UNTIL = leaf("odrl:dateTime", "lt", NOW)
FROM = leaf("odrl:dateTime", "gt", NOW)
AT = leaf("odrl:dateTime", "eq", NOW - 1)
MEMBER = leaf("cx:Membership", "eq", "active")


def fact(**members: object) -> Json:
    return {"facts": {"cx:Membership": members}}


def rule(*leaves: Json, name: str = "p1", **more: Any) -> Json:
    return {"permissions": [{"id": name, "leaves": list(leaves), **more}]}


OVER: Json = {
    "logic": [[{"id": "l1", "kind": "or", "args": ["c1", "c2"], "src": "/l"}]],
    "top": ["l1"],
}
OWED: Json = {"id": "d1", "action": "odrl:delete", "when": "after"}
LATE: Json = {"duties": {"outstanding": {"d1": NOW - 1}}}
NONE: Json = {"facts": {}}

CASES: dict[str, tuple[str, Json, list[Json]]] = {
    "nothing speaks against it": ("keep", NONE, [rule()]),
    "time is up": ("terminate", NONE, [rule(UNTIL)]),
    "time has not come": ("suspend", NONE, [rule(FROM)]),
    "a moment was missed": ("suspend", NONE, [rule(AT)]),
    "time is up, or a fact is missing": (
        "suspend",
        NONE,
        [rule(UNTIL, MEMBER | {"id": "c2"}, **OVER)],
    ),
    "time is up for one of two permissions": (
        "suspend",
        NONE,
        [{"permissions": [{"id": "p1", "leaves": [UNTIL]}, {"id": "p2", "leaves": [MEMBER]}]}],
    ),
    "time is up for both": (
        "terminate",
        NONE,
        [{"permissions": [{"id": "p1", "leaves": [UNTIL]}, {"id": "p2", "leaves": [UNTIL]}]}],
    ),
    "time is up and a fact is missing": (
        "terminate",
        NONE,
        [rule(UNTIL, MEMBER | {"id": "c2"})],
    ),
    "a fact is missing": ("suspend", NONE, [rule(MEMBER)]),
    "a fact is another": ("suspend", fact(value="lapsed"), [rule(MEMBER)]),
    "a fact is of no use": ("suspend", fact(value=3), [rule(MEMBER)]),
    "a credential was revoked": (
        "terminate",
        fact(value="revoked", depends=["revocation:vc-1"]),
        [rule(MEMBER)],
    ),
    "a prohibition bites": (
        "suspend",
        NONE,
        [rule() | {"prohibitions": [{"id": "n1"}]}],
    ),
    "the agreement has ended": (
        "terminate",
        {"agreement": {"state": "REVOKED"}},
        [rule()],
    ),
    "no permission is about it": ("suspend", NONE, [rule(actions=["odrl:sell"])]),
    "an overdue duty ends it": (
        "terminate",
        LATE,
        [rule() | {"obligations": [OWED | {"on_failure": "terminate"}]}],
    ),
    "an overdue duty pauses it": (
        "suspend",
        LATE,
        [rule() | {"obligations": [OWED | {"on_failure": "suspend"}]}],
    ),
}


@pytest.fixture(scope="module")
def engine() -> WasmEngine:
    return WasmEngine()


@pytest.mark.parametrize("name", CASES)
def test_what_becomes_of_it(name: str, engine: WasmEngine) -> None:
    expected, request, policies = CASES[name]
    case = {"request": request | {"point": "monitor"}, "policies": policies}
    asked = documents.read_request(case, engine.revision)
    assert outcome(asked, engine.decide(asked)) == expected


def test_the_next_change_lies_ahead(engine: WasmEngine) -> None:
    def asked(request: Json, *leaves: Json) -> Any:
        case = {"request": request | {"point": "monitor"}, "policies": [rule(*leaves)]}
        return documents.read_request(case, engine.revision)

    assert next_change(asked(NONE)) is None
    assert time_to_live(asked(NONE)) == 60
    assert next_change(asked(NONE, leaf("odrl:dateTime", "lt", NOW + 500))) == NOW + 500
    assert time_to_live(asked(NONE, leaf("odrl:dateTime", "lt", NOW + 500))) == 60
    soon = asked(fact(value="active", expires=NOW + 9), MEMBER)
    assert (next_change(soon), time_to_live(soon)) == (NOW + 9, 9)
    assert next_change(asked(LATE)) is None
