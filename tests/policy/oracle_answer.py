"""What the oracle says beyond a denial: filters, columns, masks, limits, the lease."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

STRENGTH = ["tokenise", "hash", "constant", "null", "drop"]
"""Weakest first; what is not listed is weaker than all of these."""


def merge_masks(masks: list[Json]) -> list[Json]:
    """Return the strongest mask of every column."""
    merged = []
    for column in sorted({mask["column"] for mask in masks}, key=str.encode):
        own = [mask for mask in masks if mask["column"] == column]
        top = max(_strength(mask) for mask in own)
        best = [mask for mask in own if _strength(mask) == top]
        if all(repr(mask) == repr(best[0]) for mask in best):
            merged.append(best[0])
        else:
            method = "drop" if best[0]["method"] == "drop" else "null"
            merged.append({"column": column, "method": method, "params": {}})
    return merged


def _strength(mask: Json) -> int:
    return STRENGTH.index(mask["method"]) if mask["method"] in STRENGTH else -1


def merge_filters(rules: list[Json]) -> list[Json]:
    """Return the row filters of the granting permissions."""
    if not all(rule["filters"] for rule in rules):
        return []
    if len(rules) == 1:
        return list(rules[0]["filters"])
    joined = [
        rule["filters"][0] if len(rule["filters"]) == 1 else {"op": "and", "args": rule["filters"]}
        for rule in rules
    ]
    return [{"op": "or", "args": joined}]


def allowance(request: Json, granting: list[Json], owed: list[Json], active: list[Json]) -> Json:
    """Return what an allow says beyond a denial."""
    rules = [verdict["rule"] for verdict in granting]
    lists = [set(rule["columns"]) for rule in rules if rule["columns"] is not None]
    agreed, now = request["agreement"], request["now"]
    moments = [t for verdict in active for t in verdict["moments"]]
    depends = {d for rule in rules for d in rule["depends"]}
    depends |= {d for verdict in active for d in verdict["depends"]}
    if agreed is not None:
        depends.add(f"agreement:{agreed['id']}")
        moments += [] if agreed["expires"] is None else [agreed["expires"]]
    coming = [t for t in moments if t > now]
    if coming:
        depends.add(f"now<{min(coming)}")
    return {
        "allow": True,
        "effect": "conditional" if any(o["when"] == "before" for o in owed) else "allow",
        "rules": [rule["id"] for rule in rules],
        "reasons": [],
        "obligations": owed,
        "filters": merge_filters(rules),
        "columns": sorted(set.intersection(*lists), key=str.encode) if lists else None,
        "masks": merge_masks([mask for rule in rules for mask in rule["masks"]]),
        "limits": [limit for rule in rules for limit in rule["limits"]],
        "depends": sorted(depends, key=str.encode),
        "deferred": [d for verdict in granting for d in verdict["deferred"]],
        "ttl": min([60, *(t - now for t in coming)]),
    }
