"""The port to a policy engine, and how any engine's answer is read: whatever is odd denies.

An engine never raises. A fault of any kind is a denial whose reason starts with ``engine.``, so
that a caller has one thing to handle. An answer counts only when it is a decision document of the
engine's own revision, for this request, over exactly the rules that went in.

Example::

    answer = b'[{"result": {"v": 1, "allow": true, ...}}]'
    read_decision(answer, request, engine.revision)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from trustspace.errors import PolicyError
from trustspace.policy.decision import Decision, DecisionRequest, Reason, Trace
from trustspace.policy.predicate import Document

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_INPUT_BYTES = 1_000_000
"""Largest input of one evaluation, encoded."""

ResultT = TypeVar("ResultT")


@runtime_checkable
class PolicyEngine(Protocol):
    """Decides requests; never raises."""

    @property
    def revision(self) -> str:
        """Digest of the policy sources, to be put into ``DecisionRequest.bundle``."""
        ...

    def decide(self, request: DecisionRequest) -> Decision:
        """Return the decision, or a denial with an ``engine.*`` reason."""
        ...

    def decide_many(self, requests: Sequence[DecisionRequest]) -> list[Decision]:
        """Return one decision per request, in their order."""
        ...

    def trace(self, request: DecisionRequest) -> Trace | None:
        """Return how every rule came out, or None when the engine failed."""
        ...


class EngineFaultError(PolicyError):
    """An evaluation failed; every engine turns it into a denial before it returns.

    Args:
        code: Id of the reason, ``engine.*``.
        message: What happened, for the log.
    """

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code, code=code)


class _One(Document):
    result: Decision


class _Told(Document):
    result: Trace


class _Many(Document):
    result: tuple[Decision, ...]


_ONE = TypeAdapter(tuple[_One])
_MANY = TypeAdapter(tuple[_Many])
_TOLD = TypeAdapter(tuple[_Told])


def denial(request: DecisionRequest, code: str, revision: str) -> Decision:
    """Return the decision on a request that an engine could not decide."""
    # Constructed, not validated: a request that cannot be encoded has to be denied all the same.
    nothing = dict.fromkeys(Reason.model_fields)
    return Decision.model_construct(
        v=1,
        id=request.id,
        allow=False,
        effect="deny",
        bundle=revision,
        policy=tuple(policy.uid for policy in request.policies),
        considered=(),
        rules=(),
        reasons=(Reason.model_validate(nothing | {"id": code}),),
        obligations=(),
        filters=(),
        columns=None,
        masks=(),
        limits=(),
        depends=(),
        deferred=(),
        ttl=0,
    )


def encode(request: DecisionRequest) -> bytes:
    """Return a request as JSON.

    Raises:
        EngineFaultError: It holds what JSON cannot (``engine.input``) or is larger than
            ``MAX_INPUT_BYTES`` (``engine.input_too_large``).
    """
    try:
        document = request.model_dump_json().encode()
    except (PydanticSerializationError, ValueError) as error:
        raise EngineFaultError("engine.input", str(error)) from error
    if len(document) > MAX_INPUT_BYTES:
        raise EngineFaultError("engine.input_too_large", f"{len(document)} bytes")
    return document


def read_decision(answer: bytes, request: DecisionRequest, revision: str) -> Decision:
    """Read an engine's answer to one request, in OPA's form ``[{"result": …}]``.

    Raises:
        EngineFaultError: The answer is not a decision on this request.
    """
    decision = _read(_ONE, answer)[0].result
    _check(decision, request, revision)
    return decision


def read_decisions(
    answer: bytes, requests: Sequence[DecisionRequest], revision: str
) -> list[Decision]:
    """Read an engine's answer to several requests.

    Raises:
        EngineFaultError: The answer is not a list of decisions on exactly these requests.
    """
    decisions = _read(_MANY, answer)[0].result
    if len(decisions) != len(requests):
        raise EngineFaultError("engine.undefined", f"{len(decisions)} of {len(requests)} decisions")
    for decision, request in zip(decisions, requests, strict=True):
        _check(decision, request, revision)
    return list(decisions)


def read_trace(answer: bytes, request: DecisionRequest, revision: str) -> Trace:
    """Read how a request came out, rule by rule.

    Raises:
        EngineFaultError: The answer is not about exactly this request's rules.
    """
    trace = _read(_TOLD, answer)[0].result
    if trace.bundle != revision or trace.id != request.id:
        raise EngineFaultError("engine.revision", f"told by {trace.bundle}")
    if tuple(rule.rule for rule in trace.rules) != request.rule_ids():
        raise EngineFaultError("engine.considered")
    return trace


def _read(adapter: TypeAdapter[tuple[ResultT]], answer: bytes) -> tuple[ResultT]:
    if answer == b"[]":
        raise EngineFaultError("engine.undefined")
    try:
        return adapter.validate_json(answer)
    except ValidationError as error:
        raise EngineFaultError("engine.schema", str(error)) from error


def _check(decision: Decision, request: DecisionRequest, revision: str) -> None:
    """Compare a decision with the question that was asked."""
    if decision.bundle != revision:
        raise EngineFaultError("engine.revision", f"decided by {decision.bundle}")
    if decision.id != request.id:
        raise EngineFaultError("engine.schema", f"answers {decision.id}, not {request.id}")
    if decision.considered != request.rule_ids():
        raise EngineFaultError("engine.considered")
