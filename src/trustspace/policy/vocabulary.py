"""The terms this connector understands: left operands, actions, operators, and their spellings.

A policy that names anything else is refused when it is written and when it is negotiated, never
silently ignored. One term has many spellings on the wire: bare (``dateTime``), prefixed
(``odrl:dateTime``) and absolute (``http://www.w3.org/ns/odrl/2/dateTime``). Inside the engine's
documents it is always prefixed; on the wire ODRL's terms are bare and all others absolute.

Example::

    left_operand("http://www.w3.org/ns/odrl/2/dateTime").name  # 'odrl:dateTime'
    to_wire("ts:mask")  # 'https://w3id.org/trustspace/ns#mask'
    "odrl:read" in included_actions("odrl:use")  # True
    left_operand("datetime")  # UnsupportedTermError, hint: did you mean 'dateTime'?
"""

from __future__ import annotations

import difflib
from types import MappingProxyType
from typing import TYPE_CHECKING

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.policy.attested import ATTESTED
from trustspace.policy.left_operand import (
    ANCESTRY,
    CODES,
    EQUALITY,
    MEMBERSHIP,
    OPERATORS,
    ORDERED,
    Kind,
    Label,
    LeftOperand,
    Point,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [  # beside what is defined here
    "ANCESTRY",
    "EQUALITY",
    "MEMBERSHIP",
    "OPERATORS",
    "ORDERED",
    "Kind",
    "Label",
    "LeftOperand",
    "Point",
]

ODRL_NAMESPACE = "http://www.w3.org/ns/odrl/2/"
"""ODRL Vocabulary 2.2; its terms are bare on the wire."""
TRUSTSPACE_NAMESPACE = "https://w3id.org/trustspace/ns#"
"""Terms of this project, prefix ``ts:``."""
EDC_NAMESPACE = "https://w3id.org/edc/v0.0.1/ns/"
"""Terms of Eclipse Dataspace Components, prefix ``edc:``."""
CATENAX_NAMESPACE = "https://w3id.org/catenax/2025/9/policy/"
"""Terms of Catena-X and Tractus-X, prefix ``cx:``."""
XSD_NAMESPACE = "http://www.w3.org/2001/XMLSchema#"
"""XML Schema datatypes, prefix ``xsd:``, declared by the DSP context."""

NAMESPACES: Mapping[str, str] = MappingProxyType(
    {
        "odrl": ODRL_NAMESPACE,
        "ts": TRUSTSPACE_NAMESPACE,
        "edc": EDC_NAMESPACE,
        "cx": CATENAX_NAMESPACE,
        "xsd": XSD_NAMESPACE,
    }
)


_BEFORE_ACCESS: frozenset[Point] = frozenset({"catalog", "negotiation"})
_BEFORE_DELIVERY: frozenset[Point] = frozenset({"catalog", "negotiation", "transfer", "monitor"})
_TIME = ORDERED | EQUALITY
_UP_TO = frozenset({"odrl:lt", "odrl:lteq"})
_PLACES = CODES | frozenset({"odrl:isPartOf"})

_LEFT_OPERANDS = {
    operand.name: operand
    for operand in (
        LeftOperand("odrl:dateTime", Kind.DATE_TIME, "enforced", _TIME, _BEFORE_ACCESS),
        LeftOperand("edc:inForceDate", Kind.DATE_TIME, "enforced", _TIME, _BEFORE_ACCESS),
        LeftOperand(
            "odrl:count",
            Kind.INTEGER,
            "enforced",
            _UP_TO,
            _BEFORE_DELIVERY,
        ),
        LeftOperand(
            "ts:frequency",
            Kind.FREQUENCY,
            "enforced",
            frozenset({"odrl:lteq"}),
            _BEFORE_DELIVERY,
        ),
        *(
            LeftOperand(name, Kind.QUANTITY, "enforced", _UP_TO, _BEFORE_DELIVERY)
            for name in ("ts:dataRecord", "ts:dataSize", "odrl:meteredTime")
        ),
        LeftOperand("odrl:elapsedTime", Kind.DURATION, "enforced", ORDERED, _BEFORE_DELIVERY),
        LeftOperand("odrl:purpose", Kind.IRI, "attested", CODES, frozenset({"catalog"})),
        LeftOperand("odrl:recipient", Kind.IRI, "enforced", CODES),
        LeftOperand("odrl:spatial", Kind.STRING, "attested", _PLACES, _BEFORE_ACCESS),
        LeftOperand("ts:destination", Kind.STRING, "contractual", _PLACES, _BEFORE_ACCESS),
        LeftOperand("ts:outputForm", Kind.STRING, "contractual", CODES, _BEFORE_DELIVERY),
        LeftOperand(
            "ts:rowFilter",
            Kind.ROW_FILTER,
            "enforced",
            frozenset({"odrl:eq"}),
            shapes_delivery=True,
        ),
        LeftOperand(
            "ts:columns",
            Kind.COLUMNS,
            "enforced",
            frozenset({"odrl:isAnyOf", "odrl:isNoneOf"}),
            shapes_delivery=True,
        ),
        LeftOperand(
            "ts:mask",
            Kind.MASKS,
            "enforced",
            frozenset({"odrl:isAllOf"}),
            shapes_delivery=True,
        ),
        *ATTESTED,
    )
}

LEFT_OPERANDS: Mapping[str, LeftOperand] = MappingProxyType(_LEFT_OPERANDS)
"""Left operands of permissions and prohibitions that the engine evaluates, with those declared."""


def declare(operands: Iterable[LeftOperand]) -> Callable[[], None]:
    """Take operands of an author's own into the vocabulary, for the whole process.

    Returns:
        A function that takes them out again.

    Raises:
        PolicyError: A name means something else already, code ``operand.declared``.
    """
    added = tuple(operands)
    for operand in added:
        known = _LEFT_OPERANDS.get(operand.name)
        if known is not None and known != operand:
            raise PolicyError(
                f"the operand {operand.name!r} means something else already",
                code="operand.declared",
                hint="give your operand a prefix of your own",
            )
    # What is known without anybody's declaration stays when a declaration is withdrawn.
    added = tuple(one for one in added if one.name not in _LEFT_OPERANDS or one.name in _declared)
    for operand in added:
        _declared[operand.name] = _declared.get(operand.name, 0) + 1
        _LEFT_OPERANDS[operand.name] = operand

    def withdraw() -> None:
        for operand in added:
            _declared[operand.name] -= 1
            if not _declared[operand.name]:
                del _declared[operand.name], _LEFT_OPERANDS[operand.name]

    return withdraw


_declared: dict[str, int] = {}
"""How many connectors of this process declare an operand."""

COUNTED: frozenset[str] = frozenset(
    {"odrl:count", "ts:frequency", "ts:dataRecord", "ts:dataSize", "odrl:meteredTime"}
)
"""Left operands that count under one permission: uses, rows, bytes, running time."""

DUTY_OPERANDS: Mapping[str, LeftOperand] = MappingProxyType(
    {
        name: LeftOperand(name, Kind.DURATION, "contractual", frozenset({"odrl:eq", "odrl:lteq"}))
        for name in ("odrl:delayPeriod", "odrl:elapsedTime")
    }
)
"""Left operands of an obligation: how long after the agreement or use it is due."""

DUTIES: Mapping[str, Label] = MappingProxyType(
    {
        "odrl:attribute": "enforced",
        "odrl:compensate": "attested",
        "odrl:delete": "attested",
        "odrl:inform": "attested",
        "odrl:obtainConsent": "attested",
        "ts:log": "enforced",
        "ts:meter": "enforced",
        "ts:notify": "attested",
        "ts:report": "attested",
    }
)
"""Actions that may be an obligation, with how far each binds at the provider."""

WITH_EACH_USE = frozenset({"ts:log", "ts:meter", "odrl:attribute", "odrl:watermark"})
"""Obligations that whoever delivers carries out with each use, or does not deliver."""

FUNCTIONS = frozenset(
    [
        "odrl:attributedParty",
        "odrl:attributingParty",
        "odrl:compensatedParty",
        "odrl:compensatingParty",
        "odrl:consentedParty",
        "odrl:consentingParty",
        "odrl:contractedParty",
        "odrl:contractingParty",
        "odrl:informedParty",
        "odrl:informingParty",
        "odrl:trackedParty",
        "odrl:trackingParty",
        "odrl:assigner",
        "odrl:function",
        "odrl:output",
        "odrl:relation",
    ]
)
"""Parties and assets beside assignee and target: they do not say whom a rule concerns."""

_INCLUDED_IN: Mapping[str, str] = MappingProxyType(
    {
        # ODRL Vocabulary 2.2, "Actions", with ours beside the term they specialise.
        "odrl:use": (
            "acceptTracking aggregate annotate anonymize archive attribute compensate"
            " concurrentUse delete derive digitize distribute ensureExclusivity execute grantUse"
            " include index inform install modify move nextPolicy obtainConsent play present print"
            " read reproduce reviewPolicy stream synchronize textToSpeech transform translate"
            " uninstall watermark ts:access"
        ),
        "odrl:transfer": "give sell",
        "odrl:play": "display",
        "odrl:reproduce": "extract ts:download",
        "odrl:derive": "ts:train ts:infer",
        "odrl:execute": "ts:compute",
        "odrl:archive": "ts:store",
    }
)


def compact(term: str) -> str:
    """Return a term in prefixed form; a bare term is ODRL's, a foreign IRI stays as it is."""
    for prefix, namespace in NAMESPACES.items():
        if term.startswith(namespace):
            return f"{prefix}:{term[len(namespace) :]}"
    return term if ":" in term else f"odrl:{term}"


def _descendants(name: str) -> frozenset[str]:
    found = {name}
    for child in _INCLUDED_IN.get(name, "").split():
        found |= _descendants(compact(child))
    return frozenset(found)


ACTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        name: _descendants(name)
        for name in sorted(_descendants("odrl:use") | _descendants("odrl:transfer"))
    }
)
"""Every known action with all the actions that it includes, itself among them."""


