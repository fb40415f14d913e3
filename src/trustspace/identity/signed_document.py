"""Documents that stand on their own: signed by a participant, to be shown to anybody later.

A signed document is a compact JWS (RFC 7515) over the document in its one spelling (RFC 8785). Its
header says what kind it is, so that a proof of one thing is never taken for a proof of another, and
names the signer's key by its id in the signer's DID document. It has no audience and no end.

Example::

    proof = sign(record, key, signer="did:web:bank", kind="ts-deletion+jws")
    signer_of(proof)                                             # whose keys to fetch
    verify(proof, keys=document.assertion_keys, kind="ts-deletion+jws")  # the record
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trustspace.errors import InvalidTokenError, RemoteProtocolError, UntrustedIssuerError
from trustspace.identity.jws import SIGNATURES, check_signature, read_segment
from trustspace.identity.keys import VerificationKey, decode_base64url
from trustspace.model.strict_json import loads
from trustspace.model.value import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.identity.keys import SigningKey

MOST_CHARACTERS: Final = 4_000_000
"""Longest signed document."""

MOST_MEMBERS: Final = 1_000_000

_HEADER: Final = frozenset({"alg", "kid", "typ"})


def sign(document: Mapping[str, Any], key: SigningKey, *, signer: str, kind: str) -> str:
    """Sign a document.

    Args:
        document: JSON.
        key: The key that signs; it must stand in the signer's DID document.
        signer: The signer's DID.
        kind: What kind of document it is, for the header's ``typ``.
    """
    return SIGNATURES.encode(
        canonical(dict(document)),
        key.private_key,
        algorithm=key.algorithm,
        headers={"kid": key.key_id(signer), "typ": kind},
    )


def signer_of(signed: str) -> str:
    """Return the DID that a document claims to be signed by; nothing is proven.

    Raises:
        InvalidTokenError: It is no signed document.
    """
    did, _, fragment = str(_header(signed)["kid"]).partition("#")
    if not (did.startswith("did:") and fragment):
        raise InvalidTokenError("A signed document names no key of a DID")
    return did


def verify(signed: str, *, keys: Mapping[str, VerificationKey], kind: str) -> dict[str, Any]:
    """Check a signed document and return what was signed.

    Args:
        signed: The compact JWS.
        keys: The signer's keys by id.
        kind: What kind it must be.

    Raises:
        InvalidTokenError: It is malformed, forged, or of another kind.
        UntrustedIssuerError: None of the keys is the one that it names.
    """
    header = _header(signed)
    if header["typ"] != kind:
        raise InvalidTokenError(f"A signed document is of another kind than {kind}")
    key = keys.get(header["kid"])
    if key is None:
        raise UntrustedIssuerError("A signed document names none of its signer's keys")
    if header["alg"] not in key.names:
        raise InvalidTokenError("A signed document names an algorithm that is not its key's")
    check_signature(signed, header["alg"], key)
    payload = decode_base64url(signed.split(".")[1])
    try:
        document = loads(payload, max_keys=MOST_MEMBERS, max_items=MOST_MEMBERS)
    except RemoteProtocolError as error:
        raise InvalidTokenError(f"A signed document is malformed: {error}") from error
    if not isinstance(document, dict) or canonical(document) != payload:
        raise InvalidTokenError("A signed document is not in its one spelling")
    return document


def _header(signed: str) -> dict[str, Any]:
    segments = signed.split(".")
    if len(signed) > MOST_CHARACTERS or len(segments) != 3:
        raise InvalidTokenError("A signed document is no compact JWS, or too long")
    header = read_segment(segments[0], "header")
    for segment in segments[1:]:
        try:
            decode_base64url(segment)
        except ValueError as error:
            raise InvalidTokenError("A signed document is not in base64url") from error
    if header.keys() != _HEADER or not all(isinstance(each, str) for each in header.values()):
        raise InvalidTokenError("A signed document's header is not alg, kid and typ")
    if header["alg"] not in tuple(SIGNATURES.get_algorithms()):
        raise InvalidTokenError("A signed document's algorithm is not one of public keys")
    return header
