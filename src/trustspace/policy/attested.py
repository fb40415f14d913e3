"""Operands about a counterparty that no connector sees by itself: its owner attests their value.

What a provider of facts says counts as much (`trustspace.policy.fact_provider`). No rule of the
engine knows these operands; their facts come with the question, and without one they are unknown.

Example::

    trustspace attest did:web:bank.example cx:Membership=active --until 2027-01-01T00:00:00Z
"""

from __future__ import annotations

from trustspace.policy.left_operand import CODES, Kind, LeftOperand

_NAMES = (
    "odrl:industry odrl:systemDevice"
    # Of the counterparty's credentials (types, and claims as Type/path=value), its environment,
    # what it is cleared for.
    " ts:credential ts:attestation ts:executionEnv ts:classification ts:securityLevel"
    " ts:legalBasis ts:approval"
    # Tractus-X 2025/9.
    " cx:Membership cx:FrameworkAgreement cx:BusinessPartnerGroup cx:BusinessPartnerNumber"
    " cx:AffiliatesBpnl cx:AffiliatesRegion cx:ContractReference cx:JurisdictionLocation"
    " cx:Dismantler cx:Dismantler.activityType cx:Dismantler.allowedVehicleBrands"
)

ATTESTED = tuple(
    LeftOperand(name, Kind.IRI, "attested", CODES, frozenset({"catalog"}), stated=True)
    for name in _NAMES.split()
)
"""Operands that are decided by what somebody states about the counterparty."""
