"""Cases as data: what a policy is expected to say to requests, run on an engine, with coverage.

A file holds one policy with its cases, or a list of such::

    {"policy": {…}, "cases": [{"name": "in time", "request": {"action": "use"},
                               "world": {"time": "2026-11-25T00:00:00Z"},
                               "expect": "permit"},
                              {"name": "too late", "request": …, "world": …, "expect": "deny",
                               "reasons": ["odrl.constraint.unsatisfied"]}]}

A reason is an id, or an object of members that one of the reasons has; all reasons are expected,
in any order. An engine that fails is never what a case expects.

Example::

    outcomes = [run_case(engine, case) for case in read_cases(document)]
    coverage(outcomes)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError
from trustspace.policy.constraint import atoms
from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.odrl.names import listed
from trustspace.policy.odrl.reader import read_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trustspace.policy.constraint import Atom, Normal
    from trustspace.policy.document import Rule
    from trustspace.policy.engine import PolicyEngine
    from trustspace.policy.vocabulary import LeftOperand

Json = dict[str, Any]

EXPECTED = ("permit", "deny", "refused")
"""What a case may expect."""

_DUE = frozenset({"odrl:delayPeriod"})
_DUE_WHEN_OWED = frozenset({"odrl:elapsedTime", "odrl:dateTime"})
"""What says until when a duty is due, where it stands in an obligation."""

_MEMBERS = frozenset({"name", "policy", "request", "world", "expect", "reasons", "description"})


@dataclass(frozen=True)
class Case:
    """One request in a world, and what a policy is expected to say.

    Attributes:
        name: Says what it shows.
        question: ``{"id", "policy", "request", "world"}`` for
            `trustspace.policy.odrl.evaluation.evaluate`.
        expect: ``permit``, ``deny`` or ``refused``.
        reasons: Expected reasons, or None where any will do.
    """

    name: str
    question: Json
    expect: str
    reasons: tuple[str | Mapping[str, Any], ...] | None


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        case: The case.
        answer: The whole answer of the engine.
        problems: What was not as expected, in words.
    """

    case: Case
    answer: Json
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.problems

    @property
    def found(self) -> str:
        """``permit``, ``deny`` or ``refused``."""
        return "refused" if self.answer["refused"] else str(self.answer["decision"])


def read_cases(document: Any) -> tuple[Case, ...]:  # noqa: ANN401 - any JSON value
    """Read a file of cases.

    Raises:
        PolicyError: It is none, code ``cases.malformed``, with the place.
    """
    groups = document if isinstance(document, list) else [document]
    return tuple(
        case
        for index, group in enumerate(groups)
        for case in _group(group, f"/{index}" if isinstance(document, list) else "")
    )


