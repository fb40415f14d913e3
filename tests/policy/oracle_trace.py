"""How a request comes out rule by rule, in plain Python."""

from __future__ import annotations

from typing import Any

from tests.policy.oracle import is_unbound, judge, term_of, unmet, weigh, work_out

Json = dict[str, Any]


def values_of(request: Json, duty: Json) -> dict[str, str]:
    """Return what a duty's own constraints are worth."""
    results = {leaf["id"]: weigh(request, {"counter": None}, leaf) for leaf in duty["leaves"]}
    return work_out(results, {node["id"]: node for level in duty["logic"] for node in level})


def standing(request: Json, duty: Json) -> str:
    """Return how a duty stands."""
    if is_unbound(request, duty):
        return "unbound"
    if not unmet(request, None, duty):
        return "fulfilled"
    term = term_of(request, duty)
    late = term is not None and request["now"] > term
    remedied = any(name in request["duties"]["fulfilled"] for name in duty["remedies"])
    return "overdue" if late and not remedied else "unfulfilled"


def stands(request: Json, duty: Json) -> Json:
    """Return how a duty and its consequences stand."""
    return {
        "duty": duty["id"],
        "standing": standing(request, duty),
        "values": values_of(request, duty),
        "consequences": [
            {"duty": each["id"], "standing": standing(request, each)}
            for each in duty["consequences"]
        ],
    }


def trace(request: Json) -> Json:
    """Return how every rule of a request came out."""
    rules = []
    for policy in request["policies"]:
        for kind in ("permission", "prohibition"):
            for rule in policy[f"{kind}s"]:
                verdict = judge(request, rule)
                refined = verdict["refined"]
                fits = (
                    refined in ("true", "deferred") if kind == "permission" else refined != "false"
                )
                rules.append(
                    {
                        "rule": rule["id"],
                        "kind": kind,
                        "active": verdict["active"] and fits,
                        "values": verdict["values"],
                        "duties": [stands(request, duty) for duty in rule["duties"]],
                    }
                )
        rules += [
            {
                "rule": duty["id"],
                "kind": "obligation",
                "active": not is_unbound(request, duty),
                "values": values_of(request, duty),
                "duties": [stands(request, duty)],
            }
            for duty in policy["obligations"]
        ]
    return {"v": 1, "id": request["id"], "bundle": request["bundle"], "rules": rules}
