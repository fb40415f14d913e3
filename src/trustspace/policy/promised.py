"""What was only promised: conditions whose truth nobody finds out, which hold by the agreement.

An offer may hold terms that no software decides: who is liable, in which space data may be seen.
They are labelled contractual, and strict mode has the owner accept them before they are offered.
From then on they stand in the agreement, and a permission does not hang on them. Nothing that a
prohibition depends on is promised: there unknown prohibits. What the engine decides is not promised
either, even where its value cannot be found out: a region that nobody attests denies.

Example::

    promised(lower(offer, kind="offer"))  # frozenset({'cx:Liability'})
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.policy.operands import EVERY_OPERAND
from trustspace.policy.vocabulary import LEFT_OPERANDS

if TYPE_CHECKING:
    from trustspace.policy.rule import PolicyIR

DECLARATIVE = frozenset(
    f"cx:{name}"
    for name in [
        "ConfidentialInformationMeasures",
        "ConfidentialInformationSharing",
        "ContractTermination",
        "DataFrequency",
        "DataProvisioningEndDate",
        "DataProvisioningEndDurationDays",
        "DataUsageEndDate",
        "DataUsageEndDefinition",
        "DataUsageEndDurationDays",
        "ExclusiveUsage",
        "JurisdictionLocationReference",
        "Liability",
        "Precedence",
        "UsagePurpose",
        "UsageRestriction",
        "VersionChanges",
        "Warranty",
        "WarrantyDefinition",
        "WarrantyDurationMonths",
    ]
)
"""Clauses of a contract (Tractus-X 2025/9): agreed by being listed, decided by courts."""


def promised(*policies: PolicyIR) -> frozenset[str]:
    """Return the left operands of permissions and duties that are only promised."""
    named: set[str] = set()
    decided: set[str] = set()
    for policy in policies:
        decided.update(leaf.left for rule in policy.prohibitions for leaf in rule.leaves)
        for one in (*policy.permissions, *policy.duties()):
            named.update(leaf.left for leaf in one.leaves)
    return frozenset(name for name in named - decided if is_promised(name))


def is_promised(name: str) -> bool:
    """Tell whether an operand is known here, and nothing decides constraints on it."""
    return name in EVERY_OPERAND and name not in LEFT_OPERANDS
