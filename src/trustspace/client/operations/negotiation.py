"""The way to an agreement: ask, wait for the outcome, say why there is none.

Example::

    exchange = Operations().negotiate(address, "rose-prices", purpose="credit-scoring")
    agreement = client.drive(exchange)
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Unpack
from uuid import uuid4

from trustspace.client.exchange import (
    LONGEST_WAIT,
    POLL_PAUSE,
    Exchange,
    Request,
    Wait,
    because,
    call,
    wait_query,
)
from trustspace.client.haggling import (
    Accept,
    Approval,
    AsyncHaggling,
    AsyncStrategy,
    Consult,
    Counter,
    CounterOffer,
    Reject,
)
from trustspace.client.operations.agreement import AgreementOperations
from trustspace.client.refusal import reason_objects, refusal, unanswered
from trustspace.client.values import Agreement, Negotiation
from trustspace.errors import (
    ConfigurationError,
    ConflictError,
    DeadlineError,
    LocalProtocolError,
    NotFoundError,
    RemoteProtocolError,
    TrustspaceError,
)
from trustspace.policy.terms import read_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.model.value import JsonObject


UNANSWERED = "the program that asked could not answer the offer"
"""What the provider is told when a strategy fails."""

NEGOTIATION_DEADLINE = timedelta(seconds=60)
"""A connector decides in well under a second; a person who must be asked needs a longer one."""


class NegotiationOperations(AgreementOperations):
    """Contract negotiations of either role."""

    def negotiate(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        offer: str | None = None,
        fresh: bool = False,
        deadline: timedelta = NEGOTIATION_DEADLINE,
        **haggling: Unpack[AsyncHaggling],
    ) -> Exchange[Agreement]:
        """Find a valid agreement, or negotiate until there is one or a refusal.

        Args:
            address: The provider's root URL or DID.
            dataset: Dataset id in its catalogue.
            purpose: What the data is for; narrows the offer.
            offer: Id of the offer; None means the dataset's first, and with it only an agreement
                of these terms is found.
            fresh: Negotiate even if there is a valid agreement.
            deadline: Longest time to wait; after it the negotiation is terminated, unless another
                call began it.
            haggling: ``terms`` to ask for instead of the offer's own, and a ``strategy`` that
                answers what the provider offers instead (`trustspace.client.haggling`).

        Raises:
            PolicyDeniedError: The other side refused; carries its reasons.
            DeadlineError: No outcome within the deadline.
            ConnectError: The other side was not reached.
            NotFoundError: The counterparty does not offer the dataset to us.
        """
        strategy = haggling.get("strategy")
        body = _order(
            address,
            dataset,
            purpose=purpose,
            offer=offer,
            fresh=fresh or None,
            policy=read_terms(haggling["terms"]) if "terms" in haggling else None,
            counter_offers=None if strategy is None else "client",
        )
        left = deadline
        while True:
            negotiation, reused, left = yield from self._ended(body, left, deadline, strategy)
            if not (reused and _was_given_up(negotiation)) or left <= timedelta(0):
                break
        if negotiation.state != "FINALIZED" or negotiation.agreement is None:
            raise _refused(negotiation)
        agreement = yield from self.agreement(negotiation.agreement)
        return agreement.model_copy(update={"reused": reused})

    def _ended(
        self,
        body: JsonObject,
        left: timedelta,
        deadline: timedelta,
        strategy: AsyncStrategy | None,
    ) -> Exchange[tuple[Negotiation, bool, timedelta]]:
        """Return the negotiation once it is over, whether it was there already, the time left."""
        path = yield from self._path("negotiations")
        response = yield from call(Request("POST", path, body=body, key=str(uuid4())))
        negotiation = Negotiation.read(response.document)
        reused = negotiation.reused
        left -= response.elapsed
        while not negotiation.is_terminal:
            if left <= timedelta(0):
                if reused:  # It is another call's to give up.
                    raise _too_late(negotiation, deadline)
                negotiation = yield from self._give_up(negotiation, deadline)
                break
            if strategy is not None and negotiation.awaiting == "client":
                yield from self._answer(negotiation, strategy)
            negotiation, spent = yield from self._next_state(negotiation, left)
            left -= spent
        return negotiation, reused, left

    def _answer(self, negotiation: Negotiation, strategy: AsyncStrategy) -> Exchange[None]:
        """Let the caller's strategy answer what is offered; end what it cannot answer."""
        try:
            path = yield from self._path("approvals", negotiation.id)
            response = yield from call(Request("GET", path))
            offer = CounterOffer.of(Approval.read(response.document))
            answer = yield Consult(strategy, offer)
            yield from self._carry_out(negotiation.id, answer)
        except (ConflictError, LocalProtocolError, NotFoundError):
            return  # It has ended meanwhile; what follows tells how.
        except Exception:
            with contextlib.suppress(TrustspaceError):
                yield from self.terminate_negotiation(negotiation.id, reason=UNANSWERED)
            raise

    def _carry_out(self, negotiation: str, answer: object) -> Exchange[None]:
        body: JsonObject = {}
        match answer:
            case Accept():
                step = "accept"
            case Counter(terms):
                step, body = "counter", {"policy": read_terms(terms)}
            case Reject(reason):
                step, body = "terminate", {"reason": reason}
            case _:
                msg = f"a strategy answers Accept, Counter or Reject, not {answer!r:.80}"
                raise ConfigurationError(msg, setting="strategy")
        path = yield from self._path("negotiations", negotiation, step)
        yield from call(Request("POST", path, body=body))

    def _next_state(
        self, negotiation: Negotiation, left: timedelta
    ) -> Exchange[tuple[Negotiation, timedelta]]:
        wait = min(left, LONGEST_WAIT)
        path = yield from self._path("negotiations", negotiation.id)
        response = yield from call(Request("GET", path, query=wait_query(wait), patience=wait))
        after = Negotiation.read(response.document)
        if after.is_terminal or response.elapsed >= wait:
            return after, response.elapsed
        yield Wait(POLL_PAUSE)
        return after, response.elapsed + POLL_PAUSE

    def _give_up(self, negotiation: Negotiation, deadline: timedelta) -> Exchange[Negotiation]:
        """Terminate what took too long; an agreement reached in that moment still counts."""
        reason = _no_outcome(deadline)
        try:
            yield from self.terminate_negotiation(negotiation.id, reason=reason)
        except (ConflictError, LocalProtocolError):
            after = yield from self.negotiation(negotiation.id)
            if after.is_terminal:
                return after
        raise _too_late(negotiation, deadline)

    def ask(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        offer: str | None = None,
        fresh: bool = False,
        terms: Mapping[str, Any] | None = None,
    ) -> Exchange[Negotiation]:
        """Ask for an agreement and do not wait for the outcome, which a person may decide.

        Args:
            address: The provider's root URL or DID.
            dataset: Dataset id in its catalogue.
            purpose: What the data is for; narrows the offer.
            offer: Id of the offer; None means the dataset's first.
            fresh: Negotiate even if there is a valid agreement.
            terms: Terms to ask for instead of the offer's own.

        Returns:
            The negotiation, or one that was there already.

        Raises:
            NotFoundError: The counterparty does not offer the dataset to us.
        """
        policy = None if terms is None else read_terms(terms)
        body = _order(
            address,
            dataset,
            purpose=purpose,
            offer=offer,
            fresh=fresh or None,
            policy=policy,
        )
        path = yield from self._path("negotiations")
        response = yield from call(Request("POST", path, body=body, key=str(uuid4())))
        return Negotiation.read(response.document)

    def negotiations(self) -> Exchange[tuple[Negotiation, ...]]:
        """Return every negotiation, either role."""
        items = yield from self._collect("negotiations")
        return tuple(Negotiation.read(item) for item in items)

    def negotiation(self, negotiation: str) -> Exchange[Negotiation]:
        """Return one negotiation.

        Raises:
            NotFoundError: No such negotiation.
        """
        path = yield from self._path("negotiations", negotiation)
        response = yield from call(Request("GET", path))
        return Negotiation.read(response.document)

    def terminate_negotiation(
        self, negotiation: str, *, reason: str | None = None
    ) -> Exchange[Negotiation]:
        """Terminate a negotiation that has no outcome yet.

        Raises:
            ConflictError: It is over already.
        """
        path = yield from self._path("negotiations", negotiation, "terminate")
        response = yield from call(Request("POST", path, body=because(reason)))
        return Negotiation.read(response.document)


