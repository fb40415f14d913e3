"""One question about one policy, as other people's test suites ask it.

The policy is ODRL in any spelling; the request says who does what to which asset, in which context;
the world says what the time is, who belongs to which collection, which duties are done and what was
paid. The answer is the engine's, told rule by rule. A policy that is malformed is *refused*, which
is not the same as *denied*.

Example::

    evaluate(engine, {"policy": {...}, "request": {"action": "use", "target": "urn:d",
             "context": {"purpose": "urn:research"}}, "world": {"time": "2026-11-25T00:00:00Z"}})
    # {'decision': 'permit', 'refused': None, 'rules': [...], 'reasons': []}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from trustspace.errors import PolicyError
from trustspace.policy.decision import DecisionRequest
from trustspace.policy.explain import explain, summary
from trustspace.policy.lowering import Lowered, lower_document
from trustspace.policy.odrl.answer import denied_reasons, owed, shape_of, shown_rules, written
from trustspace.policy.odrl.names import Names, listed
from trustspace.policy.odrl.reader import read_policy
from trustspace.policy.odrl.world import Question, read_question

if TYPE_CHECKING:
    from trustspace.policy.decision import Decision, Reason
    from trustspace.policy.document import Document
    from trustspace.policy.engine import PolicyEngine
    from trustspace.policy.messages import Language
    from trustspace.policy.vocabulary import LeftOperand

Json = dict[str, Any]


def evaluate(
    engine: PolicyEngine,
    line: Any,  # noqa: ANN401 - any JSON value
    *,
    operands: Mapping[str, LeftOperand] | None = None,
    language: Language | None = None,
) -> Json:
    """Answer one question.

    Args:
        engine: The engine.
        line: ``{"id"?, "policy", "request", "world"?}``.
        operands: Left operands declared beside the known ones.
        language: Language of the sentences; by default English. Where one is given there is a
            ``summary`` as well, the decision in one line.

    Returns:
        ``{"id", "decision", "refused", "rules", "reasons", "obligations", "delivery",
        "sentences"}``; a refused policy denies.
    """
    name = line.get("id") if isinstance(line, Mapping) else None
    try:
        document, lowered, question = _read(line, operands or {})
        request = _request(engine, question, document, lowered)
    except PolicyError as error:
        return refused(name, error)
    except ValidationError as error:
        return refused(name, _too_large(error))
    decision, told = engine.decide(request), engine.trace(request)
    reasons = written(decision, operands or {})
    spoken = {} if language is None else {"summary": _summary(decision, reasons, language)}
    return {
        "id": name,
        "decision": "permit" if decision.allow else "deny",
        "refused": None,
        "rules": shown_rules(told, document, lowered),
        "reasons": denied_reasons(reasons, lowered),
        "obligations": owed(decision, lowered),
        "delivery": shape_of(decision),
        "sentences": list(explain(reasons, language=language or "en")),
        **spoken,
    }


def refused(name: object, error: PolicyError) -> Json:
    """Return the answer to a question whose policy or request is not understood."""
    why = {
        "code": error.code,
        "pointer": error.location,
        "message": str(error) + (f"; {error.hint}" if error.hint else ""),
    }
    empty: Json = {"rules": [], "reasons": [], "obligations": [], "sentences": []}
    return {"id": name, "decision": "deny", "refused": why, "delivery": None} | empty


def _summary(decision: Decision, reasons: Sequence[Reason], language: Language) -> str:
    return summary(decision if decision.allow else reasons, language=language)


def _read(
    line: Any,  # noqa: ANN401 - any JSON value
    operands: Mapping[str, LeftOperand],
) -> tuple[Document, Lowered, Question]:
    if not isinstance(line, Mapping):
        raise PolicyError("a question is an object", code="request.malformed", location="")
    policy = line.get("policy")
    world = line.get("world") or {}
    if not isinstance(world, Mapping):
        raise PolicyError("the world is an object", code="request.malformed", location="/world")
    node = policy[0] if isinstance(policy, list) and len(policy) == 1 else policy
    names = Names.of(node) if isinstance(node, Mapping) else Names()
    operands = {
        names.term(name): replace(operand, name=names.term(name))
        for name, operand in operands.items()
    }
    document = read_policy(policy, operands=operands, names=names)
    others = [
        read_policy(other, operands=operands)
        for source in (world.get("policies"), line.get("policies"))
        for other in listed(source)
    ]
    lowered = lower_document(document, {other.uid: other for other in others})
    question = read_question(line.get("request"), world, names, lowered, operands)
    return document, lowered, question


def _request(
    engine: PolicyEngine, question: Question, document: Document, lowered: Lowered
) -> DecisionRequest:
    # What somebody else owes does not bind whoever asks.
    policies = [
        policy.model_copy(
            update={
                "obligations": tuple(
                    duty for duty in policy.obligations if question.is_bound(lowered.rules[duty.id])
                )
            }
        )
        for policy in lowered.policies
    ]
    return DecisionRequest(
        v=1,
        id=f"evaluation:{document.uid}"[:500],
        point="evaluation",
        now=question.now,
        bundle=engine.revision,
        action=question.action,
        subject=question.subject,
        resource=question.resource,
        agreement=None,
        facts=dict(question.facts),
        duties=question.duties,
        policies=tuple(policies),
    )


def _too_large(error: ValidationError) -> PolicyError:
    found = error.errors(include_url=False, include_input=False)
    first = found[0]
    where = ".".join(str(part) for part in first["loc"])
    if any(one["type"] == "string_unicode" for one in found):
        return PolicyError(
            f"a text holds half a character (a lone surrogate): {where}",
            code="policy.malformed",
            location="",
        )
    return PolicyError(
        f"the question does not fit the engine's documents: {where} {first['msg']}",
        code="policy.limit",
        location="",
    )
