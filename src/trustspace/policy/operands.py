"""Every left operand that a policy may name, whether or not a connector can find its value.

Beside those that a running connector resolves (`trustspace.policy.vocabulary.LEFT_OPERANDS`): the
rest of ODRL core, dataspaces, Tractus-X 2025/9 and Chinese usage control. Without a value a
constraint on them is unknown, and unknown never grants.

Example::

    known("payAmount").kind   # Kind.DECIMAL
    known("cx:Membership").name
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from trustspace.errors import ConfigurationError
from trustspace.policy.vocabulary import (
    ACTIONS,
    DUTY_OPERANDS,
    LEFT_OPERANDS,
    OPERATORS,
    Kind,
    LeftOperand,
    compact,
    unknown_term,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ODRL: Mapping[Kind, str] = {
    Kind.INTEGER: "count",
    Kind.DATE_TIME: "dateTime",
    Kind.DURATION: "delayPeriod elapsedTime meteredTime timeInterval",
    Kind.DECIMAL: "absolutePosition absoluteSize payAmount percentage relativePosition"
    " relativeSize resolution",
    Kind.IRI: "deliveryChannel device event fileFormat industry media product purpose recipient"
    " spatial system systemDevice unitOfCount virtualLocation",
    Kind.STRING: "absoluteSpatialPosition absoluteTemporalPosition language"
    " relativeSpatialPosition relativeTemporalPosition spatialCoordinates version",
}
"""Left operands of ODRL core (ODRL Vocabulary 2.2, section 4.5)."""

_DATASPACE: Mapping[Kind, str] = {
    Kind.DATE_TIME: "edc:inForceDate",
    Kind.IRI: "edc:id ts:participantId ts:credential ts:attestation ts:classification ts:modelId"
    " ts:transferType ts:destination ts:outputForm",
    Kind.INTEGER: "ts:redistributionDepth",
}

_TRACTUS_X = (
    "Membership FrameworkAgreement UsagePurpose UsageRestriction ContractReference"
    " ContractTermination BusinessPartnerGroup BusinessPartnerNumber AffiliatesBpnl"
    " AffiliatesRegion DataFrequency DataUsageEndDate DataUsageEndDurationDays"
    " DataUsageEndDefinition DataProvisioningEndDate DataProvisioningEndDurationDays"
    " ExclusiveUsage JurisdictionLocation JurisdictionLocationReference Liability Precedence"
    " VersionChanges Warranty WarrantyDefinition WarrantyDurationMonths"
    " ConfidentialInformationMeasures ConfidentialInformationSharing Dismantler"
    " Dismantler.activityType Dismantler.allowedVehicleBrands"
)

_CHINESE: Mapping[Kind, str] = {
    Kind.IRI: "ts:application ts:algorithm ts:flow ts:model ts:executionEnv ts:encryptMode"
    " ts:dataState ts:processingMethod ts:outputType ts:legalBasis ts:securityLevel ts:approval"
    " ts:physicalAddress ts:networkAddress ts:visibility ts:usability ts:measurement"
    " ts:algorithmParam ts:field",
    Kind.INTEGER: "ts:frequency ts:delegationDepth ts:dataRecord",
    Kind.DECIMAL: "ts:dataSize ts:distributeSize ts:privacyBudget",
}


def _of(table: Mapping[Kind, str]) -> Iterable[LeftOperand]:
    for kind, names in table.items():
        for name in names.split():
            yield LeftOperand(compact(name), kind, "contractual", OPERATORS)


def _tractus_x() -> Iterable[LeftOperand]:
    dated = ("DataUsageEndDate", "DataProvisioningEndDate")
    counted = ("DurationDays", "DurationMonths")
    for name in _TRACTUS_X.split():
        kind = Kind.IRI
        if name in dated:
            kind = Kind.DATE_TIME
        elif name.endswith(counted):
            kind = Kind.INTEGER
        yield LeftOperand(f"cx:{name}", kind, "contractual", OPERATORS)


EVERY_OPERAND: Mapping[str, LeftOperand] = MappingProxyType(
    {
        operand.name: operand
        for operand in (
            *_of(_ODRL),
            *_of(_DATASPACE),
            *_of(_CHINESE),
            *_tractus_x(),
            *(one for one in LEFT_OPERANDS.values() if one.shapes_delivery),
        )
    }
)
"""Left operands by prefixed name, each with every operator of its own meaning."""


_CREATIVE_COMMONS = "http://creativecommons.org/ns#"

_MORE_ACTIONS = (
    # Deprecated terms of ODRL, which policies still use.
    "append appendTo attachPolicy attachSource commercialize copy export lend lease license pay"
    " preview secondaryUse share shareAlike write writeTo"
    # What is done as a duty, and what Chinese usage control names beside ODRL.
    " ts:log ts:meter ts:notify ts:report ts:alert ts:authenticate ts:encrypt ts:deliver"
)

_OTHERS = frozenset(compact(name) for name in _MORE_ACTIONS.split()) | frozenset(
    _CREATIVE_COMMONS + name
    for name in [
        "Attribution",
        "CommercialUse",
        "DerivativeWorks",
        "Distribution",
        "Notice",
        "Reproduction",
        "ShareAlike",
        "Sharing",
        "SourceCode",
    ]
)

EVERY_ACTION: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **ACTIONS,
        **{name: frozenset({name}) for name in (*_OTHERS, "ts:desensitize")},
        "odrl:modify": ACTIONS["odrl:modify"] | {"ts:desensitize"},
        "odrl:use": ACTIONS["odrl:use"] | _OTHERS | {"ts:desensitize"},
    }
)
"""Every action that a policy may name, with those that it includes."""


def resolved(term: str, *, duty: bool = False, location: str = "") -> LeftOperand:
    """Look a left operand up as a running connector takes it.

    One that the connector finds the value of has the operators that mean something with it; of all
    others the value is only promised.

    Args:
        term: Left operand as written.
        duty: Whether it stands in a duty, which has operands of its own beside.
        location: JSON pointer to report.

    Raises:
        UnsupportedTermError: Nobody knows it, code ``policy.unsupported``.
    """
    name = compact(term)
    found = (DUTY_OPERANDS.get(name) if duty else None) or LEFT_OPERANDS.get(name)
    found = found or EVERY_OPERAND.get(name)
    if found is None:
        raise unknown_term("left operand", term, [*LEFT_OPERANDS, *EVERY_OPERAND], location)
    return found


def every_action(term: str, *, location: str = "") -> str:
    """Return the prefixed name of an action that a rule or a duty may be about.

    Raises:
        UnsupportedTermError: Nobody knows it, code ``policy.unsupported``.
    """
    name = compact(term)
    if name not in EVERY_ACTION:
        raise unknown_term("action", term, EVERY_ACTION, location)
    return name


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "string": Kind.STRING,
        "iri": Kind.IRI,
        "integer": Kind.INTEGER,
        "decimal": Kind.DECIMAL,
        "dateTime": Kind.DATE_TIME,
        "duration": Kind.DURATION,
        "any": Kind.ANY,
    }
)
"""Kinds of value that an operand can be declared with."""


def declared(operands: Iterable[str]) -> dict[str, LeftOperand]:
    """Return the operands that texts such as ``ex:dayOfWeek=string`` declare.

    Args:
        operands: ``NAME=KIND``, KIND one of `KINDS`.

    Raises:
        ConfigurationError: One is not of this form.
    """
    found: dict[str, LeftOperand] = {}
    for text in operands:
        name, _, kind = text.rpartition("=")
        if not name or kind not in KINDS:
            raise ConfigurationError(
                f"{text!r} declares no operand",
                setting="--operand",
                hint=f"write NAME=KIND, KIND one of {', '.join(KINDS)}",
            )
        found[compact(name)] = LeftOperand(compact(name), KINDS[kind], "contractual", OPERATORS)
    return found


def label_of(name: str) -> str:
    """Return how far a constraint on an operand binds in a running connector."""
    found = LEFT_OPERANDS.get(name) or DUTY_OPERANDS.get(name)
    return found.label if found else "contractual"


def known(
    term: str, *, more: Mapping[str, LeftOperand] | None = None, location: str = ""
) -> LeftOperand:
    """Look a left operand up.

    Args:
        term: Prefixed name or absolute IRI.
        more: Operands that an author declares beside the known ones.
        location: JSON pointer to report.

    Raises:
        UnsupportedTermError: Nobody knows it, code ``policy.unsupported``.
    """
    name = compact(term)
    found = (more or {}).get(name) or EVERY_OPERAND.get(name)
    if found is None:
        raise unknown_term("left operand", term, [*EVERY_OPERAND, *(more or {})], location)
    return found