def to_wire(term: str) -> str:
    """Return a term as it is written on the wire: ODRL bare, ``xsd:`` prefixed, others absolute."""
    name = compact(term)
    prefix, _, local = name.partition(":")
    if prefix == "odrl":
        return local
    if prefix == "xsd" or prefix not in NAMESPACES:
        return name
    return NAMESPACES[prefix] + local


def left_operand(term: str, *, location: str = "", duty: bool = False) -> LeftOperand:
    """Look a left operand up under any of its spellings.

    Args:
        term: Left operand as written.
        location: JSON pointer to report.
        duty: Whether it stands in an obligation, which has operands of its own.

    Raises:
        UnsupportedTermError: It is unknown here, code ``policy.unsupported``.
    """
    table = DUTY_OPERANDS if duty else LEFT_OPERANDS
    found = table.get(compact(term))
    if found is None:
        raise unknown_term("left operand", term, table, location)
    return found


def action(term: str, *, location: str = "") -> str:
    """Return the prefixed name of an action.

    Raises:
        UnsupportedTermError: It is not in the action tree, code ``policy.unsupported``.
    """
    name = compact(term)
    if name not in ACTIONS:
        raise unknown_term("action", term, ACTIONS, location)
    return name


def duty_action(term: str, *, location: str = "") -> str:
    """Return the prefixed name of an action that may be an obligation.

    Raises:
        UnsupportedTermError: The connector cannot carry it out, code ``policy.unsupported``.
    """
    name = compact(term)
    if name not in DUTIES:
        raise unknown_term("duty", term, DUTIES, location)
    return name


