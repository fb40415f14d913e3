"""The proof of a deletion: the record of it, signed by who held the data.

Example::

    proof = prove(record, hosted)
    checked = await DeletionProofs(resolver).check(proof, sender="did:web:bank", agreement="…")
    checked.objects
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trustspace.errors import IdentityError, IntegrityError, RemoteProtocolError
from trustspace.identity.signed_document import sign, signer_of, verify
from trustspace.model.value import canonical
from trustspace.usage.deletion_record import DeletionRecord

if TYPE_CHECKING:
    from trustspace.connector.context import Hosted
    from trustspace.model.participant import ParticipantId
    from trustspace.transport.resolver import DidResolver

KIND: Final = "ts-deletion+jws"
"""What the header of a proof says that it is."""


def prove(record: DeletionRecord, hosted: Hosted) -> str:
    """Return the proof of a deletion, signed by who held the data."""
    return sign(record.model_dump(mode="json"), hosted.key, signer=hosted.id, kind=KIND)


class DeletionProofs:
    """Checks what counterparties send as proofs.

    Args:
        resolver: Finds their keys; None where identities are believed without one.
    """

    def __init__(self, resolver: DidResolver | None) -> None:
        self._resolver = resolver

    async def check(
        self, proof: object, *, sender: ParticipantId, agreement: str
    ) -> DeletionRecord | None:
        """Check a proof.

        Returns:
            The record; None where nobody's keys are known here.

        Raises:
            RemoteProtocolError: It is not the sender's, or not about this agreement, or the
                deletion is not finished.
        """
        if self._resolver is None:
            return None
        try:
            text = str(proof)
            if signer_of(text) != sender:
                raise _refused("it is signed by somebody else")
            document = await self._resolver.resolve(sender)
            signed = verify(text, keys=document.assertion_keys, kind=KIND)
            record = DeletionRecord.decode(canonical(signed))
        except (IdentityError, IntegrityError) as error:
            raise _refused(str(error)) from error
        if record.agreement != agreement or record.participant != sender:
            raise _refused("it is about another agreement")
        if record.finished is None or record.verified is None:
            raise _refused("the deletion is not finished")
        return record


def _refused(because: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"the proof of the deletion is refused: {because}", code="deletion.proof"
    )
