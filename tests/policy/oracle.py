"""The published semantics once more, in plain Python: what every engine has to agree with.

Written against the specification of the decision documents, not against the Rego. It is the
reference, not an engine: it has no limits, no deadline and no defence against broken documents.
"""

from __future__ import annotations

from typing import Any

from tests.policy.oracle_answer import allowance
from tests.policy.oracle_values import combine, operator, tagged

Json = dict[str, Any]

CLOCKS = {"odrl:dateTime", "edc:inForceDate"}
GIVEN = {"odrl:purpose", "odrl:spatial", "ts:destination", "ts:outputForm", "odrl:elapsedTime"}
AMOUNTS = {"ts:dataRecord": "row", "ts:dataSize": "byte", "odrl:meteredTime": "second"}
COUNTED = {"odrl:count", "ts:frequency", *AMOUNTS}
KNOWN = CLOCKS | GIVEN | COUNTED | {"odrl:recipient"}
TRANSFER = COUNTED | {"ts:outputForm", "odrl:elapsedTime"}
NEGOTIATION = TRANSFER | CLOCKS | {"odrl:spatial", "ts:destination"}
DEFERRED = {
    "catalog": NEGOTIATION | {"odrl:purpose"},
    "negotiation": NEGOTIATION,
    "transfer": TRANSFER,
    "monitor": TRANSFER,
    "access": set[str](),
    "evaluation": set[str](),
}
KINDS = {
    "catalog": {"offer", "set"},
    "negotiation": {"offer"},
    "transfer": {"agreement"},
    "monitor": {"agreement"},
    "access": {"agreement"},
    "evaluation": {"offer", "agreement", "set"},
}
BLANK: Json = {
    "status": "missing",
    "value": None,
    "unit": None,
    "within": None,
    "parts": None,
    "expires": None,
    "depends": [],
    "at": None,
}
REASON = dict.fromkeys(("at", "rule", "left", "op", "expected", "actual", "unit", "src"))


def find_fact(request: Json, rule: Json, leaf: Json) -> Json:
    """Return the fact of a left operand that the engine knows."""
    name = leaf["left"]
    if name in CLOCKS:
        return BLANK | {"status": "ok", "value": request["now"]}
    if name == "odrl:recipient":
        subject = request["subject"]
        if subject["id"] is None:
            return BLANK
        asked = leaf["right"] if isinstance(leaf["right"], list) else [leaf["right"]]
        names = [i for i in subject["ids"] if i in asked] + [subject["id"]]
        within = subject["ids"] + subject["groups"]
        return BLANK | {"status": "ok", "value": names[0], "within": within}
    fact = request["facts"].get(name, BLANK)
    if name in COUNTED:
        counters = fact["value"] if isinstance(fact["value"], dict) else {}
        what, window = AMOUNTS.get(name), leaf["unit"]
        in_window = name == "ts:frequency" or (what is not None and window is not None)
        parts = [part for part in (what, window if in_window else None) if part is not None]
        key = ":".join([str(rule["counter"]), "/".join(parts)]) if parts else rule["counter"]
        used = counters.get(key)
        if (in_window or what) and (rule["counter"] is None or (in_window and window is None)):
            return BLANK
        unit = leaf["unit"] if in_window else fact["unit"]
        return BLANK | {"unit": unit} if used is None else fact | {"value": used + 1, "unit": unit}
    return dict(fact)


def measure(leaf: Json, fact: Json, now: int) -> tuple[str, str]:
    """Return a leaf's value and the reason that goes with a failure."""
    if fact["status"] != "ok" or (fact["expires"] is not None and fact["expires"] <= now):
        return "unknown", "fact.unavailable"
    value = "unknown" if fact["unit"] != leaf["unit"] else operator(leaf["op"], fact, leaf["right"])
    return value, f"odrl.constraint.{'unknown' if value == 'unknown' else 'unsatisfied'}"


