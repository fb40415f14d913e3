"""The sync client: who this client speaks for, and what is attested about others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.client.sync.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.client.values import (
        CounterpartyFacts,
        ParticipantInfo,
    )


class ParticipantMethods(Driver):
    """Who this client speaks for, and what is attested about others."""

    def participant(self) -> ParticipantInfo:
        """Return the participant in whose name this client speaks.

        Raises:
            NotFoundError: The connector hosts no participant of that name.
            ConfigurationError: None was named and the connector hosts several.
        """
        return self.drive(self._operations.participant())

    def participants(self) -> tuple[ParticipantInfo, ...]:
        """Return every participant that the connector hosts."""
        return self.drive(self._operations.participants())

    def host(self, name: str) -> ParticipantInfo:
        """Let the connector host another participant, with a key and a DID of its own.

        Args:
            name: Its short name, ``[a-z0-9][a-z0-9-]*``.

        Raises:
            ConflictError: It hosts one of that name.
        """
        return self.drive(self._operations.host(name))

    def attest(self, did: str, facts: Mapping[str, Any]) -> CounterpartyFacts:
        """Attest facts about a counterparty, for example ``{"spatial": "CN-SH"}``.

        Args:
            did: The counterparty.
            facts: By left operand or ``groups``: a value, several, or ``{"value": …, "until": …,
                "revocation": …}``; they replace what was attested before.
        """
        return self.drive(self._operations.attest(did, facts))

    def attested(self, did: str) -> CounterpartyFacts:
        """Return what has been attested about a counterparty.

        Raises:
            NotFoundError: Nothing has.
        """
        return self.drive(self._operations.attested(did))

    def speak(self, counterparty: str, dialect: str | None) -> str:
        """Say how a counterparty speaks the protocol, ``edc`` for example; None leaves it open."""
        return self.drive(self._operations.speak(counterparty, dialect))

    def spoken(self, counterparty: str) -> str:
        """Return the name of the dialect that is spoken with a counterparty."""
        return self.drive(self._operations.spoken(counterparty))
