"""Endpoint data references: where a transfer's data is fetched, and the token that opens it.

The token is for one transfer at one endpoint and lives minutes. It is signed like the tokens that
identify participants, but names another subject than its issuer and an endpoint as its audience, so
that neither can be used in the other's place. Whether the transfer still runs is the caller's to
check at each request: the token only says that it ran when the token was made.

Existing connectors read the same properties under full IRIs, so each stands under both names.

Example::

    address = issue_edr(key, issuer=ours, consumer=theirs, agreement_id="urn:uuid:a1",
                        transfer_pid="urn:uuid:t1", endpoint=url, refresh_endpoint=None, now=now)
    claims = verify_edr_token(request.headers.get("authorization"), keys=ours_keys,
                              endpoint=url, now=now)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from trustspace.errors import InvalidTokenError
from trustspace.identity.token import ISSUED_LIFETIME, issue, verify
from trustspace.model.data_address import HTTP_ENDPOINT_TYPE, DataAddress, EndpointProperty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trustspace.identity.keys import SigningKey, VerificationKey

_NAMESPACE: Final = "https://w3id.org/edc/v0.0.1/ns/"
_AGREEMENT: Final = "agreement"
_TRANSFER: Final = "transfer"
_BEARER: Final = "bearer "


@dataclass(frozen=True)
class EdrClaims:
    """What the token of a data request says.

    Attributes:
        consumer: Who may fetch.
        agreement_id: Under which agreement.
        transfer_pid: In which transfer, by the provider's pid.
        token_id: Unique for the issuer.
        expires_at: When the token ends, UTC.
    """

    consumer: str
    agreement_id: str
    transfer_pid: str
    token_id: str
    expires_at: datetime


def issue_edr(  # noqa: PLR0913 - each is one fact of the transfer, all by keyword
    key: SigningKey,
    *,
    issuer: str,
    consumer: str,
    agreement_id: str,
    transfer_pid: str,
    endpoint: str,
    refresh_endpoint: str | None,
    now: datetime,
    lifetime: timedelta = ISSUED_LIFETIME,
) -> DataAddress:
    """Return endpoint and token of a running transfer, for the start message.

    Args:
        key: The provider's key.
        issuer: The provider's DID.
        consumer: The consumer's DID.
        agreement_id: The agreement under which data flows.
        transfer_pid: The provider's pid of the transfer.
        endpoint: Where the data is; the token is good there only.
        refresh_endpoint: Where the consumer gets a fresh token, or None.
        now: UTC.
        lifetime: At most five minutes.

    Raises:
        ConfigurationError: The lifetime is not within five minutes.
    """
    token = issue(
        key,
        issuer=issuer,
        audience=endpoint,
        now=now,
        lifetime=lifetime,
        claims={"sub": consumer, _AGREEMENT: agreement_id, _TRANSFER: transfer_pid},
    )
    properties = {
        "endpoint": endpoint,
        "endpointType": HTTP_ENDPOINT_TYPE,
        "authorization": token,
        "authType": "bearer",
        "expiresIn": str(int(lifetime.total_seconds())),
    }
    if refresh_endpoint is not None:
        properties["refreshEndpoint"] = refresh_endpoint
    # The first two stand in members of their own in the standard form.
    standard = {name: properties[name] for name in list(properties)[2:]}
    foreign = {_NAMESPACE + name: value for name, value in properties.items()}
    return DataAddress(
        endpoint_type=HTTP_ENDPOINT_TYPE,
        endpoint=endpoint,
        properties=tuple(
            EndpointProperty(name=name, value=value) for name, value in (standard | foreign).items()
        ),
    )


def verify_edr_token(
    header: str | None,
    *,
    keys: Mapping[str, VerificationKey],
    endpoint: str,
    now: datetime,
) -> EdrClaims:
    """Check the token of a data request; whether its transfer runs is the caller's to check.

    Args:
        header: Value of ``Authorization``: the token, with or without ``Bearer``.
        keys: The provider's own keys by id.
        endpoint: The endpoint that was called.
        now: UTC; no leeway is given, because the clock is that of the issuer.

    Raises:
        InvalidTokenError: It is none of ours for this endpoint.
        ExpiredTokenError: Its time is over.
        UntrustedIssuerError: It is signed with another key.
    """
    if header is None:
        raise InvalidTokenError("The request has no token")
    token = header[len(_BEARER) :] if header[: len(_BEARER)].lower() == _BEARER else header
    claims = verify(
        token.strip(" "),
        keys=keys,
        audience=endpoint,
        now=now,
        leeway=timedelta(0),
        max_lifetime=ISSUED_LIFETIME,
        self_issued=False,
    )
    agreement_id, transfer_pid = (claims.extra.get(name) for name in (_AGREEMENT, _TRANSFER))
    if not isinstance(agreement_id, str) or not isinstance(transfer_pid, str):
        raise InvalidTokenError("A token is not for a transfer")
    return EdrClaims(
        consumer=claims.subject,
        agreement_id=agreement_id,
        transfer_pid=transfer_pid,
        token_id=claims.token_id,
        expires_at=claims.expires_at,
    )