def holds_cases(document: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether a document looks like a file of cases, well-formed or not."""
    groups = document if isinstance(document, list) else [document]
    return any(isinstance(group, dict) and {"policy", "cases"} <= group.keys() for group in groups)


def linked(document: Any, read: Callable[[str], Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a file of cases with each policy that it names by a path in its place.

    Args:
        document: The file.
        read: Returns the JSON at a path, which is relative to the file.
    """
    if isinstance(document, list):
        return [linked(group, read) for group in document]
    if isinstance(document, dict) and isinstance(document.get("policy"), str):
        return {**document, "policy": read(document["policy"])}
    return document


def run_case(
    engine: PolicyEngine, case: Case, *, operands: Mapping[str, LeftOperand] | None = None
) -> Outcome:
    """Ask the engine and compare."""
    answer = evaluate(engine, case.question, operands=operands)
    outcome = Outcome(case, answer, ())
    return Outcome(case, answer, tuple(_problems(outcome)))


def coverage(
    outcomes: Iterable[Outcome], *, operands: Mapping[str, LeftOperand] | None = None
) -> Json:
    """Return which rules and constraints came out true and false in the cases.

    Returns:
        ``{"rules": [{"policy", "rule", "kind", "active", "inactive", "constraints":
        [{"constraint", "operand", "true", "false", "unknown"}]}], "operands": {operand: {"true",
        "false", "unknown"}}, "missing": [words], "percent"}``. A rule is to be active once, a
        constraint to be true once and not true once.
    """
    policies: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        policies.setdefault(str(outcome.case.question["policy"]), []).append(outcome)
    rules: list[Json] = []
    for group in policies.values():
        try:
            document = read_policy(group[0].case.question["policy"], operands=operands)
        except PolicyError:
            continue  # Cases that expect a refusal cover no rule.
        rules += [
            {"policy": document.uid, **_covered(rule, document.uids, group)}
            for rule in document.rules
        ]
    return _summed(rules)


def every_atom(rule: Rule) -> list[Atom]:
    """Return every comparison of a rule: its constraints, refinements, and those of its duties."""
    parts: list[Normal] = list(rule.parts)
    parts += [part for action in rule.actions for part in action.refine]
    parts += [part for scope in (*rule.targets, *rule.assignees) for part in scope.refine]
    parts += [part for duty in rule.duties for part in duty.parts if rule.kind != "obligation"]
    return list(atoms(parts))


def _group(group: Any, src: str) -> Iterator[Case]:  # noqa: ANN401 - any JSON value
    if not isinstance(group, Mapping) or not isinstance(group.get("cases"), list):
        raise _wrong('a file of cases is {"policy": …, "cases": […]}', src)
    names: set[str] = set()
    for index, case in enumerate(group["cases"]):
        where = f"{src}/cases/{index}"
        if not isinstance(case, Mapping) or not _MEMBERS.issuperset(case):
            raise _wrong(f"a case is an object with {', '.join(sorted(_MEMBERS))}", where)
        name = case.get("name")
        if not isinstance(name, str) or name in names:
            raise _wrong("a case has a name of its own", where)
        names.add(name)
        if case.get("expect") not in EXPECTED:
            raise _wrong("a case expects permit, deny or refused", f"{where}/expect")
        question = {
            "id": name,
            "policy": case.get("policy", group.get("policy")),
            "request": case.get("request"),
            "world": case.get("world") or group.get("world") or {},
        }
        reasons = tuple(listed(case["reasons"])) if "reasons" in case else None
        yield Case(name, question, case["expect"], reasons)


def _problems(outcome: Outcome) -> Iterator[str]:
    case, answer = outcome.case, outcome.answer
    faults = [one["id"] for one in answer["reasons"] if one["id"].startswith("engine.")]
    if faults:
        yield f"the engine failed: {', '.join(faults)}"
        return
    if outcome.found != case.expect:
        why = answer["refused"]["message"] if answer["refused"] else "; ".join(answer["sentences"])
        yield f"expected {case.expect}, found {outcome.found}" + (f": {why}" if why else "")
    reasons = [answer["refused"]] if answer["refused"] else list(answer["reasons"])
    if case.reasons is None:
        return
    for wanted in case.reasons:
        match = next((one for one in reasons if _fits(one, wanted)), None)
        if match is None:
            yield f"the reason {wanted} is missing"
        else:
            reasons.remove(match)
    for one in reasons:
        yield f"there is another reason, {_id(one)}"


def _id(reason: Mapping[str, Any]) -> object:
    return reason.get("id", reason.get("code"))


def _fits(reason: Mapping[str, Any], wanted: str | Mapping[str, Any]) -> bool:
    if isinstance(wanted, Mapping):
        return all(reason.get(name) == value for name, value in wanted.items())
    return _id(reason) == wanted


def _covered(rule: Rule, uids: Mapping[str, str], group: Sequence[Outcome]) -> Json:
    shown = [entry for one in group for entry in one.answer["rules"] if entry["rule"] == rule.uid]
    active = sum(bool(entry["active"]) for entry in shown)
    deciding = [atom for atom in every_atom(rule) if _comes_out(atom, rule)]
    constraints = []
    for atom in deciding:
        name = uids.get(atom.src, atom.src)
        found = [value for entry in shown for value in _values(entry, name)]
        constraints.append({"constraint": name, "operand": atom.left, **_counted(found)})
    return {
        "rule": rule.uid,
        "kind": rule.kind,
        "active": active,
        "inactive": len(shown) - active,
        "constraints": constraints,
    }


def _comes_out(atom: Atom, rule: Rule) -> bool:
    """Return whether a comparison decides; some say what is delivered, or until when."""
    if atom.operand.shapes_delivery:
        return False
    is_owed = rule.kind == "obligation"
    return atom.left not in (_DUE | _DUE_WHEN_OWED if is_owed else _DUE)


def _values(entry: Mapping[str, Any], name: str) -> Iterator[object]:
    for each in (entry, *entry["duties"]):
        if name in each.get("constraints", {}):
            yield each["constraints"][name]


def _counted(values: Iterable[object]) -> Json:
    counts = Counter(str(value).lower() for value in values)
    return {name: counts[name] for name in ("true", "false", "unknown")}


def _summed(rules: list[Json]) -> Json:
    operands: dict[str, Counter[str]] = {}
    missing: list[str] = []
    wanted = 0
    for rule in rules:
        wanted += 1
        if not rule["active"]:
            missing.append(f"{rule['policy']} {rule['rule']}: {rule['kind']} never active")
        for one in rule["constraints"]:
            wanted += 2
            where = f"{rule['policy']} {one['constraint']} ({one['operand']})"
            if not one["true"]:
                missing.append(f"{where}: never true")
            if not one["false"] + one["unknown"]:
                missing.append(f"{where}: never false")
            counts = operands.setdefault(one["operand"], Counter())
            counts.update({name: one[name] for name in ("true", "false", "unknown")})
    return {
        "rules": rules,
        "operands": {name: dict(operands[name]) for name in sorted(operands)},
        "missing": missing,
        "percent": 100 if not wanted else 100 * (wanted - len(missing)) // wanted,
    }


def _wrong(message: str, src: str) -> PolicyError:
    return PolicyError(message, code="cases.malformed", location=src)
