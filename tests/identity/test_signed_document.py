"""Signed documents: one spelling, one kind, one signer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import IdentityError, InvalidTokenError, UntrustedIssuerError
from trustspace.identity.jws import SIGNATURES
from trustspace.identity.keys import SigningKey, encode_base64url
from trustspace.identity.signed_document import MOST_CHARACTERS, sign, signer_of, verify

KEY = SigningKey.generate()
BANK = "did:web:bank.example"
KIND = "ts-deletion+jws"
KEYS = {KEY.key_id(BANK): KEY.verification_key()}
NUMBERED = encode_base64url(b'{"alg":"EdDSA","kid":7,"typ":"x"}')
DOCUMENT = {"agreement": "urn:uuid:a1", "objects": [1, 2], "words": "玫瑰"}


def signed(payload: bytes = b"{}", **header: Any) -> str:
    headers = {"kid": KEY.key_id(BANK), "typ": KIND} | header
    return SIGNATURES.encode(payload, KEY.private_key, algorithm="EdDSA", headers=headers)


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_document_comes_back_as_it_was_signed(algorithm: Any) -> None:
    key = SigningKey.generate(algorithm)
    proof = sign(DOCUMENT, key, signer=BANK, kind=KIND)
    assert signer_of(proof) == BANK
    keys = {key.key_id(BANK): key.verification_key()}
    assert verify(proof, keys=keys, kind=KIND) == DOCUMENT


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_document_is_refused(place: int, change: int) -> None:
    proof = sign(DOCUMENT, KEY, signer=BANK, kind=KIND)
    at = place % len(proof)
    other = proof[:at] + chr((ord(proof[at]) + change) % 256) + proof[at + 1 :]
    with pytest.raises(IdentityError):
        verify(other, keys=KEYS, kind=KIND)


@pytest.mark.parametrize(
    ("proof", "because"),
    [
        ("", "no compact JWS"),
        ("a.b", "no compact JWS"),
        ("x" * (MOST_CHARACTERS + 1), "no compact JWS"),
        ("e30.*.e30", "base64url"),
        ("!.e30.e30", "header"),
        (signed(crit=["b64"]), "header is not"),
        (f"{NUMBERED}.e30.e30", "header is not"),
        (signed(typ="JWT"), "another kind"),
        (signed(b"[]"), "one spelling"),
        (signed(b'{"a": 1}'), "one spelling"),
        (signed(b'{"a":1,"a":2}'), "malformed"),
    ],
)
def test_what_is_no_signed_document_is_refused(proof: str, because: str) -> None:
    with pytest.raises(InvalidTokenError, match=because):
        verify(proof, keys=KEYS, kind=KIND)


def test_an_algorithm_that_is_not_the_keys_is_refused() -> None:
    header, payload, signature = sign(DOCUMENT, KEY, signer=BANK, kind=KIND).split(".")
    for algorithm, because in (("none", "public keys"), ("ES256", "not its key")):
        told = {"alg": algorithm, "kid": KEY.key_id(BANK), "typ": KIND}
        other = encode_base64url(json.dumps(told).encode())
        with pytest.raises(InvalidTokenError, match=because):
            verify(f"{other}.{payload}.{signature}", keys=KEYS, kind=KIND)
    assert header


def test_a_key_that_is_nobodys_is_refused() -> None:
    proof = sign(DOCUMENT, SigningKey.generate(), signer=BANK, kind=KIND)
    with pytest.raises(UntrustedIssuerError):
        verify(proof, keys=KEYS, kind=KIND)
    with pytest.raises(InvalidTokenError, match="no key of a DID"):
        signer_of(signed(kid="bank#1"))
