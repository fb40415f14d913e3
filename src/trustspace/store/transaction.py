"""What a hop sees of the store: one repository per kind of row.

Example::

    def hop(tx: Transaction) -> int:
        tx.negotiations.update("garden", negotiation)
        tx.outbox.add("garden", …)
        return tx.events.append("garden", "negotiation.agreed", {"pid": negotiation.id}, now=now)

    seq = await store.write(hop)
"""

from functools import cached_property

from trustspace.dsp.transfer import TransferProcess
from trustspace.store.agreements import Agreements
from trustspace.store.catalogue import Datasets, Policies
from trustspace.store.catalogue_index import CatalogueIndex
from trustspace.store.counters import Counters, Meters
from trustspace.store.decisions import Decisions
from trustspace.store.duties import Duties
from trustspace.store.events import Events
from trustspace.store.holds import Holds
from trustspace.store.negotiation_keys import NegotiationKeys
from trustspace.store.negotiations import Negotiations
from trustspace.store.outbox import Outbox
from trustspace.store.participants import Counterparties, Participants, Settings
from trustspace.store.portions import Portions
from trustspace.store.processes import NEGOTIATIONS, TRANSFERS, Processes
from trustspace.store.pushes import Pushes
from trustspace.store.tokens import Idempotency, Tokens
from trustspace.store.unit_of_work import UnitOfWork


class Transaction:
    """The repositories, over one transaction; of no use after its hop."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit

    @property
    def is_writing(self) -> bool:
        """Whether this is a hop that may write, not a query."""
        return self._unit.is_writing

    @cached_property
    def participants(self) -> Participants:
        """Participant contexts hosted here."""
        return Participants(self._unit)

    @cached_property
    def settings(self) -> Settings:
        """Small texts under a key."""
        return Settings(self._unit)

    @cached_property
    def counterparties(self) -> Counterparties:
        """Facts attested about counterparties."""
        return Counterparties(self._unit)

    @cached_property
    def policies(self) -> Policies:
        """Policy documents by digest."""
        return Policies(self._unit)

    @cached_property
    def datasets(self) -> Datasets:
        """Published datasets."""
        return Datasets(self._unit)

    @cached_property
    def index(self) -> CatalogueIndex:
        """Catalogues of others, as they were last crawled."""
        return CatalogueIndex(self._unit)

    @cached_property
    def negotiations(self) -> Negotiations:
        """Contract negotiations."""
        return Negotiations(self._unit, NEGOTIATIONS)

    @cached_property
    def negotiation_keys(self) -> NegotiationKeys:
        """What was asked for already."""
        return NegotiationKeys(self._unit)

    @cached_property
    def agreements(self) -> Agreements:
        """Signed agreements."""
        return Agreements(self._unit)

    @cached_property
    def transfers(self) -> Processes[TransferProcess]:
        """Transfer processes."""
        return Processes(self._unit, TRANSFERS)

    @cached_property
    def decisions(self) -> Decisions:
        """The last decisions, with what was asked."""
        return Decisions(self._unit)

    @cached_property
    def holds(self) -> Holds:
        """Suspensions by a provider."""
        return Holds(self._unit)

    @cached_property
    def duties(self) -> Duties:
        """What is owed under agreements."""
        return Duties(self._unit)

    @cached_property
    def pushes(self) -> Pushes:
        """Progress of pushed deliveries."""
        return Pushes(self._unit)

    @cached_property
    def outbox(self) -> Outbox:
        """Messages that have to leave."""
        return Outbox(self._unit)

    @cached_property
    def events(self) -> Events:
        """What happened, numbered."""
        return Events(self._unit)

    @cached_property
    def counters(self) -> Counters:
        """Counted uses of agreements."""
        return Counters(self._unit)

    @cached_property
    def portions(self) -> Portions:
        """Amounts taken of agreements."""
        return Portions(self._unit)

    @cached_property
    def meters(self) -> Meters:
        """What was delivered."""
        return Meters(self._unit)

    @cached_property
    def tokens(self) -> Tokens:
        """Token ids accepted."""
        return Tokens(self._unit)

    @cached_property
    def idempotency(self) -> Idempotency:
        """Answers by idempotency key."""
        return Idempotency(self._unit)
