"""Requests at random: well-formed, and odd wherever the documents allow it.

Few names and few values, so that rules, facts and limits meet often.
"""

from __future__ import annotations

from random import Random
from typing import Any

from tests.policy import documents

Json = dict[str, Any]

NOW = 1790000000
OPERATORS = [
    "eq",
    "neq",
    "lt",
    "lteq",
    "gt",
    "gteq",
    "isA",
    "hasPart",
    "isPartOf",
    "isAllOf",
    "isAnyOf",
    "isNoneOf",
]
COUNTED = {
    "odrl:count": [""],
    "ts:frequency": [":P1D"],
    "ts:dataRecord": [":row", ":row/P1D"],
    "ts:dataSize": [":byte", ":byte/P1D"],
    "odrl:meteredTime": [":second", ":second/P1D"],
    "odrl:elapsedTime": [""],
}
WINDOWED = set(COUNTED) - {"odrl:count", "odrl:elapsedTime"}
LEFT = ["odrl:purpose", "odrl:spatial", "odrl:dateTime"] * 2
LEFT += [
    "odrl:dateTime",
    "edc:inForceDate",
    "odrl:count",
    "ts:frequency",
    "ts:dataRecord",
    "ts:dataSize",
    "odrl:meteredTime",
    "odrl:elapsedTime",
    "odrl:purpose",
    "odrl:recipient",
    "odrl:spatial",
    "ts:destination",
    "ts:outputForm",
    "acme:unheard",
]
SCALARS: list[Any] = ["A", "B"] * 12
SCALARS += [
    0,
    1,
    2,
    True,
    False,
    "0",
    "1",
    "",
    "A",
    "B",
    'A"',
    "A\u0000",
    "用途",
    "did:web:c",
    "G1",
]
TIMES = [NOW - 1, NOW, NOW + 1, NOW + 30, NOW + 59, NOW + 60, NOW + 61, "contractAgreement+5s"]
POINTS = ["catalog", "negotiation", "transfer", "access", "access", "monitor", "evaluation"]
COLUMNS = ["phone", "id", "名"]
METHODS = ["drop", "null", "constant", "hash", "tokenise", "redact_pii", "partial", "date_floor"]
METHODS += ["round"]
FILTERS: list[Json] = [
    {"op": "eq", "field": "region", "value": {"type": "string", "value": "CN"}},
    {"op": "in", "field": "year", "value": [{"type": "integer", "value": 1}]},
    {"op": "not", "arg": {"op": "is_null", "field": "x", "value": None}},
]


def seeded(seed: int) -> Random:
    """Return a source of documents that can be made again."""
    return Random(seed)  # noqa: S311 - documents, no secrets


def sample(random: Random, items: list[Any], most: int = 3) -> list[Any]:
    """Return up to ``most`` items, repeats allowed."""
    return [random.choice(items) for _ in range(random.randint(0, most))]


def maybe(random: Random, items: list[Any]) -> Any:
    """Return one of the items or None."""
    return random.choice([None, None, *items])


def right(random: Random, left: str) -> Any:
    """Return a right operand."""
    if left in ("odrl:dateTime", "edc:inForceDate"):
        return random.choice(TIMES)
    if left in COUNTED and random.random() < 0.8:
        return random.randint(0, 3)
    value = random.choice(SCALARS)
    return [value, *sample(random, SCALARS, 2)] if random.random() < 0.5 else value


def leaf(random: Random, name: str) -> Json:
    """Return a comparison."""
    left = random.choice(LEFT)
    whole: Json = documents.BASE["leaf"]
    return whole | {
        "id": name,
        "left": left,
        "op": f"odrl:{random.choice(OPERATORS)}",
        "right": right(random, left),
        "unit": random.choice(["P1D", None] if left in WINDOWED else [None] * 15 + ["CNY"]),
        "src": f"/{name}",
    }