def weigh(request: Json, rule: Json, leaf: Json) -> tuple[str, str, Json]:
    """Return a leaf's value, the reason of a failure, and the fact behind it."""
    given = request["facts"].get(leaf["left"])
    if given is not None:
        if given["status"] == "promised" and request["point"] != "evaluation":
            return "deferred", "odrl.constraint.unknown", BLANK
        if given["status"] == "deferred" and request["point"] in ("catalog", "negotiation"):
            return "deferred", "odrl.constraint.unknown", BLANK
        if request["point"] == "evaluation" or leaf["left"] not in KNOWN:
            return *measure(leaf, given, request["now"]), given
    if leaf["left"] not in KNOWN:
        return "unknown", "odrl.operand.unknown", BLANK
    if leaf["left"] in DEFERRED[request["point"]]:
        elements = tagged(leaf["right"])
        number = leaf["left"] in CLOCKS | COUNTED | {"odrl:elapsedTime"}
        fits = [
            kind == ("int" if number else "str")
            or (
                leaf["left"] == "edc:inForceDate"
                and kind == "str"
                and value.startswith("contractAgreement")
            )
            for kind, value in elements
        ]
        value = "deferred" if fits and all(fits) else "unknown"
        return value, "odrl.constraint.unknown", BLANK
    fact = find_fact(request, rule, leaf)
    return *measure(leaf, fact, request["now"]), fact


def leaf_reason(name: str, owner: str | None, leaf: Json, fact: Json) -> Json:
    """Return the reason for a leaf."""
    actual = None if isinstance(fact["value"], dict) else fact["value"]
    kept = {key: leaf[key] for key in ("left", "op", "unit", "src")}
    return (
        REASON
        | kept
        | {
            "id": name,
            "at": leaf["id"],
            "rule": owner,
            "expected": leaf["right"],
            "actual": actual,
        }
    )


def work_out(results: dict[str, tuple[str, str, Json]], nodes: dict[str, Json]) -> dict[str, str]:
    """Return the values of comparisons and of what joins them."""
    values = {name: result[0] for name, result in results.items()}
    for name, node in nodes.items():
        kind, args = node["kind"], node["args"]
        if kind == "andSequence":
            times = [results[part][2].get("at") for part in args if part in results]
            if len(times) == len(args) and all(type(time) is int for time in times):
                moments = [time for time in times if time is not None]
                kind = "and" if moments == sorted(moments) else "never"
        values[name] = "false" if kind == "never" else combine(kind, [values[a] for a in args])
    return values


def judge(request: Json, rule: Json) -> Json:
    """Evaluate the constraints of one rule."""
    results = {leaf["id"]: weigh(request, rule, leaf) for leaf in rule["leaves"]}
    nodes = {node["id"]: node for level in rule["logic"] for node in level}
    values = work_out(results, nodes)
    parts = rule["refine"] + rule["top"]
    blamed: set[str] = set()
    open_ids = list(parts)
    while open_ids:
        name = open_ids.pop()
        if values[name] not in ("true", "deferred"):
            blamed.add(name)
            open_ids.extend(nodes[name]["args"] if name in nodes else [])
    reasons = [
        leaf_reason(results[leaf["id"]][1], rule["id"], leaf, results[leaf["id"]][2])
        for leaf in rule["leaves"]
        if leaf["id"] in blamed
    ]
    reasons += [
        REASON
        | {"id": "odrl.logic.unsatisfied", "at": name, "rule": rule["id"]}
        | {"op": node["kind"], "src": node["src"]}
        for name, node in nodes.items()
        if name in blamed and node["kind"] in ("xone", "andSequence")
    ]
    facts = [results[leaf["id"]][2] for leaf in rule["leaves"]]
    refined = combine("all", [values[part] for part in rule["refine"]])
    moments = [fact["expires"] for fact in facts if fact["expires"] is not None]
    for leaf in rule["leaves"]:
        if leaf["left"] in CLOCKS:
            moments += [v + d for kind, v in tagged(leaf["right"]) if kind == "int" for d in (0, 1)]
    subject, resource = request["subject"], request["resource"]
    return {
        "rule": rule,
        "active": request["action"] in rule["actions"]
        and rule["target"] in [None, *resource["ids"]]
        and rule["assignee"] in [None, *subject["ids"], *subject["groups"]],
        "value": combine("all", [values[part] for part in parts]),
        "values": values,
        "refined": refined,
        "reasons": reasons,
        "depends": [name for fact in facts for name in fact["depends"]],
        "moments": moments,
        "deferred": [f"{rule['id']}/{name}" for name in results if values[name] == "deferred"],
    }


