"""Decision cases in their short form (``policies/cases``) made into whole documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trustspace.policy.decision import DecisionRequest

Json = dict[str, Any]

POLICIES = Path(__file__).parents[2] / "policies"


def load(folder: Path = POLICIES / "cases") -> tuple[Json, dict[str, Json]]:
    """Return the base documents and the cases by ``group/name``."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    groups = {name: cases for file in files for name, cases in file.get("cases", {}).items()}
    base: Json = next(file["base"] for file in files if "base" in file)
    return base, {f"{group}/{c['name']}": c for group, cases in groups.items() for c in cases}


BASE, CASES = load()


def merged(below: Any, above: Any) -> Any:
    """Return ``object.union`` of two JSON values."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {key: merged(below.get(key), value) for key, value in above.items()}


def duty(given: Json) -> Json:
    """Return a duty in full."""
    refine = [BASE["leaf"] | leaf for leaf in given.get("refine", [])]
    leaves = [BASE["leaf"] | leaf for leaf in given.get("leaves", [])]
    top = given.get("top", [leaf["id"] for leaf in leaves])
    consequences = [duty(each) for each in given.get("consequences", [])]
    whole: Json = BASE["duty"] | given
    more = {"refine": refine, "leaves": leaves, "top": top, "consequences": consequences}
    return whole | more


def rule(given: Json) -> Json:
    """Return a rule in full; without ``top``, every leaf stands there."""
    leaves = [BASE["leaf"] | leaf for leaf in given.get("leaves", [])]
    top = given.get("top", [leaf["id"] for leaf in leaves])
    duties = [duty(d) for d in given.get("duties", [])]
    whole: Json = BASE["rule"] | given
    return whole | {"leaves": leaves, "top": top, "duties": duties}


def policy(given: Json) -> Json:
    """Return a policy in full."""
    whole: Json = BASE["policy"] | given
    return whole | {
        "permissions": [rule(r) for r in given.get("permissions", [])],
        "prohibitions": [rule(r) for r in given.get("prohibitions", [])],
        "obligations": [duty(d) for d in given.get("obligations", [])],
    }


def request(case: Json, revision: str) -> Json:
    """Return the request of a case."""
    whole: Json = merged(BASE["request"], case.get("request", {}))
    whole["policies"] = [policy(p) for p in case["policies"]]
    whole["facts"] = {name: BASE["fact"] | fact for name, fact in whole["facts"].items()}
    fulfilled = {}
    for name, proof in whole["duties"]["fulfilled"].items():
        facts = {left: BASE["fact"] | fact for left, fact in proof.get("facts", {}).items()}
        fulfilled[name] = (
            {"at": 1785000000, "evidence": "urn:evidence:1"} | proof | {"facts": facts}
        )
    whole["duties"] = whole["duties"] | {"fulfilled": fulfilled}
    whole["bundle"] = revision if whole["bundle"] == "@" else whole["bundle"]
    return whole


def read_request(case: Json, revision: str) -> DecisionRequest:
    """Return the request of a case as a value."""
    return DecisionRequest.model_validate_json(json.dumps(request(case, revision)))


def expected(case: Json, revision: str) -> Json:
    """Return the decision that a case expects."""
    given = case["expect"]
    whole: Json = BASE["decision"] | ({} if given["allow"] else BASE["denial"]) | given
    reasons = [BASE["reason"] | reason for reason in given.get("reasons", [])]
    for reason in reasons:
        reason["expected"] = revision if reason["expected"] == "@" else reason["expected"]
    obligations = [BASE["obligation"] | o for o in given.get("obligations", [])]
    return whole | {"bundle": revision, "reasons": reasons, "obligations": obligations}