def fact(random: Random, left: str) -> Json:
    """Return a fact, sometimes of the wrong shape."""
    value: Any = random.choice(SCALARS)
    if random.random() < 0.4:
        value = sample(random, SCALARS)
    if left in COUNTED and left != "odrl:elapsedTime" and random.random() < 0.9:
        ends = COUNTED[left]
        value = {
            f"rule:p{n}{random.choice(ends)}": random.randint(0, 3)
            for n in range(random.randint(0, 3))
        }
    return {
        "status": random.choice(
            ["ok"] * 20 + ["missing", "stale", "error", "deferred", "promised"]
        ),
        "value": value,
        "unit": random.choice([None] * 15 + ["CNY"]),
        "within": maybe(random, [sample(random, SCALARS), ["A", "B"]]),
        "parts": maybe(random, [sample(random, SCALARS), ["A", "B"]]),
        "expires": random.choice([None] * 9 + [NOW - 1, NOW, NOW + 5]),
        "depends": sample(random, ["revocation:1", "revocation:2"], 1),
        "at": random.choice([None, NOW - 2, NOW - 1, NOW]),
    }


def duty(random: Random, name: str, *, deep: bool = True) -> Json:
    """Return a duty, a remedy or an obligation."""
    leaves = [leaf(random, f"c{n}") for n in range(random.choice([0, 0, 0, 1, 2]))]
    joined = [{"id": "l0", "kind": random.choice(["or", "and"]), "args": ["c0", "c1"], "src": "/l"}]
    logic = [joined] if len(leaves) == 2 else []
    following = range(random.choice([0, 0, 1, 2]) if deep else 0)
    refine = [
        leaf(random, f"r{n}") | {"left": random.choice(["odrl:payAmount", "acme:unheard"])}
        for n in range(random.choice([0, 0, 1, 2]))
    ]
    whole: Json = documents.BASE["duty"]
    return whole | {
        "id": name,
        "action": random.choice(["odrl:delete", "odrl:compensate"]),
        "when": random.choice(["before", "during", "after"]),
        "delay": maybe(random, [0, 60]),
        "deadline": random.choice([None, None, None, NOW - 1, NOW, NOW + 1]),
        "leaves": leaves,
        "logic": logic,
        "top": ["l0"] if logic else [item["id"] for item in leaves],
        "consequences": [duty(random, f"{name}f{n}", deep=False) for n in following],
        "refine": refine,
        "remedies": sample(random, ["d9", "d8"], 1),
    }


def rule(random: Random, name: str, *, permission: bool) -> Json:
    """Return a permission or a prohibition with logic up to four levels deep."""
    leaves = [leaf(random, f"c{n}") for n in range(random.choice([0, 0, 1, 1, 2, 3, 4]))]
    free = [item["id"] for item in leaves]
    levels: list[list[Json]] = []
    for depth in range(random.choice([0, 0, 1, 2, 3, 4]) if free else 0):
        random.shuffle(free)
        taken = free[: random.randint(1, len(free))]
        kind = random.choice(["and", "or", "or", "xone", "andSequence"])
        node = {"id": f"l{depth}", "kind": kind, "args": taken, "src": f"/l{depth}"}
        levels.append([node])
        free = [node["id"], *free[len(taken) :]]
    cut = random.randint(0, len(free)) if random.random() < 0.2 else 0
    given: Json = {
        "id": name,
        "actions": random.choice([["odrl:use"], ["odrl:use", "odrl:read"], ["odrl:read"]]),
        "target": random.choice([None] * 4 + ["urn:ds:1", "urn:collection:7", "urn:ds:2"]),
        "assignee": random.choice([None] * 4 + ["did:web:c", "G1", "BPNL1", "did:web:x"]),
        "counter": maybe(random, [f"rule:{name}", "rule:p0"]),
        "leaves": leaves,
        "logic": levels,
        "top": free[cut:],
        "refine": free[:cut],
        "depends": sample(random, ["attestation:1", "revocation:1"], 1),
    }
    if not permission and random.random() < 0.3:
        given |= {"duties": [duty(random, f"{name}r0")]}
    if permission:
        given |= {
            "duties": [duty(random, f"{name}d{n}") for n in range(random.choice([0, 0, 0, 1, 2]))],
            "filters": sample(random, FILTERS, 2),
            "columns": maybe(random, [sample(random, COLUMNS), COLUMNS]),
            "masks": sample(random, masks(random)),
            "limits": [{"counter": f"rule:{name}", "max": 3, "unit": "count"}][
                : random.randint(0, 1)
            ],
        }
    whole: Json = documents.BASE["rule"]
    return whole | given