def undone(request: Json, owner: str | None, duty: Json) -> list[Json]:
    """Return why a duty by itself is not fulfilled."""
    proof = request["duties"]["fulfilled"].get(duty["id"])
    if proof is None:
        about = REASON | {
            "id": "odrl.duty.unfulfilled",
            "at": duty["id"],
            "rule": owner,
            "src": duty["src"],
        }
        wishes = [
            {"left": x["left"], "op": x["op"], "expected": x["right"], "unit": x["unit"]}
            for x in duty["refine"]
        ]
        return [about | wish for wish in wishes or [{"expected": duty["action"]}]]
    reasons = []
    for leaf in duty["refine"]:
        fact = proof["facts"].get(leaf["left"], BLANK)
        value, name = measure(leaf, fact, request["now"])
        if value != "true":
            reasons.append(leaf_reason(name, owner, leaf, fact))
    return reasons


def term_of(request: Json, duty: Json) -> int | None:
    """Return the moment until which a duty has to be done."""
    term: int | None = request["duties"]["outstanding"].get(duty["id"], duty["deadline"])
    return term


def unmet(request: Json, owner: str | None, duty: Json) -> list[Json]:
    """Return why a duty is not fulfilled, with what follows once it has lapsed."""
    reasons = undone(request, owner, duty)
    proof = request["duties"]["fulfilled"].get(duty["id"], {"at": request["now"]})
    term = term_of(request, duty)
    if term is not None and proof["at"] > term:
        for each in duty["consequences"]:
            reasons += undone(request, owner, each)
    return reasons


def is_unbound(request: Json, duty: Json) -> bool:
    """Say whether a duty's own constraints are false."""
    results = {leaf["id"]: weigh(request, {"counter": None}, leaf) for leaf in duty["leaves"]}
    nodes = {node["id"]: node for level in duty["logic"] for node in level}
    values = work_out(results, nodes)
    return bool(duty["top"]) and combine("all", [values[p] for p in duty["top"]]) == "false"


def do_duty(request: Json, owner: str | None, duty: Json) -> tuple[list[Json], list[Json]]:
    """Return reasons against and obligations that go with a duty."""
    if is_unbound(request, duty):
        return [], []
    term = term_of(request, duty)
    planned = None if duty["delay"] is None else request["now"] + duty["delay"]
    kept = {key: duty[key] for key in ("id", "action", "when", "params", "on_failure", "src")}
    owed = kept | {"rule": owner, "due": planned if term is None else term}
    missing = unmet(request, owner, duty)
    if duty["when"] == "before":
        if request["point"] in ("catalog", "negotiation"):
            return [], [owed] if missing else []
        return missing, []
    settled = not missing or any(r in request["duties"]["fulfilled"] for r in duty["remedies"])
    if term is None or request["now"] <= term or settled:
        return [], [owed]
    late = {"op": duty["action"], "expected": term, "actual": request["now"]}
    about = {"at": duty["id"], "rule": owner, "src": duty["src"]}
    return [REASON | {"id": "odrl.obligation.overdue"} | about | late], [owed]


def remedies(request: Json, rule: Json) -> tuple[list[Json], list[Json]]:
    """Return what comes of a prohibition's remedies, which are owed once it was breached."""
    breached = [d for d in rule["duties"] if d["id"] in request["duties"]["outstanding"]]
    results = [do_duty(request, rule["id"], duty) for duty in breached]
    return [r for found, _ in results for r in found], [o for _, due in results for o in due]


