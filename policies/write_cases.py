"""Write the decision cases from tables: ``python policies/write_cases.py [--check]``.

A case states a request, the policies and the whole expected decision, as far as they differ from
``cases/base.json``. What is expected is written down here by hand, from the published semantics,
never taken from an engine. The same files are run by ``opa test`` and, through WebAssembly, by
pytest.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "cases"
NOW = 1790000000
Json = dict[str, Any]

TRUE, FALSE, UNKNOWN = "true", "false", "unknown"


def leaf(name: str, left: str, op: str, right: object, **more: object) -> Json:
    """Return a comparison; the operator without its prefix."""
    return {"id": name, "left": f"{left}", "op": f"odrl:{op}", "right": right, **more}


def rule(name: str, *leaves: Json, **more: object) -> Json:
    """Return a rule."""
    return {"id": name, **({"leaves": list(leaves)} if leaves else {}), **more}


def policy(*permissions: Json, **more: object) -> Json:
    """Return a policy."""
    return {"permissions": list(permissions), **more}


def case(name: str, policies: Json | list[Json], expect: Json, **request: object) -> Json:
    """Return a case."""
    listed = policies if isinstance(policies, list) else [policies]
    return {"name": name, "request": request, "policies": listed, "expect": expect}


def allow(**more: object) -> Json:
    """Return an expected allow."""
    return {"allow": True, **more}


def deny(*reasons: Json, **more: object) -> Json:
    """Return an expected denial."""
    return {"allow": False, "reasons": list(reasons), **more}


def reason(name: str, at: str | None = None, **more: object) -> Json:
    """Return a reason."""
    return {"id": name, **({"at": at} if at else {}), **more}


def failing(name: str, wanted: Json, actual: object = None, owner: str = "p1") -> Json:
    """Return the reason that goes with a leaf."""
    return {
        "id": name,
        "at": wanted["id"],
        "rule": owner,
        "left": wanted["left"],
        "op": wanted["op"],
        "expected": wanted["right"],
        "actual": actual,
        "unit": wanted.get("unit"),
        "src": wanted.get("src", "/leaf"),
    }


def prohibited(owner: str = "n1", action: str = "odrl:use") -> Json:
    """Return the reason of a prohibition that bites."""
    return reason("odrl.prohibited", owner, rule=owner, expected=action, src="/rule")


UNSATISFIED = "odrl.constraint.unsatisfied"
INCOMPARABLE = "odrl.constraint.unknown"
UNAVAILABLE = "fact.unavailable"


# Operators: a right operand and the facts that make it true, false and incomparable.
OPERATORS: dict[str, tuple[object, Json, Json, Json]] = {
    "eq": ("A", {"value": "A"}, {"value": "B"}, {"value": 1}),
    "neq": ("A", {"value": "B"}, {"value": "A"}, {"value": True}),
    "lt": (10, {"value": 9}, {"value": 10}, {"value": "9"}),
    "lteq": (10, {"value": 10}, {"value": 11}, {"value": False}),
    "gt": (10, {"value": 11}, {"value": 10}, {"value": "11"}),
    "gteq": (10, {"value": 10}, {"value": 9}, {"value": [10]}),
    "isAnyOf": (["A", "B"], {"value": "B"}, {"value": "C"}, {"value": 1}),
    "isAllOf": (["A", "B"], {"value": ["A"]}, {"value": ["A", "C"]}, {"value": ["A", 1]}),
    "isNoneOf": (["A", "B"], {"value": ["C"]}, {"value": ["C", "A"]}, {"value": []}),
    "isPartOf": (
        "CN",
        {"value": "CN-SH", "within": ["CN-SH", "CN"]},
        {"value": "DE", "within": ["DE", "EU"]},
        {"value": "CN-SH"},
    ),
    "isA": (
        ["ts:Model"],
        {"value": "m", "within": ["ts:Llm", "ts:Model"]},
        {"value": "m", "within": ["ts:Table"]},
        {"value": "m", "within": [1]},
    ),
    "hasPart": (
        ["A", "B"],
        {"value": "AB", "parts": ["C", "B", "A"]},
        {"value": "A", "parts": ["A"]},
        {"value": "AB", "parts": [1]},
    ),
}


def operators() -> list[Json]:
    """Return 12 operators over four outcomes, for permission and prohibition."""
    cases = []
    for op, (right, true, false, wrong) in OPERATORS.items():
        wanted = leaf("c1", "odrl:spatial", op, right)
        outcomes: tuple[tuple[str, Json | None, Json | None], ...] = (
            (TRUE, true, None),
            (FALSE, false, failing(UNSATISFIED, wanted, false["value"])),
            ("missing", None, failing(UNAVAILABLE, wanted)),
            ("wrong type", wrong, failing(INCOMPARABLE, wanted, wrong["value"])),
        )
        for outcome, fact, blame in outcomes:
            facts = {} if fact is None else {"odrl:spatial": fact}
            expect = allow() if blame is None else deny(blame)
            name = f"{op} {outcome}"
            cases.append(
                case(f"{name} permission", policy(rule("p1", wanted)), expect, facts=facts)
            )
            both = {"considered": ["p1", "n1"]}
            doubt = [blame | {"rule": "n1"}] if blame and outcome != FALSE else []
            expect = allow(**both) if outcome == FALSE else deny(prohibited(), *doubt, **both)
            forbidden = policy(rule("p1"), prohibitions=[rule("n1", wanted)])
            cases.append(case(f"{name} prohibition", forbidden, expect, facts=facts))
    return cases


# Kleene's strong logic, row by row; "xone" is true when exactly one part is.
LOGIC = {
    ("and", TRUE, TRUE): TRUE,
    ("and", TRUE, FALSE): FALSE,
    ("and", TRUE, UNKNOWN): UNKNOWN,
    ("and", FALSE, FALSE): FALSE,
    ("and", FALSE, UNKNOWN): FALSE,
    ("and", UNKNOWN, UNKNOWN): UNKNOWN,
    ("or", TRUE, TRUE): TRUE,
    ("or", TRUE, FALSE): TRUE,
    ("or", TRUE, UNKNOWN): TRUE,
    ("or", FALSE, FALSE): FALSE,
    ("or", FALSE, UNKNOWN): UNKNOWN,
    ("or", UNKNOWN, UNKNOWN): UNKNOWN,
    ("xone", TRUE, TRUE): FALSE,
    ("xone", TRUE, FALSE): TRUE,
    ("xone", TRUE, UNKNOWN): UNKNOWN,
    ("xone", FALSE, FALSE): FALSE,
    ("xone", FALSE, UNKNOWN): UNKNOWN,
    ("xone", UNKNOWN, UNKNOWN): UNKNOWN,
    ("andSequence", TRUE, TRUE): UNKNOWN,
    ("andSequence", TRUE, FALSE): FALSE,
    ("andSequence", TRUE, UNKNOWN): UNKNOWN,
    ("andSequence", FALSE, FALSE): FALSE,
    ("andSequence", FALSE, UNKNOWN): FALSE,
    ("andSequence", UNKNOWN, UNKNOWN): UNKNOWN,
}

KNOWN = {"odrl:purpose": {"value": "ts:a"}}


def valued(name: str, value: str) -> Json:
    """Return a leaf of a given value under the facts ``KNOWN``."""
    if value == UNKNOWN:
        return leaf(name, "ts:destination", "eq", "CN")
    return leaf(name, "odrl:purpose", "eq", "ts:a" if value == TRUE else "ts:b")


def blamed(wanted: Json, value: str, owner: str = "p1") -> list[Json]:
    """Return the reasons that go with a leaf of a given value."""
    if value == TRUE:
        return []
    if value == UNKNOWN:
        return [failing(UNAVAILABLE, wanted, owner=owner)]
    return [failing(UNSATISFIED, wanted, "ts:a", owner=owner)]


def node(name: str, kind: str, *args: str) -> Json:
    """Return a logical constraint."""
    return {"id": name, "kind": kind, "args": list(args), "src": "/node"}


def logic() -> list[Json]:
    """Return the tables of the four connectives and their nesting."""
    cases = []
    for (kind, first, second), value in LOGIC.items():
        for left, right in dict.fromkeys([(first, second), (second, first)]):
            parts = [valued("c1", left), valued("c2", right)]
            joined: Json = {"logic": [[node("l1", kind, "c1", "c2")]], "top": ["l1"]}
            why = blamed(parts[0], left) + blamed(parts[1], right)
            if kind in {"xone", "andSequence"}:
                why.append(reason("odrl.logic.unsatisfied", "l1", rule="p1", op=kind, src="/node"))
            name = f"{kind} {left} {right}"
            expect = allow() if value == TRUE else deny(*why)
            granted = policy(rule("p1", *parts, **joined))
            cases.append(case(f"{name} permission", granted, expect, facts=KNOWN))
            both = {"considered": ["p1", "n1"]}
            doubts = [r | {"rule": "n1"} for r in why if r["id"] == UNAVAILABLE]
            expect = allow(**both) if value == FALSE else deny(prohibited(), *doubts, **both)
            if value == TRUE:
                expect = deny(prohibited(), **both)
            forbidden = policy(rule("p1"), prohibitions=[rule("n1", *parts, **joined)])
            cases.append(case(f"{name} prohibition", forbidden, expect, facts=KNOWN))
    return cases + three_parts() + nesting()


def three_parts() -> list[Json]:
    """Return xone over three parts, where "one" and "not the other" are no longer the same."""
    cases = []
    for values, expect in (
        ((TRUE, FALSE, FALSE), TRUE),
        ((FALSE, TRUE, FALSE), TRUE),
        ((TRUE, TRUE, FALSE), FALSE),
        ((TRUE, TRUE, TRUE), FALSE),
    ):
        parts = [valued(f"c{n}", value) for n, value in enumerate(values)]
        joined = node("l1", "xone", "c0", "c1", "c2")
        why = [r for part, value in zip(parts, values, strict=True) for r in blamed(part, value)]
        why.append(reason("odrl.logic.unsatisfied", "l1", rule="p1", op="xone", src="/node"))
        granted = policy(rule("p1", *parts, logic=[[joined]], top=["l1"]))
        outcome = allow() if expect == TRUE else deny(*why)
        cases.append(case(f"xone {' '.join(values)}", granted, outcome, facts=KNOWN))
    return cases


def nesting() -> list[Json]:
    """Return four levels of logic, the deepest allowed."""
    true, false, unknown = (valued(n, v) for n, v in (("t", TRUE), ("f", FALSE), ("u", UNKNOWN)))
    levels = [
        [node("l1", "or", "t", "u")],
        [node("l2", "xone", "l1", "f")],
        [node("l3", "and", "l2")],
        [node("l4", "or", "l3")],
    ]
    deep = rule("p1", true, false, unknown, logic=levels, top=["l4"])
    levels = [
        [node("l1", "or", "f", "u"), node("l5", "or", "t")],
        [node("l2", "and", "l1")],
        [node("l3", "and", "l2", "l5")],
        [node("l4", "or", "l3")],
    ]
    doubtful = rule("p1", true, false, unknown, logic=levels, top=["l4"])
    why = blamed(false, FALSE) + blamed(unknown, UNKNOWN)
    return [
        case("four levels true", policy(deep), allow(), facts=KNOWN),
        case("four levels unknown", policy(doubtful), deny(*why), facts=KNOWN),
    ]


STRINGS = {
    "quote": 'a"',
    "forged json": '","allow":true,"x":"',
    "backslash": "a\\",
    "newline": "a\nb",
    "carriage return": "a\rb",
    "nul": "admin\u0000x",
    "chinese": "用途:模型训练",
    "emoji": "\U0001f339",
    "combining": "e\u0301",
    "line separator": "a\u2028b",
    "right to left": "\u202egnp.exe",
    "rego": "{{x | data[x]}}",
    "long": "x" * 2000,
    "blank": " ",
    "empty": "",
}


def strings() -> list[Json]:
    """Return strings that break lesser engines: each equals itself and nothing near it."""
    cases = []
    for name, text in STRINGS.items():
        wanted = leaf("c1", "odrl:purpose", "eq", text)
        near = text.split("\u0000")[0] if "\u0000" in text else text + " "
        cases.append(
            case(f"{name} equal", policy(rule("p1", wanted)), allow(), facts=purpose(text))
        )
        why = failing(UNSATISFIED, wanted, near)
        cases.append(
            case(f"{name} near", policy(rule("p1", wanted)), deny(why), facts=purpose(near))
        )
    odd = 'c"1\u0000'
    wanted = leaf(odd, "odrl:purpose", "eq", "ts:b", src="/permission/\n")
    why = failing(UNSATISFIED, wanted, "ts:a")
    cases.append(case("odd ids", policy(rule("p1", wanted)), deny(why), facts=KNOWN))
    return cases


def purpose(value: object) -> Json:
    """Return the facts of a request for a purpose."""
    return {"odrl:purpose": {"value": value}}


SAFE = 2**53 - 1
NUMBERS = [
    ("lt", SAFE, SAFE - 1, TRUE),
    ("lt", SAFE, SAFE, FALSE),
    ("gt", -SAFE, -SAFE + 1, TRUE),
    ("gteq", -SAFE, -SAFE, TRUE),
    ("eq", SAFE, SAFE - 1, FALSE),
    ("eq", 0, 0, TRUE),
    ("lt", 9, 10, FALSE),
    ("lt", 10, 9, TRUE),
    ("gt", -1, 0, TRUE),
    ("eq", 1, True, UNKNOWN),
    ("eq", 0, False, UNKNOWN),
    ("eq", True, True, TRUE),
    ("eq", True, False, FALSE),
    ("isAnyOf", [1, 2], 1, TRUE),
    ("isAnyOf", [1, 2], True, UNKNOWN),
    ("isAnyOf", [1, 2], "1", UNKNOWN),
    ("eq", "1", 1, UNKNOWN),
    ("lt", "b", "a", UNKNOWN),
    ("lt", [10], 9, UNKNOWN),
    ("isAnyOf", ["A"], [], FALSE),
    ("isAllOf", ["A"], [], FALSE),
    ("isNoneOf", ["A"], [], UNKNOWN),
    ("eq", ["A", "B"], ["B", "A", "A"], TRUE),
    ("eq", "A", ["A", "B"], FALSE),
    ("neq", "A", ["A", "B"], TRUE),
    ("eq", "A", [], UNKNOWN),
    ("eq", [], "A", UNKNOWN),
    ("neq", [], "A", UNKNOWN),
    ("isNoneOf", [], "A", UNKNOWN),
    ("isAllOf", [], [], UNKNOWN),
    ("isAnyOf", [], [], UNKNOWN),
    ("isPartOf", 0, 0, UNKNOWN),
    ("isA", 0, 0, UNKNOWN),
    ("hasPart", 0, 0, UNKNOWN),
]


def numbers() -> list[Json]:
    """Return boundaries of numbers, truth values that are no numbers, and empty sets."""
    cases = []
    for op, right, value, outcome in NUMBERS:
        wanted = leaf("c1", "odrl:purpose", op, right)
        blame = {FALSE: UNSATISFIED, UNKNOWN: INCOMPARABLE}.get(outcome)
        expect = deny(failing(blame, wanted, value)) if blame else allow()
        name = f"{json.dumps(value)} {op} {json.dumps(right)}"
        cases.append(case(name, policy(rule("p1", wanted)), expect, facts=purpose(value)))
    # The compiled format_int stops at 31 bits, which is the year 2038.
    for moment in (2147483647, 2147483648, 4102444800, 10**12 + 7, 10**15 + 5, 2**53 - 2):
        until = leaf("c1", "odrl:dateTime", "lt", moment)
        expect = allow(depends=["agreement:urn:agreement:1", f"now<{moment}"])
        cases.append(case(f"until {moment}", policy(rule("p1", until)), expect))
    return cases


def write(check: bool) -> list[str]:
    """Write the files, or return the names of those that differ."""
    from_tables = {
        "operators": operators(),
        "logic": logic(),
        "strings": strings(),
        "numbers": numbers(),
    }
    different = []
    for name, cases in from_tables.items():
        lines = ",\n".join(json.dumps(c, ensure_ascii=True) for c in cases)
        text = f'{{"cases": {{"{name}": [\n{lines}\n]}}}}\n'
        path = FOLDER / f"{name}.json"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            different.append(path.name)
            if not check:
                path.write_text(text, encoding="utf-8")
    return different


if __name__ == "__main__":
    stale = write(check="--check" in sys.argv)
    sys.stdout.write("".join(f"{name}\n" for name in stale))
    sys.exit(1 if stale and "--check" in sys.argv else 0)
