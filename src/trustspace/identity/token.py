"""Signed tokens: issue ours, read a stranger's, believe it only after every check.

A token is a compact JWS whose payload is a set of claims (RFC 7515, RFC 7519). The signature itself
is checked by PyJWT; what PyJWT would let pass is refused here before and after it: two spellings of
one token, members given twice, keys or extensions named in the header, an algorithm that is not the
key's own, claims of another type, several audiences, long lives. A token without any of the claims
of DCP 1.0, "Self-Issued ID Token", is no token.

Example::

    token = issue(key, issuer=ours, audience=theirs, now=now)
    unverified = read_unverified(token)                    # whose keys to fetch; nothing is proven
    claims = verify(token, keys=document.token_keys, audience=theirs, now=now)
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trustspace.errors import (
    ConfigurationError,
    ExpiredTokenError,
    InvalidTokenError,
    UntrustedIssuerError,
)
from trustspace.identity.jws import SIGNATURES, check_signature, read_segment
from trustspace.identity.keys import SigningKey, VerificationKey, decode_base64url
from trustspace.model.value import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

ISSUED_LIFETIME = timedelta(minutes=5)
"""The longest life of a token of ours."""
ACCEPTED_LIFETIME = timedelta(minutes=10)
"""The longest life of a token we accept, inclusive: conformance kits send exactly ten minutes."""
LEEWAY = timedelta(seconds=30)
"""How far two clocks may differ; conformance kits demand that 60 s is refused."""
REPLAY_MARGIN = timedelta(hours=1)
"""How far our own clock may jump back without a used token coming to life again."""
MAX_TOKEN_LENGTH = 16_384
"""Characters; a token carries at most another token in a claim."""

# Header members that name keys, change what is signed, or hold another token (RFC 8725, 3.10).
_REFUSED_HEADERS: Final = frozenset(
    {"crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc", "cty", "epk", "p2c", "p2s"}
)
_RESERVED_CLAIMS: Final = frozenset({"iss", "aud", "jti", "iat", "exp", "nbf"})
_SECOND: Final = timedelta(seconds=1)


class Claims(BaseModel):
    """What a verified token says.

    Attributes:
        issuer: Who signed, ``iss``.
        subject: About whom, ``sub``; the issuer itself in identity tokens.
        audience: For whom, ``aud``; exactly one.
        token_id: ``jti``, unique for the issuer.
        iat: Second of issue since 1970, UTC.
        exp: Second of expiry since 1970, UTC.
        nbf: Second before which it is void since 1970, UTC.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, strict=True, extra="allow", hide_input_in_errors=True, populate_by_name=False
    )

    issuer: str = Field(alias="iss", min_length=1, max_length=2_048)
    subject: str = Field(alias="sub", min_length=1, max_length=2_048)
    audience: str = Field(alias="aud", min_length=1, max_length=2_048)
    token_id: str = Field(alias="jti", min_length=1, max_length=256)
    iat: int = Field(ge=0)
    exp: int = Field(ge=0)
    nbf: int | None = Field(default=None, ge=0)

    @property
    def expires_at(self) -> datetime:
        """When it expires, UTC."""
        return datetime.fromtimestamp(self.exp, UTC)

    @property
    def extra(self) -> Mapping[str, Any]:
        """Every other claim."""
        return self.model_extra or {}


@dataclass(frozen=True)
class UnverifiedToken:
    """What a token claims about itself; good for finding keys and for nothing else.

    Attributes:
        issuer: Its ``iss``.
        algorithm: Its header's ``alg``.
        kid: Its header's ``kid``, the id of the key, or None.
    """

    issuer: str
    algorithm: str
    kid: str | None


def issue(
    key: SigningKey,
    *,
    issuer: str,
    audience: str,
    now: datetime,
    lifetime: timedelta = ISSUED_LIFETIME,
    claims: Mapping[str, Any] | None = None,
) -> str:
    """Make a token.

    Args:
        key: The key that signs; it must stand in the issuer's DID document.
        issuer: Our DID; also the subject unless ``claims`` holds ``sub``.
        audience: The DID or endpoint that it is for.
        now: UTC; rounded down, because some receivers allow no leeway.
        lifetime: At most five minutes.
        claims: Further claims.

    Raises:
        ConfigurationError: The lifetime is not within five minutes, or ``claims`` holds one of the
            claims that are made here.
    """
    if not _SECOND <= lifetime <= ISSUED_LIFETIME:
        raise ConfigurationError(
            f"A token's lifetime is {lifetime}, expected 1 second to {ISSUED_LIFETIME}",
            setting="lifetime",
        )
    further = dict(claims or {})
    if _RESERVED_CLAIMS & further.keys():
        raise ConfigurationError("A token's further claims repeat its own", setting="claims")
    issued = int(_seconds(now))
    payload = {
        "sub": issuer,
        **further,
        "iss": issuer,
        "aud": audience,
        "jti": str(uuid.uuid4()),
        "iat": issued,
        "exp": issued + int(lifetime.total_seconds()),
    }
    return SIGNATURES.encode(
        canonical(payload),
        key.private_key,
        algorithm=key.algorithm,
        headers={"kid": key.key_id(issuer)},
    )


