"""Which offers a requester sees in the catalogue.

A decision is remembered for the requester, the policy and the rules that decided, so that many
datasets under few policies cost few decisions.

Example::

    if visibility.shows(tx, hosted, policy.body, policy.digest, subject=sender, now=now): …
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.decision_log import decision_id
from trustspace.connector.deciding.known_facts import Knowing, main_action
from trustspace.errors import PolicyError
from trustspace.model.odrl import Offer
from trustspace.policy.facts import dataset, evaluate
from trustspace.policy.lower import lower

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.model.participant import ParticipantId
    from trustspace.store import Transaction

MEMO_ROWS = 50_000
MEMO_TIME = timedelta(seconds=60)
"""How long a catalogue decision serves the same requester and policy."""


class Visibility:
    """Asks the engine once for each requester and policy."""

    def __init__(self, context: ConnectorContext) -> None:
        self._context = context
        self._seen: OrderedDict[tuple[str, ...], tuple[datetime, bool]] = OrderedDict()

    def forget(self) -> None:
        """Ask again from here on: what is known of somebody has changed."""
        self._seen.clear()

    def shows(
        self,
        tx: Transaction,
        hosted: Hosted,
        body: Mapping[str, Any],
        digest: str,
        *,
        subject: ParticipantId,
        now: datetime,
    ) -> bool:
        """Say whether offers under a policy are shown to a requester."""
        key = (hosted.name, digest, subject, self._context.engine.revision)
        known = self._seen.get(key)
        if known is not None and now - known[0] < MEMO_TIME and now >= known[0]:
            return known[1]
        offer = Offer.model_validate(dict(body) | {"@id": digest, "@type": "Offer"})
        try:
            rules = lower(offer, kind="offer", target="urn:catalog", known_digest=digest)
        except PolicyError:
            shown = False  # What cannot be evaluated is refused at publication; never shown.
        else:
            known_of = Knowing(self._context.facts, tx, hosted, now).about(
                subject, rules, point="catalog", dataset="urn:catalog"
            )
            decision = evaluate(
                self._context.engine,
                "catalog",
                rules,
                action=main_action(rules),
                subject=known_of.subject,
                resource=dataset("urn:catalog"),
                facts=known_of.facts,
                now=now,
                id=decision_id(),
                record=self._context.decisions.noting(tx, hosted),
            )
            shown = decision.allow
            if any(reason.id.startswith("engine.") for reason in decision.reasons):
                return False  # Not remembered: the engine may answer again in a moment.
        self._seen[key] = (now, shown)
        if len(self._seen) > MEMO_ROWS:
            self._seen.popitem(last=False)
        return shown
