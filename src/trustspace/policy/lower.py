"""Lowering: an ODRL policy becomes the flat, typed rules that the engine evaluates.

Everything that can be known without the request is settled here, once per policy: spellings, the
action tree, types, dates as Unix seconds, limits, filters and masks, and the pointer of every
constraint into the policy as it was written. What cannot be evaluated is refused here, so that a
policy that was accepted is a policy that is understood.

Example::

    ir = lower(offer, kind="offer", target="urn:uuid:d1")
    ir.permissions[0].leaves[0].right  # 1798732800
    lower(Offer.read({..."leftOperand": "partner"...}), kind="offer")
    # UnsupportedTermError: left operand 'partner' is not supported  (.location, .hint)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.model.value import canonical
from trustspace.policy.constraint import count_nodes, refuse_unknown_members
from trustspace.policy.lowering import Lowered, Standing
from trustspace.policy.rule import MAX_NODES, MAX_RULES, PolicyIR
from trustspace.policy.vocabulary import ODRL_NAMESPACE, TRUSTSPACE_NAMESPACE, compact
from trustspace.policy.wire_policy import read_wire

if TYPE_CHECKING:
    from trustspace.model.odrl import Policy

PolicyKind = Literal["offer", "agreement", "set"]

MAX_BYTES = 256_000
"""Bytes of one policy in canonical form."""

MAX_CACHED_BYTES = 16_384
"""Bytes of a policy up to which its lowering is kept."""

PROFILES = frozenset({TRUSTSPACE_NAMESPACE, ODRL_NAMESPACE, f"{ODRL_NAMESPACE}core"})
"""Profiles whose terms are understood; a policy of another profile is refused."""

_POLICY_MEMBERS = frozenset({"assigner", "assignee", "conflict", "uid", "@context"})
"""Members of a policy that the model does not name and lowering understands."""


def lower(
    policy: Policy,
    *,
    kind: PolicyKind,
    target: str | None = None,
    assignee: str | None = None,
    signed: datetime | None = None,
    known_digest: str | None = None,
    prefix: str = "",
) -> PolicyIR:
    """Return the normalised rules of a policy.

    Args:
        policy: Policy as on the wire.
        kind: What it is: ``offer``, ``agreement``, or ``set`` for the operator's own.
        target: Dataset id where the policy names none (offers inside a catalogue).
        assignee: Participant id where the policy names none.
        signed: When the agreement was signed; by default its ``timestamp``.
        known_digest: ``sha256:…`` of the policy where the caller has it; saves working it out.
        prefix: Put before every rule id, to tell the rules of several policies apart.

    Returns:
        The rules, with the ids that `trustspace.policy.lowering` gives them. Small policies are
        lowered once.

    Raises:
        UnsupportedTermError: A term cannot be evaluated (``policy.unsupported``), with the pointer.
        PolicyError: A value has the wrong form (``policy.datatype``, ``policy.datetime.no_zone``,
            ``policy.where``, ``policy.mask``), the policy is too large (``policy.limit``) or
            about another dataset (``policy.target``).
    """
    body = b"" if known_digest else _canonical(policy)
    source = _Source(
        digest=known_digest or _sha256(body),
        kind=kind,
        target=_target(policy, target),
        assignee=_party(policy, "assignee") or assignee,
        signed=signed or _timestamp(policy),
        uid=policy.id,
        prefix=prefix,
        policy=policy,
    )
    # Large policies of strangers must not pile up in memory.
    return _lower(source) if len(body) <= MAX_CACHED_BYTES else _lower.__wrapped__(source)


def policy_digest(policy: Policy) -> str:
    """Return ``sha256:…`` of a policy as it stands on the wire, as `lower` names it.

    Raises:
        PolicyError: It holds a value without a canonical form, code ``policy.datatype``.
    """
    return _sha256(_canonical(policy))


def _sha256(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _canonical(policy: Policy) -> bytes:
    try:
        return canonical(policy.to_wire())
    except ValueError as error:
        raise PolicyError(
            f"the policy has a value without a canonical form: {error}", code="policy.datatype"
        ) from error


@dataclass(frozen=True)
class _Source:
    """Arguments of a lowering; the digest stands for the policy when two are compared."""

    digest: str
    kind: PolicyKind
    target: str | None
    assignee: str | None
    signed: datetime | None
    uid: str
    prefix: str
    policy: Policy = field(compare=False)


@lru_cache(maxsize=256)
def _lower(source: _Source) -> PolicyIR:
    policy = source.policy
    _check_size(policy)
    conflict = _check_members(policy)
    document = read_wire(policy, kind=source.kind, conflict=conflict, signed=source.signed)
    standing = Standing(
        digest=source.digest,
        prefix=source.prefix,
        target=source.target,
        assignee=source.assignee,
        counts=True,
    )
    try:
        return Lowered().add(document, standing)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise PolicyError(
            f"the policy does not fit the engine's documents: {first['msg']}", code="policy.limit"
        ) from error


def _check_size(policy: Policy) -> None:
    if policy.is_empty:
        raise PolicyError("the policy permits nothing: it has no rule", code="policy.empty")
    rules = [each for _, rule in policy.rules() for each in (rule, *rule.within())]
    nodes = sum(count_nodes(tuple(rule.constrained())) for rule in rules)
    size = len(_canonical(policy))
    for found, most, what in (
        (len(rules), MAX_RULES, "rules"),
        (nodes, MAX_NODES, "constraints"),
        (size, MAX_BYTES, "bytes"),
    ):
        if found > most:
            raise PolicyError(
                f"a policy has at most {most} {what}, found {found}", code="policy.limit"
            )


def _check_members(policy: Policy) -> Literal["prohibit", "invalid"]:
    extra: dict[str, Any] = policy.model_extra or {}
    refuse_unknown_members(
        {name: value for name, value in extra.items() if name not in _POLICY_MEMBERS}, ""
    )
    profiles = (policy.profile,) if isinstance(policy.profile, str) else policy.profile or ()
    for profile in profiles:
        if profile not in PROFILES:
            raise UnsupportedTermError(
                f"profile {profile[:200]!r} is not supported",
                code="policy.unsupported",
                location="/profile",
                hint="leave the profile out and use terms of ODRL core",
            )
    conflict = str(extra.get("conflict", "prohibit"))
    if compact(conflict) not in ("odrl:prohibit", "odrl:invalid"):
        raise UnsupportedTermError(
            f"conflict strategy {conflict[:200]!r} is not supported",
            code="policy.unsupported",
            location="/conflict",
            hint="a prohibition wins over a permission: leave conflict out",
        )
    return "invalid" if compact(conflict) == "odrl:invalid" else "prohibit"


def _target(policy: Policy, target: str | None) -> str | None:
    if policy.target and target and policy.target != target:
        raise PolicyError(
            f"the policy is about {policy.target[:200]!r}, not {target[:200]!r}",
            code="policy.target",
            location="/target",
        )
    return policy.target or target


def _party(policy: Policy, member: str) -> str | None:
    """Return a party that an agreement has and an offer may carry."""
    value = getattr(policy, member, None)
    if value is None or (isinstance(value, str) and value):
        return value
    raise PolicyError(
        f"{member} is the id of a participant", code="policy.datatype", location=f"/{member}"
    )


def _timestamp(policy: Policy) -> datetime | None:
    """Return the signing time that an agreement states, unless it is unusable."""
    try:
        moment = datetime.fromisoformat(str(getattr(policy, "timestamp", None)))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
