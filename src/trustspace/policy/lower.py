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
from trustspace.policy.constraint import (
    Normal,
    atoms,
    count_nodes,
    read_constraints,
    refuse_duties,
    refuse_unknown_members,
)
from trustspace.policy.delivery import Delivery, deciding
from trustspace.policy.flat import Flat
from trustspace.policy.rule import (
    MAX_NODES,
    MAX_RULES,
    DutyIR,
    PolicyIR,
    RuleIR,
)
from trustspace.policy.vocabulary import (
    COUNTED,
    ODRL_NAMESPACE,
    TRUSTSPACE_NAMESPACE,
    Kind,
    action,
    compact,
    duty_action,
    included_actions,
    spelled,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trustspace.model.odrl import Policy, Rule

PolicyKind = Literal["offer", "agreement", "set"]

MAX_BYTES = 256_000
"""Bytes of one policy in canonical form."""

MAX_CACHED_BYTES = 16_384
"""Bytes of a policy up to which its lowering is kept."""

PROFILES = frozenset({TRUSTSPACE_NAMESPACE, ODRL_NAMESPACE, f"{ODRL_NAMESPACE}core"})
"""Profiles whose terms are understood; a policy of another profile is refused."""

_POLICY_MEMBERS = frozenset({"assigner", "assignee", "conflict", "uid", "@context"})
"""Members of a policy that the model does not name and lowering understands."""

_ON_FAILURE: dict[str, tuple[Literal["during", "after"], Literal["terminate", "suspend"]]] = {
    "odrl:delete": ("after", "terminate"),
    "ts:log": ("during", "suspend"),
    "ts:meter": ("during", "suspend"),
}
"""When a duty is done, and what the connector does when it cannot be."""


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
        The rules, ids ``p1`` … for permissions, ``x1`` … for prohibitions, ``d1`` … for
        obligations. Small policies are lowered once.

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
    lowering = _Lowering(source.target, source.assignee, source.signed, source.kind)
    try:
        return PolicyIR(
            uid=source.uid,
            digest=source.digest,
            kind=source.kind,
            conflict=conflict,
            permissions=tuple(
                lowering.permission(rule, f"/permission/{index}", f"{source.prefix}p{index + 1}")
                for index, rule in enumerate(policy.permissions)
            ),
            prohibitions=tuple(
                lowering.prohibition(rule, f"/prohibition/{index}", f"{source.prefix}x{index + 1}")
                for index, rule in enumerate(policy.prohibitions)
            ),
            obligations=tuple(
                lowering.obligation(rule, f"/obligation/{index}", f"{source.prefix}d{index + 1}")
                for index, rule in enumerate(policy.obligations)
            ),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise PolicyError(
            f"the policy does not fit the engine's documents: {first['msg']}", code="policy.limit"
        ) from error


def _check_size(policy: Policy) -> None:
    if policy.is_empty:
        raise PolicyError("the policy permits nothing: it has no rule", code="policy.empty")
    rules = [rule for _, rule in policy.rules()]
    nodes = sum(count_nodes(rule.constraints) for rule in rules)
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


@dataclass(frozen=True)
class _Lowering:
    """What all rules of one policy share."""

    target: str | None
    assignee: str | None
    signed: datetime | None
    kind: PolicyKind

    def permission(self, rule: Rule, location: str, name: str) -> RuleIR:
        parts = self._parts(rule, location)
        delivery = Delivery.of(parts, counter=f"rule:{name}")
        return self._rule(rule, location, name, deciding(parts), delivery)

    def prohibition(self, rule: Rule, location: str, name: str) -> RuleIR:
        parts = self._parts(rule, location)
        for atom in atoms(parts):
            if atom.operand.shapes_delivery or atom.left in COUNTED:
                raise UnsupportedTermError(
                    f"{spelled(atom.left)!r} cannot be a condition of a prohibition",
                    code="policy.unsupported",
                    location=atom.src,
                    hint="state it as a constraint of the permission",
                )
        return self._rule(rule, location, name, parts, Delivery())

    def obligation(self, rule: Rule, location: str, name: str) -> DutyIR:
        refuse_duties(rule, location)
        refuse_unknown_members(rule.model_extra, location)
        done = duty_action(rule.action, location=f"{location}/action")
        terms = read_constraints(rule.constraints, location, duty=True)
        if len(terms) > 1 or (terms and done != "odrl:delete"):
            raise UnsupportedTermError(
                f"{spelled(done)!r} does not take these constraints",
                code="policy.unsupported",
                location=f"{location}/constraint",
                hint="delete takes one delayPeriod; other duties take none",
            )
        when, on_failure = _ON_FAILURE[done]
        delays = [term.right for term in atoms(terms) if isinstance(term.right, int)]
        return DutyIR(
            id=name,
            action=done,
            when=when,
            delay=delays[0] if delays else None,
            deadline=None,
            leaves=(),
            logic=(),
            top=(),
            refine=(),
            params={},
            on_failure=on_failure,
            remedies=(),
            consequences=(),
            src=location,
        )

    def _parts(self, rule: Rule, location: str) -> tuple[Normal, ...]:
        refuse_duties(rule, location)
        refuse_unknown_members(rule.model_extra, location)
        parts = read_constraints(rule.constraints, location, signed=self.signed)
        for atom in atoms(parts):
            if (
                self.kind == "agreement"
                and atom.operand.kind is Kind.DATE_TIME
                and isinstance(atom.right, str)
            ):
                raise UnsupportedTermError(
                    "a time counted from the signature needs the agreement's timestamp",
                    code="policy.unsupported",
                    location=f"{atom.src}/rightOperand",
                    hint="give the agreement a timestamp with a zone",
                )
        return parts

    def _rule(
        self,
        rule: Rule,
        location: str,
        name: str,
        parts: Sequence[Normal],
        delivery: Delivery,
    ) -> RuleIR:
        covered = action(rule.action, location=f"{location}/action")
        flat = Flat()
        top = tuple(flat.add(part)[0] for part in parts)
        return RuleIR(
            id=name,
            actions=(covered, *sorted(included_actions(covered) - {covered})),
            target=self.target,
            assignee=self.assignee,
            counter=f"rule:{name}" if delivery.limits else None,
            leaves=tuple(flat.leaves),
            logic=tuple(tuple(level) for level in flat.levels),
            top=top,
            refine=(),
            duties=(),
            filters=delivery.filters,
            columns=delivery.columns,
            masks=delivery.masks,
            limits=delivery.limits,
            depends=(),
            src=location,
        )
