"""The control plane: everything an owner can ask of a connector, over the steps of both roles.

Each method is one question or one change for one hosted participant and returns what the management
API shows. Writing is one transaction each; waiting is woken by commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.connector import views
from trustspace.connector.crawling.foreign_catalog import shown
from trustspace.connector.deciding.known_facts import attestable
from trustspace.connector.deciding.past_decisions import listed
from trustspace.connector.explanations import explanation
from trustspace.connector.terms_shown import agreement_terms
from trustspace.dsp.messages import TransferState
from trustspace.errors import LocalProtocolError, NotFoundError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.cataloguing.publications import Publications
    from trustspace.connector.cataloguing.watermarks import Watermarks
    from trustspace.connector.changes import Changes
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.crawling.crawls import Crawls
    from trustspace.connector.deciding.decision_point import DecisionPoint
    from trustspace.connector.deciding.rollout import Rollout
    from trustspace.connector.doctor.doctor import Doctor
    from trustspace.connector.duties.owner import OwnerDuties
    from trustspace.connector.duties.planner import DutyPlanner
    from trustspace.connector.ending.owner import OwnerEndings
    from trustspace.connector.idempotency import Keep
    from trustspace.connector.messaging.peers import Peers
    from trustspace.connector.messaging.speaking import Speaking
    from trustspace.connector.monitoring.monitor import Monitor
    from trustspace.connector.negotiating.agreeing import Agreeing
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.connector.negotiating.approvals import Approvals
    from trustspace.connector.negotiating.negotiations import Negotiations
    from trustspace.connector.negotiating.proposals import Proposals
    from trustspace.connector.owner_steps import OwnerSteps
    from trustspace.connector.pushing.incoming import Incoming
    from trustspace.connector.transferring.suspensions import Suspensions
    from trustspace.connector.transferring.tokens import TokenDesk
    from trustspace.connector.transferring.transfer_requests import PushOrder, TransferRequests
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.connector.using.uses import Uses
    from trustspace.policy.messages import Language
    from trustspace.store import AgreementRow, Transaction
    from trustspace.transport.discovery import Discovery

Json = dict[str, Any]


@dataclass
class ControlPlane:
    """The owner's side of one running connector."""

    context: ConnectorContext
    decide: DecisionPoint
    agreed: Agreements
    agreeing: Agreeing
    endings: OwnerEndings
    negotiations: Negotiations
    transfers: Transfers
    requests: TransferRequests
    suspensions: Suspensions
    incoming: Incoming
    publications: Publications
    peers: Peers
    crawls: Crawls
    tokens: TokenDesk
    steps: OwnerSteps
    approvals: Approvals
    proposals: Proposals
    discovery: Discovery
    changes: Changes
    speaking: Speaking
    duties: OwnerDuties
    planner: DutyPlanner
    doctor: Doctor
    rollout: Rollout
    uses: Uses
    watermarks: Watermarks
    monitor: Monitor

    def about(self, hosted: Hosted) -> Json:
        """Say who a hosted participant is."""
        return views.participant(hosted, development=self.context.settings.development)

    # --- discovering, negotiations ---------------------------------------------------------------

    async def catalog(
        self, hosted: Hosted, address: str, *, limit: int | None, filter_: tuple[Any, ...] = ()
    ) -> Json:
        """Fetch a counterparty's catalogue and those nested in it.

        Args:
            hosted: Who asks.
            address: The counterparty's URL or DID.
            limit: Most datasets to return; None for all of them.
            filter_: Criteria of our own filter.
        """
        counterparty = await self.discovery.discover(address)
        found = await self.crawls.catalogs.fetch(hosted, counterparty, filter_=filter_, limit=limit)
        return {
            "participant_id": counterparty.id,
            "address": counterparty.base,
            "datasets": [shown(each) for each in found.datasets],
            "skipped": found.skipped,
        }

    async def negotiation(self, hosted: Hosted, pid: str, *, wait: float) -> Json:
        """Show a negotiation, at once or when it has ended or waits for the program that asked."""
        return await self._shown(
            hosted,
            pid,
            wait=wait,
            over=lambda value: value.is_terminal or value.awaiting == "client",
        )

    async def negotiations_page(
        self, hosted: Hosted, *, state: str | None, limit: int, cursor: str | None
    ) -> Json:
        """Show negotiations, newest first."""

        def query(tx: Transaction) -> Json:
            page = tx.negotiations.list(hosted.name, state=state, limit=limit, cursor=cursor)
            items = [views.negotiation(tx, hosted.name, value) for value in page.items]
            return {"items": items, "next": page.cursor}

        return await self.context.store.read(query)

    async def step_negotiation(
        self,
        hosted: Hosted,
        pid: str,
        step: str,
        *,
        reason: str = "",
        policy: Mapping[str, Any] | None = None,
    ) -> Json:
        """Take a step of a negotiation by the owner's wish; see `OwnerSteps`."""
        if step == "offer" and policy is not None:
            value = await self.context.store.read(lambda tx: tx.negotiations.get(hosted.name, pid))
            if value is not None and value.role is Role.PROVIDER:
                await self.publications.try_terms(hosted, value.dataset_id, policy)
        now = self.context.now()

        def hop(tx: Transaction) -> Json:
            value = self.steps.negotiation(
                tx, hosted, pid, step, reason=reason, policy=policy, now=now
            )
            return views.negotiation(tx, hosted.name, value)

        return await self.context.decide(hop)

    # --- agreements ------------------------------------------------------------------------------

    async def agreement(self, hosted: Hosted, agreement_id: str) -> Json:
        """Show an agreement with its counters."""

        def query(tx: Transaction) -> Json:
            row = self.agreed.get(tx, hosted, agreement_id)
            return self._agreement(tx, row)

        return await self.context.store.read(query)

    async def agreements_page(self, hosted: Hosted, *, limit: int, cursor: str | None) -> Json:
        """Show agreements, newest first."""

        def query(tx: Transaction) -> Json:
            page = tx.agreements.list(hosted.name, limit=limit, cursor=cursor)
            items = [self._agreement(tx, row) for row in page.items]
            return {"items": items, "next": page.cursor}

        return await self.context.store.read(query)

    # --- transfers -------------------------------------------------------------------------------

    async def request_transfer(
        self,
        hosted: Hosted,
        agreement_id: str,
        *,
        format_: str,
        push: PushOrder | None,
        keep: Keep,
    ) -> Json:
        """Ask the provider for the data of an agreement.

        Args:
            hosted: The consumer.
            agreement_id: Which agreement.
            format_: The transfer format.
            push: Of a push: where to and in which form; None for our own sink.
            keep: Remembers the answer under the caller's idempotency key.
        """
        now = self.context.now()

        def hop(tx: Transaction) -> Json:
            transfer = self.requests.request(
                tx, hosted, agreement_id, format_=format_, now=now, push=push
            )
            shown = views.transfer(tx, hosted.name, transfer)
            keep(tx, shown)
            return shown

        return await self.context.store.write(hop)

    async def transfer(self, hosted: Hosted, pid: str, *, wait: float, ended: bool = False) -> Json:
        """Show a transfer, at once or when the provider has answered, or when it has ended."""
        return await self._shown(
            hosted,
            pid,
            wait=wait,
            transfer=True,
            over=lambda value: (
                value.is_terminal if ended else value.state is not TransferState.REQUESTED
            ),
        )

    async def transfers_page(
        self, hosted: Hosted, *, state: str | None, limit: int, cursor: str | None
    ) -> Json:
        """Show transfers, newest first."""

        def query(tx: Transaction) -> Json:
            page = tx.transfers.list(hosted.name, state=state, limit=limit, cursor=cursor)
            items = [views.transfer(tx, hosted.name, value) for value in page.items]
            return {"items": items, "next": page.cursor}

        return await self.context.store.read(query)

    async def step_transfer(self, hosted: Hosted, pid: str, step: str, *, reason: str = "") -> Json:
        """Take a step of a transfer by the owner's wish; see `OwnerSteps`."""
        now = self.context.now()
        value = await self.context.store.write(
            lambda tx: self.steps.transfer(tx, hosted, pid, step, reason=reason, now=now)
        )
        if value.state is not TransferState.STARTED:
            self.context.gates.close(transfer_pid=pid, code=f"transfer.{value.state.lower()}")
            self.incoming.follow(hosted, value)
        return await self.transfer(hosted, pid, wait=0)

    async def edr(self, hosted: Hosted, pid: str, *, fresh: bool) -> Json:
        """Return where and with which token the consumer pulls.

        Raises:
            NotFoundError: There is no such transfer.
            LocalProtocolError: It is not running, or we are its provider.
        """
        value = await self.context.store.read(
            lambda tx: _found(tx.transfers.get(hosted.name, pid), "transfer", pid)
        )
        if value.state is not TransferState.STARTED or value.data_address is None:
            raise LocalProtocolError(
                f"the transfer is {value.state.lower()}, so it has no data address",
                code=f"transfer.{value.state.lower()}",
                hint="ask for a new transfer, or resume this one",
            )
        edr = await self.tokens.current(hosted, value, self.peers, fresh=fresh)
        return edr | {"agreement": value.agreement_id, "transfer": value.id}

    async def receipt(self, hosted: Hosted, pid: str, body: Mapping[str, Any]) -> None:
        """Record how a delivery ended at the consumer, as its SDK reports it."""
        now = self.context.now()

        def hop(tx: Transaction) -> None:
            value = _found(tx.transfers.get(hosted.name, pid), "transfer", pid)
            about = {
                "transfer": value.id,
                "agreement": value.agreement_id,
                "counterparty": value.counterparty,
            }
            kind = {"delivered": "received"}.get(body["outcome"], body["outcome"])
            more = {key: item for key, item in body.items() if key != "outcome"}
            tx.events.append(hosted.name, f"delivery.{kind}", about | more, now=now)
            agreement = tx.agreements.get(hosted.name, value.agreement_id)
            if agreement is not None:
                self.agreeing.reuse.note_use(tx, agreement, body, now=now)
                if agreement.role is Role.CONSUMER and body["outcome"] != "refused":
                    session = str(body["session"])
                    self.planner.used(tx, agreement, session, use=body, now=now)

        await self.context.store.write(hop)

    # --- observing -------------------------------------------------------------------------------

    async def events(self, hosted: Hosted, *, after: int, limit: int, wait: float) -> Json:
        """Return the domain events after a number, waiting for the first when there is none."""

        async def look() -> Json | None:
            rows = await self.context.store.read(
                lambda tx: tx.events.after(hosted.name, after, limit)
            )
            if not rows:
                return None
            return {"items": [views.event(row) for row in rows], "next": rows[-1].seq}

        found = await self.changes.until(hosted.name, look, seconds=wait)
        return found or {"items": [], "next": after}

    async def past_decisions(self, hosted: Hosted, *, limit: int) -> Json:
        """Show the last decisions, newest first."""
        await self.context.decisions.settle()
        rows = await self.context.store.read(lambda tx: tx.decisions.last(hosted.name, limit))
        return {"items": [listed(row) for row in rows]}

    async def timeline(self, hosted: Hosted, agreement_id: str) -> Json:
        """Return everything that happened under an agreement, oldest first.

        Raises:
            NotFoundError: There is no such agreement.
        """

        def query(tx: Transaction) -> Json:
            self.agreed.get(tx, hosted, agreement_id)
            rows = tx.events.about(hosted.name, agreement_id)
            return {"items": [views.event(row) for row in rows]}

        return await self.context.store.read(query)

    async def explain(self, hosted: Hosted, subject: str, *, language: Language) -> Json:
        """Say why a negotiation, transfer or agreement came out as it did, or how terms bind.

        Raises:
            NotFoundError: Nothing of ours has this id.
        """
        await self.context.decisions.settle()
        return await self.context.store.read(
            lambda tx: explanation(self.context, tx, hosted, subject, language=language)
        )

    async def attest(self, hosted: Hosted, did: str, facts: Mapping[str, Any]) -> Json:
        """Replace the facts that the owner attests about a counterparty."""
        now = self.context.now()
        checked = attestable(facts, served=self.context.facts.served, now=now)

        def hop(tx: Transaction) -> Json:
            row = tx.counterparties.attest(hosted.name, did, checked, now=now)
            body = {"counterparty": did, "facts": dict(row.facts)}
            tx.events.append(hosted.name, "counterparty.attested", body, now=now)
            return {"id": did, "facts": row.facts}

        attested = await self.context.store.write(hop)
        self.decide.visibility.forget()
        self.monitor.facts_changed(hosted.name, did)
        return attested

    async def attested(self, hosted: Hosted, did: str) -> Json:
        """Show the facts that the owner attests about a counterparty."""
        row = await self.context.store.read(lambda tx: tx.counterparties.get(hosted.name, did))
        return {"id": did, "facts": {} if row is None else row.facts}

    # --- within ----------------------------------------------------------------------------------

    def _agreement(self, tx: Transaction, row: AgreementRow) -> Json:
        terms = agreement_terms(self.context, tx, row)
        limits, now = self.decide.limits(row), self.context.now()
        return views.agreement(tx, row, limits=limits, terms=terms, now=now)

    async def _shown(
        self,
        hosted: Hosted,
        pid: str,
        *,
        wait: float,
        over: Any,  # noqa: ANN401 - a predicate on either kind of process
        transfer: bool = False,
    ) -> Json:
        def query(tx: Transaction) -> tuple[bool, Json]:
            if transfer:
                moved = _found(tx.transfers.get(hosted.name, pid), "transfer", pid)
                return over(moved), views.transfer(tx, hosted.name, moved)
            value = _found(tx.negotiations.get(hosted.name, pid), "negotiation", pid)
            return over(value), views.negotiation(tx, hosted.name, value)

        async def look() -> Json | None:
            is_over, shown = await self.context.store.read(query)
            return shown if is_over else None

        found = None
        if wait:
            found = await self.changes.until(hosted.name, look, seconds=wait, process=pid)
        return found or (await self.context.store.read(query))[1]


def _found(value: Any, kind: str, pid: str) -> Any:  # noqa: ANN401 - a process of either kind
    if value is None:
        raise NotFoundError(f"there is no {kind} {pid}")
    return value


def _reasons(reason: str) -> tuple[str, ...]:
    return (reason,) if reason else ()