def masks(random: Random) -> list[Json]:
    """Return masks to choose from."""
    return [
        {"column": column, "method": random.choice(METHODS), "params": params}
        for column in COLUMNS
        for params in ({}, {"keep": 1}, {"keep": True})
    ]


def policy(random: Random, number: int, point: str) -> Json:
    """Return a policy, mostly of the kind that goes with the point."""
    usual = {"catalog": "set", "negotiation": "offer"}.get(point, "agreement")
    names = range(number * 10, number * 10 + random.choice([0, 1, 2, 3, 4]))
    forbidden = range(number * 10, number * 10 + random.choice([0, 0, 0, 0, 1, 2]))
    owed = range(number * 10, number * 10 + random.choice([0, 0, 0, 1]))
    whole: Json = documents.BASE["policy"]
    return whole | {
        "uid": f"urn:policy:{number}",
        "digest": random.choice(["sha256:1"] * 20 + ["sha256:2"]),
        "kind": random.choice([usual] * 40 + ["agreement", "offer", "set"]),
        "conflict": random.choice(["prohibit", "invalid"]),
        "permissions": [rule(random, f"p{n}", permission=True) for n in names],
        "prohibitions": [rule(random, f"x{n}", permission=False) for n in forbidden],
        "obligations": [duty(random, f"o{n}") for n in owed],
    }


def request(random: Random, revision: str) -> Json:
    """Return a whole request in JSON form."""
    point = random.choice(POINTS)
    policies = [policy(random, n, point) for n in range(random.choice([0, 1, 1, 1, 1, 2]))]
    duties = [
        d
        for p in policies
        for d in p["obligations"]
        + [d for r in p["permissions"] + p["prohibitions"] for d in r["duties"]]
    ]
    duties += [each for d in duties for each in d["consequences"]]
    proofs = {"odrl:payAmount": fact(random, ""), "acme:unheard": fact(random, "")}
    fulfilled = {
        d["id"]: {
            "at": random.choice([1, NOW]),
            "evidence": "urn:ev:1",
            "facts": dict(sample(random, [*proofs.items()])),
        }
        for d in duties
        if random.random() < 0.5
    }
    fulfilled |= {
        name: {"at": 1, "evidence": "e", "facts": {}} for name in sample(random, ["d9"], 1)
    }
    outstanding = {d["id"]: NOW + random.randint(-1, 1) for d in duties if random.random() < 0.4}
    whole: Json = documents.merged(documents.BASE["request"], {})
    anonymous: Json = {"id": None, "ids": [], "groups": [], "credentials": []}
    named: Json = {
        "id": "did:web:c",
        "ids": ["did:web:c", "BPNL1"],
        "groups": ["G1"],
        "credentials": [],
    }
    agreement = whole["agreement"] | {
        "state": random.choice(["FINALIZED"] * 20 + ["REVOKED"]),
        "expires": random.choice([None] * 9 + [NOW, NOW + 7]),
        "assignee": random.choice(["did:web:c"] * 20 + ["did:web:x"]),
        "target": random.choice(["urn:ds:1"] * 20 + ["urn:ds:2"]),
    }
    return whole | {
        "id": f"req-{random.randint(0, 10**9)}",
        "point": point,
        "bundle": revision,
        "action": random.choice(["odrl:use", "odrl:use", "odrl:read"]),
        "subject": random.choice([named] * 20 + [anonymous]),
        "agreement": random.choice([agreement] * 20 + [None]),
        "facts": {left: fact(random, left) for left in LEFT if random.random() < 0.7},
        "duties": {"fulfilled": fulfilled, "outstanding": outstanding},
        "policies": policies,
    }
