"""Who sends a request: the port that connectors ask, and its pure core.

Every request between participants carries one ``Authorization`` header. An `IdentityProvider` makes
ours and checks theirs. The checking core is pure: it is given the sender's DID document. Fetching
that document and remembering used tokens is the work of whoever implements the port.

Example::

    unverified = read_header(header)                       # whose document to fetch
    sender = verify_header(header, document=document, audience=ours, now=now)
    # then: refuse when (sender.id, sender.token_id) was seen before, until sender.remember_until
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from trustspace.errors import InvalidTokenError, RemoteProtocolError, UntrustedIssuerError
from trustspace.identity.did import DidDocument, DidWeb
from trustspace.identity.token import (
    LEEWAY,
    REPLAY_MARGIN,
    UnverifiedToken,
    read_unverified,
    verify,
)
from trustspace.model.strict_json import loads

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.model.participant import ParticipantId

MAX_HEADER_LENGTH = 16_640
"""Characters of an ``Authorization`` value: the longest token and its scheme."""

_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9_.-]+)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Sender:
    """An authenticated counterparty.

    Attributes:
        id: Its DID.
        token_id: The id of the token that proved it, or None when nothing can be replayed.
        expires_at: When the proof expires, UTC.
        remember_until: How long the token's id must be remembered against replay, UTC.
    """

    id: ParticipantId
    token_id: str | None = None
    expires_at: datetime | None = None
    remember_until: datetime | None = None


class IdentityProvider(Protocol):
    """Says who we are, and finds out who they are."""

    def issue(self, audience: str, now: datetime) -> str:
        """Return the whole value of the ``Authorization`` header.

        Args:
            audience: DID of the addressed participant.
            now: UTC.
        """
        ...

    async def verify(self, header: str | None, *, audience: str, now: datetime) -> Sender:
        """Find out who sent a request.

        Args:
            header: Value of its ``Authorization`` header, or None when there is none.
            audience: DID of the participant it was addressed to.
            now: UTC.

        Raises:
            IdentityError: It is not known who sent it; the answer outside is the same for all.
        """
        ...


def bearer_header(token: str) -> str:
    """Return the ``Authorization`` value that carries a token (RFC 6750)."""
    return f"Bearer {token}"


def read_header(header: str | None) -> UnverifiedToken:
    """Read whom an ``Authorization`` value claims to come from; nothing is proven by it.

    Raises:
        InvalidTokenError: There is no bearer token in it, or the token is malformed.
        UntrustedIssuerError: Its issuer is not a ``did:web``, or its key is not the issuer's.
    """
    unverified = read_unverified(_bearer_token(header))
    DidWeb.parse(unverified.issuer)
    # Compared as a whole: a prefix would make did:web:a.example own did:web:a.example.evil's keys.
    if unverified.kid is not None and unverified.kid.partition("#")[0] != unverified.issuer:
        raise UntrustedIssuerError("A token names a key that is not its issuer's")
    return unverified


def verify_header(
    header: str | None, *, document: DidDocument, audience: str, now: datetime
) -> Sender:
    """Check an ``Authorization`` value against the DID document of its sender.

    Args:
        header: The value, or None when there is none.
        document: The document of the DID that `read_header` named.
        audience: DID of the participant that was addressed.
        now: UTC.

    Raises:
        InvalidTokenError: No bearer token, or it is malformed, forged or meant for somebody else.
        ExpiredTokenError: It is outside its time.
        UntrustedIssuerError: The document is not the issuer's or lacks the key.
    """
    unverified = read_header(header)
    if document.id != unverified.issuer:
        raise UntrustedIssuerError("A token's issuer is not the resolved participant")
    claims = verify(_bearer_token(header), keys=document.token_keys, audience=audience, now=now)
    return Sender(
        id=claims.issuer,
        token_id=claims.token_id,
        expires_at=claims.expires_at,
        remember_until=claims.expires_at + LEEWAY + REPLAY_MARGIN,
    )


class UnsafeIdentityWarning(UserWarning):
    """Participants are believed without proof."""


class UnsafeClientIdIdentity:
    """Believes everybody: the header is a JSON object whose ``clientId`` says who is there.

    This is what connectors of the Eclipse project speak in their development set-up. It serves
    tests against them and nothing else.

    Args:
        participant_id: What we call ourselves.
    """

    def __init__(self, participant_id: ParticipantId) -> None:
        warnings.warn(
            f"{participant_id} believes every counterparty without proof; never use this with data",
            UnsafeIdentityWarning,
            stacklevel=2,
        )
        self._participant_id = participant_id

    def issue(self, audience: str, now: datetime) -> str:  # noqa: ARG002 - nothing expires here
        """Return the header value; ``audience`` is repeated in it, unprotected."""
        claims = {"region": "eu", "audience": audience, "clientId": self._participant_id}
        return json.dumps(claims)

    async def verify(
        self,
        header: str | None,
        *,
        audience: str,  # noqa: ARG002 - peers write the called address here, not a DID
        now: datetime,  # noqa: ARG002 - nothing expires here
    ) -> Sender:
        """Believe the header.

        Raises:
            InvalidTokenError: It is not a JSON object with a ``clientId``.
        """
        if header is None or len(header) > MAX_HEADER_LENGTH:
            raise InvalidTokenError("A request has no usable Authorization header")
        try:
            claims = loads(header.encode("utf-8", "surrogatepass"))
        except RemoteProtocolError as error:
            raise InvalidTokenError(f"An Authorization header is malformed: {error}") from error
        client_id = claims.get("clientId") if isinstance(claims, dict) else None
        if not isinstance(client_id, str) or not client_id:
            raise InvalidTokenError("An Authorization header has no clientId")
        return Sender(client_id)


def _bearer_token(header: str | None) -> str:
    match = _BEARER.match(header) if header and len(header) <= MAX_HEADER_LENGTH else None
    if match is None:
        raise InvalidTokenError("A request has no bearer token")
    return match[1]
