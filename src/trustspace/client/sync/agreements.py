"""The sync client: agreements of either role, and the data under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.client.handles.handle import Handle
from trustspace.client.handles.kept_data import Keeper
from trustspace.client.sync.driver import Driver
from trustspace.client.values import Agreement, Event, id_of

if TYPE_CHECKING:
    from trustspace.client.bound import BoundAgreement
    from trustspace.client.handles.keeping import Form, Kept
    from trustspace.client.handles.kept_handle import KeptHandle


class AgreementMethods(Driver):
    """Agreements of either role, and the data under them."""

    def agreements(self) -> tuple[BoundAgreement, ...]:
        """Return every agreement, either role."""
        return tuple(map(self._bind, self.drive(self._operations.agreements())))

    def agreement(self, agreement: str) -> BoundAgreement:
        """Return one agreement.

        Raises:
            NotFoundError: No such agreement.
        """
        return self._bind(self.drive(self._operations.agreement(agreement)))

    def timeline(self, agreement: Agreement | str) -> tuple[Event, ...]:
        """Return everything that happened under an agreement, oldest first.

        Raises:
            NotFoundError: No such agreement.
        """
        return self.drive(self._operations.timeline(id_of(agreement)))

    def give_up(self, agreement: Agreement | str, *, reason: str | None = None) -> BoundAgreement:
        """End an agreement as its consumer; the provider is told.

        Args:
            agreement: The agreement or its id.
            reason: Words for the counterparty.

        Raises:
            NotFoundError: No such agreement.
            LocalProtocolError: The own side is its provider.
            ConflictError: It has ended in another way.
        """
        return self._bind(self.drive(self._operations.give_up(id_of(agreement), reason=reason)))

    def end(self, agreement: Agreement | str, *, reason: str | None = None) -> BoundAgreement:
        """Propose to end an agreement, or accept the counterparty's standing proposal.

        Args:
            agreement: The agreement or its id.
            reason: Words for the counterparty.

        Returns:
            The agreement: in force with the own ``proposal``, or ``TERMINATED``.

        Raises:
            NotFoundError: No such agreement.
            LocalProtocolError: The counterparty's connector does not know such proposals.
            ConflictError: It has ended in another way.
        """
        return self._bind(self.drive(self._operations.end(id_of(agreement), reason=reason)))

    def reject_end(
        self, agreement: Agreement | str, *, reason: str | None = None
    ) -> BoundAgreement:
        """Reject the counterparty's standing proposal to end an agreement.

        Args:
            agreement: The agreement or its id.
            reason: Words for the counterparty.

        Raises:
            NotFoundError: No such agreement.
            LocalProtocolError: There is no such proposal.
        """
        return self._bind(self.drive(self._operations.reject_end(id_of(agreement), reason=reason)))

    def revoke(self, agreement: Agreement | str, *, reason: str | None = None) -> BoundAgreement:
        """End an agreement as its provider: streams are cut within a second, the consumer told.

        Args:
            agreement: The agreement or its id.
            reason: Words for the counterparty.

        Raises:
            NotFoundError: No such agreement.
            LocalProtocolError: The own side is its consumer.
            ConflictError: It has ended in another way.
        """
        return self._bind(self.drive(self._operations.revoke(id_of(agreement), reason=reason)))

    def open(
        self, agreement: Agreement | str, *, purpose: str | None = None, action: str = "use"
    ) -> Handle:
        """Return a governed handle of an agreement's data, to be used in a ``with`` block.

        Args:
            agreement: The agreement or its id.
            purpose: What the data is for; refused unless it is what was agreed.
            action: The ODRL action that the use amounts to.
        """
        return Handle(
            id_of(agreement),
            drive=self.drive,
            operations=self._operations,
            endpoints=self._endpoints,
            purpose=purpose,
            action=action,
        )

    def keep(
        self,
        agreement: Agreement | str,
        *,
        purpose: str | None = None,
        action: str = "use",
        form: Form | None = None,
    ) -> Kept:
        """Have the data delivered into the own sealed store, to be used from there.

        Args:
            agreement: The agreement or its id.
            purpose: What the data is for; refused unless it is what was agreed.
            action: The ODRL action that the delivery is for.
            form: ``table`` or ``file``; None takes the table where there is one.

        Raises:
            PolicyDeniedError: The agreement does not let it flow, or what was kept is deleted.
            ConfigurationError: This client has no folder for what is kept, or it cannot be written.
            TransportError: The stream broke several times, though nothing speaks against it.
        """
        return self._keeper.keep(id_of(agreement), purpose=purpose, action=action, form=form)

    def kept(self, agreement: Agreement | str) -> Kept | None:
        """Return what is kept of an agreement, or None.

        Raises:
            PolicyDeniedError: It was deleted.
            IntegrityError: It was changed.
        """
        return self._keeper.kept(id_of(agreement))

    def use(
        self, agreement: Agreement | str, *, purpose: str | None = None, action: str = "use"
    ) -> KeptHandle:
        """Return a governed handle of what is kept, to be used in a ``with`` block.

        Args:
            agreement: The agreement or its id.
            purpose: What for; None means what was agreed.
            action: The ODRL action that the use amounts to.

        Raises:
            NotFoundError: Nothing is kept of it.
            PolicyDeniedError: It was deleted.
        """
        return self._keeper.use(id_of(agreement), purpose=purpose, action=action)

    @property
    def _keeper(self) -> Keeper:
        return Keeper(self.drive, self._operations, self._endpoints, self._kept)