def read_unverified(token: str) -> UnverifiedToken:
    """Read who a token claims to be from, after every check that needs no key.

    Raises:
        InvalidTokenError: It is not a compact JWS in its one spelling, or its header or claims
            hold what no honest sender writes.
    """
    header, payload = _parse(token)
    return UnverifiedToken(payload["iss"], header["alg"], header.get("kid"))


def verify(
    token: str,
    *,
    keys: Mapping[str, VerificationKey],
    audience: str,
    now: datetime,
    leeway: timedelta = LEEWAY,
    max_lifetime: timedelta = ACCEPTED_LIFETIME,
    self_issued: bool = True,
) -> Claims:
    """Check a token and return its claims. That it is used once only is the caller's to check.

    Args:
        token: The compact JWS.
        keys: The issuer's keys by id; a token without ``kid`` is accepted when there is one only.
        audience: What ``aud`` must equal.
        now: UTC.
        leeway: How far the clocks may differ.
        max_lifetime: The longest accepted time between ``iat`` and ``exp``.
        self_issued: Demand that ``iss`` equals ``sub``, as identity tokens must.

    Raises:
        InvalidTokenError: It is malformed, forged, too long-lived or meant for somebody else.
        ExpiredTokenError: It is outside its time.
        UntrustedIssuerError: None of the keys is the one that it names.
    """
    header, payload = _parse(token)
    key = _choose_key(header.get("kid"), keys)
    if header["alg"] not in key.names:
        raise InvalidTokenError("A token names an algorithm that is not its key's")
    check_signature(token, header["alg"], key)
    claims = _read_claims(payload)
    if claims.audience != audience:
        raise InvalidTokenError("A token is meant for somebody else")
    if self_issued and claims.issuer != claims.subject:
        raise InvalidTokenError("A token's issuer is not its subject")
    _check_time(claims, now, leeway, max_lifetime)
    return claims


@lru_cache(maxsize=64)
def _parse(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return header and payload of a token in its one spelling.

    Remembered, because whoever is to verify a token has read before whose it claims to be.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidTokenError(f"A token is longer than {MAX_TOKEN_LENGTH} characters")
    segments = token.split(".")
    if len(segments) != 3:
        raise InvalidTokenError(f"A token has {len(segments)} segments, expected 3")
    header = read_segment(segments[0], "header")
    payload = read_segment(segments[1], "payload")
    try:
        signature = decode_base64url(segments[2])
    except ValueError:
        signature = b""
    if not signature:
        raise InvalidTokenError("A token has no signature")
    _check_header(header)
    if not isinstance(payload.get("iss"), str):
        raise InvalidTokenError("A token has no issuer")
    return MappingProxyType(header), MappingProxyType(payload)


def _check_header(header: dict[str, Any]) -> None:
    refused = _REFUSED_HEADERS & header.keys()
    if refused:
        raise InvalidTokenError(f"A token's header holds {min(refused)}")
    if header.get("alg") not in tuple(SIGNATURES.get_algorithms()):
        raise InvalidTokenError("A token's algorithm is not one of public keys")
    # Another kind of token (proof of possession, presentation) is no identity (RFC 8725, 3.11).
    if header.get("typ", "JWT") not in ("JWT", "jwt"):
        raise InvalidTokenError("A token is of another type than JWT")
    if not isinstance(header.get("kid", ""), str):
        raise InvalidTokenError("A token's kid is not a string")


def _choose_key(kid: str | None, keys: Mapping[str, VerificationKey]) -> VerificationKey:
    if kid is None and len(keys) == 1:
        return next(iter(keys.values()))
    if kid is None or kid not in keys:
        raise UntrustedIssuerError("A token names none of its issuer's keys")
    return keys[kid]


def _read_claims(payload: Mapping[str, Any]) -> Claims:
    try:
        return Claims.model_validate(dict(payload))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidTokenError(f"A token's claim {first['loc'][0]}: {first['msg']}") from error


def _check_time(claims: Claims, now: datetime, leeway: timedelta, max_lifetime: timedelta) -> None:
    moment, slack = _seconds(now), leeway.total_seconds()
    if not 0 < claims.exp - claims.iat <= max_lifetime.total_seconds():
        raise InvalidTokenError(f"A token's lifetime is not within {max_lifetime}")
    if moment >= claims.exp + slack:
        raise ExpiredTokenError("A token has expired")
    if max(claims.iat, claims.nbf or 0) > moment + slack:
        raise ExpiredTokenError("A token is not valid yet")


def _seconds(now: datetime) -> float:
    if now.tzinfo is None:
        msg = "now has no time zone, expected UTC"
        raise ValueError(msg)
    return now.timestamp()