def operator(term: str, operand: LeftOperand, *, location: str = "") -> str:
    """Return the prefixed name of an operator that has a meaning with an operand.

    Raises:
        UnsupportedTermError: The operator is unknown or means nothing here.
    """
    name = compact(term)
    if name not in OPERATORS:
        raise unknown_term("operator", term, OPERATORS, location)
    if name not in operand.operators:
        usable = ", ".join(sorted(spelled(each) for each in operand.operators))
        raise UnsupportedTermError(
            f"operator {spelled(name)!r} has no meaning with {spelled(operand.name)!r}",
            code="policy.unsupported",
            location=location,
            hint=f"use one of: {usable}",
        )
    return name


def included_actions(name: str) -> frozenset[str]:
    """Return an action with everything it includes, in prefixed names."""
    return ACTIONS[name]


def spelled(name: str) -> str:
    """Return a term as a person reads it: ODRL's bare, others with their prefix."""
    return compact(name).removeprefix("odrl:")


def suggestion(term: str, known: Iterable[str]) -> str:
    """Return ``did you mean …?`` for the nearest known spellings, or an empty string."""
    spellings = {spelled(name).casefold(): spelled(name) for name in sorted(known)}
    spellings |= {text.rpartition(":")[2].casefold(): name for text, name in spellings.items()}
    local = spelled(term).rpartition(":")[2].rpartition("/")[2].casefold()
    near = [local] if local in spellings else None
    near = near or difflib.get_close_matches(local, spellings, n=3, cutoff=0.6)
    names = list(dict.fromkeys(spellings[each] for each in near))
    return f"did you mean {' or '.join(repr(name) for name in names)}?" if names else ""


def unknown_term(what: str, term: str, known: Iterable[str], location: str) -> UnsupportedTermError:
    """Return the error for a term that is not known, with what may have been meant."""
    # ODRL's own terms first: there is room for a few only.
    names = sorted(known, key=lambda name: (not name.startswith("odrl:"), name))
    shown = ", ".join(spelled(name) for name in names[:12])
    return UnsupportedTermError(
        f"{what} {term[:200]!r} is not supported",
        code="policy.unsupported",
        location=location,
        hint=suggestion(term[:200], names) or f"supported are: {shown}",
    )