def _order(address: str, dataset: str, **more: object) -> JsonObject:
    """Return the body of a request for an agreement, what is not given left out."""
    given = {name: value for name, value in more.items() if value is not None}
    return {"address": address, "dataset": dataset, **given}


def _no_outcome(deadline: timedelta) -> str:
    return f"no outcome within {deadline.total_seconds():g} s"


def _too_late(negotiation: Negotiation, deadline: timedelta) -> DeadlineError:
    hint = "the counterparty may need more time: pass a longer deadline"
    reason = _no_outcome(deadline)
    msg = f"negotiation {negotiation.id} had {reason}; it stood at {negotiation.state}"
    return DeadlineError(msg, hint=hint)


def _was_given_up(negotiation: Negotiation) -> bool:
    """Say whether another call that waited for it had no more time; ours may have."""
    return negotiation.ended_by == "us" and negotiation.code == "owner"


def _refused(negotiation: Negotiation) -> TrustspaceError:
    """Return the exception for a negotiation that came to no agreement."""
    code = negotiation.code or "negotiation.terminated"
    hint = f"ask why: trustspace explain {negotiation.id}"
    who = "this connector" if negotiation.ended_by == "us" else negotiation.counterparty
    said = f"{who} terminated the negotiation over {negotiation.dataset!r}"
    reasons = reason_objects(negotiation.reasons, code=code)
    if (silence := unanswered(said, reasons, code=code)) is not None:
        return silence
    if not reasons:
        return RemoteProtocolError(f"{said} ({code}) without a reason", code=code, hint=hint)
    return refusal(said, reasons, code=code, hint=hint)
