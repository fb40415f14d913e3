"""What the terms of a dataset may inherit from: terms under which its owner offers other datasets.

Example::

    others = await inheritable(context, hosted, {"inheritFrom": "rose-prices", "permission": […]})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.policy.terms import inherited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.store import Transaction


async def inheritable(
    context: ConnectorContext, hosted: Hosted, policy: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the stored policies that a policy names, by the names that it uses.

    Args:
        context: The connector.
        hosted: Whose policies.
        policy: A policy, which names ids of datasets or digests of policies.
    """
    names = inherited(policy)
    if not names:
        return {}

    def query(tx: Transaction) -> dict[str, Any]:
        found = {}
        for name in names:
            row = tx.datasets.get(hosted.name, name)
            stored = tx.policies.get(hosted.name, row.policy_digest if row else name)
            if stored is not None:
                found[name] = stored.body
        return found

    return await context.store.read(query)
