"""Why a rule module is refused: one id each, with words in the message catalogue.

Example::

    raise refused("module.expired", expires="2026-11-25T00:00:00Z")
"""

from __future__ import annotations

from trustspace.errors import PolicyError
from trustspace.policy.messages import phrase

MODULE_REFUSALS = (
    "module.truncated",
    "module.malformed",
    "module.too_large",
    "module.unsigned",
    "module.unverifiable",
    "module.foreign",
    "module.claims",
    "module.scope",
    "module.expired",
    "module.not_yet",
    "module.rolled_back",
    "module.changed",
    "module.added",
    "module.removed",
    "module.digest",
    "module.unusable",
    "module.cases",
    "module.grants",
    "module.rego",
)
"""Every id."""


def refused(code: str, *, location: str = "", **fields: str) -> PolicyError:
    """Return the error for a rule module that is not taken.

    Args:
        code: One of `MODULE_REFUSALS`.
        location: File within the module, where it is about one.
        fields: Fields of the sentence in the catalogue.
    """
    return PolicyError(
        phrase(code, "en", **fields),
        code=code,
        location=location,
        hint=phrase(f"{code}.help", "en", **fields),
    )