def guard(request: Json) -> list[Json]:
    """Return what the point objects to."""
    reasons = [
        REASON | {"id": "policy.kind", "actual": policy["kind"]}
        for policy in request["policies"]
        if policy["kind"] not in KINDS[request["point"]]
    ]
    if request["point"] not in ("transfer", "access", "monitor"):
        return reasons
    agreed, now = request["agreement"], request["now"]
    if agreed is None:
        return [*reasons, REASON | {"id": "agreement.missing"}]
    digests = {policy["digest"] for policy in request["policies"]}
    subject, resource = request["subject"], request["resource"]
    active, end = agreed["state"] == "FINALIZED", agreed["expires"]
    party, target = agreed["assignee"], agreed["target"]
    checks = [
        ("not_active", active, "FINALIZED", agreed["state"]),
        ("expired", end is None or end > now, end, now),
        ("party", party in subject["ids"], party, subject["id"]),
        ("target", target in resource["ids"], target, resource["id"]),
        ("digest", digests == {agreed["digest"]}, agreed["digest"], None),
    ]
    return reasons + [
        REASON | {"id": f"agreement.{name}", "expected": expected, "actual": actual}
        for name, passed, expected, actual in checks
        if not passed
    ]


def bite(request: Json, verdict: Json, *, void: bool) -> list[Json]:
    """Return the reasons of a prohibition that bites."""
    rule = verdict["rule"]
    if not verdict["active"] or verdict["value"] not in ("true", "unknown"):
        return []
    about = {"at": rule["id"], "rule": rule["id"], "src": rule["src"]}
    doubts = ("odrl.operand.unknown", "odrl.constraint.unknown", "fact.unavailable")
    return [
        *([REASON | {"id": "odrl.conflict.invalid", "rule": rule["id"]}] if void else []),
        REASON | {"id": "odrl.prohibited", "expected": request["action"]} | about,
        *(reason for reason in verdict["reasons"] if reason["id"] in doubts),
    ]


def decide(request: Json) -> Json:
    """Return the decision on a request; both in JSON form."""
    against = guard(request)
    granting: list[Json] = []
    obligations: list[Json] = []
    owed: list[Json] = []
    active: list[Json] = []
    failing: list[Json] = []
    bites: list[Json] = []
    late: list[Json] = []
    breached: list[Json] = []
    for policy in request["policies"]:
        own = len(granting)
        for rule in policy["permissions"]:
            verdict = judge(request, rule)
            duties = [do_duty(request, rule["id"], duty) for duty in rule["duties"]]
            reasons = verdict["reasons"] + [r for found, _ in duties for r in found]
            if verdict["active"]:
                active.append(verdict)
                failing += reasons
            if verdict["active"] and not reasons:
                granting.append(verdict)
                obligations += [o for _, found in duties for o in found]
        for rule in policy["prohibitions"]:
            verdict = judge(request, rule)
            active += [verdict] if verdict["active"] else []
            void = policy["conflict"] == "invalid" and len(granting) > own
            bites += bite(request, verdict, void=void)
            found, due = remedies(request, rule)
            breached += found
            owed += due
        for duty in policy["obligations"]:
            found, due = do_duty(request, None, duty)
            late += found
            owed += due
    against += bites + breached + late
    permissions = {rule["id"] for policy in request["policies"] for rule in policy["permissions"]}
    decision: Json = {
        "v": 1,
        "id": request["id"],
        "allow": False,
        "effect": "deny",
        "bundle": request["bundle"],
        "policy": [policy["uid"] for policy in request["policies"]],
        "considered": [
            rule["id"]
            for policy in request["policies"]
            for key in ("permissions", "prohibitions", "obligations")
            for rule in policy[key]
        ],
        "rules": [],
        "reasons": against,
        "obligations": [],
        "filters": [],
        "columns": None,
        "masks": [],
        "limits": [],
        "depends": [],
        "deferred": [],
        "ttl": 0,
    }
    if not granting:
        none = REASON | {"id": "odrl.no_permission", "expected": request["action"]}
        covered = any(verdict["rule"]["id"] in permissions for verdict in active)
        decision["reasons"] = against + (failing if covered else [none])
    if against or not granting:
        return decision
    return decision | allowance(request, granting, obligations + owed, active)
