"""The sync client: what is owed under agreements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from trustspace.client.sync.driver import Driver
from trustspace.client.values import Agreement, id_of

if TYPE_CHECKING:
    from trustspace.client.duty import Duty, ProofOptions


class DutyMethods(Driver):
    """Duties of either role."""

    def duties(
        self,
        agreement: Agreement | str | None = None,
        *,
        state: str | None = None,
        language: str = "en",
    ) -> tuple[Duty, ...]:
        """Return the duties under an agreement, or under all of them, newest first.

        Args:
            agreement: The agreement or its id; None for all.
            state: Only those in this state: ``open``, ``overdue``, ``failed``, ``fulfilled``,
                ``remedied``, or ``owed`` for all that are not settled.
            language: Language of the words, ``en`` or ``zh``.

        Raises:
            NotFoundError: No such agreement.
            ConfigurationError: There is no such state.
        """
        which = None if agreement is None else id_of(agreement)
        return self.drive(self._operations.duties(which, state=state, language=language))

    def fulfil(
        self,
        agreement: Agreement | str,
        duty: str,
        evidence: str,
        **options: Unpack[ProofOptions],
    ) -> Duty:
        """Give evidence that a duty was done; the counterparty is told.

        Args:
            agreement: The agreement or its id.
            duty: Id of the duty.
            evidence: Id or reference of the evidence, for example the number of a receipt.
            options: ``amount`` and ``unit`` of a payment, other ``facts``, the ``occurrence``
                where several are owed, ``at`` when it was done.

        Returns:
            The duty: settled where the own word proves it, else claimed.

        Raises:
            NotFoundError: No such agreement or duty, or nothing is owed.
            LocalProtocolError: Only the counterparty can say so, or several are owed.
            ConfigurationError: The evidence cannot be read.
        """
        return self.drive(self._operations.fulfil(id_of(agreement), duty, evidence, **options))
