"""Tokens whose header or form lies about key and algorithm: rows J1 to J5 and J7."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey

from trustspace.errors import (
    InvalidTokenError,
    UntrustedIssuerError,
)
from trustspace.identity.keys import SigningKey, VerificationKey
from trustspace.identity.token import read_unverified

if TYPE_CHECKING:
    from tests.identity.conftest import Check, Party

Forge = Callable[..., str]


def _ecdsa(
    key: ec.EllipticCurvePrivateKey, algorithm: hashes.HashAlgorithm, content: bytes
) -> bytes:
    r, s = decode_dss_signature(key.sign(content, ec.ECDSA(algorithm)))
    size = key.curve.key_size // 8
    return r.to_bytes(size) + s.to_bytes(size)


# J1, J2: algorithm and key confusion


@pytest.mark.parametrize("spelling", ["pem", "der", "ssh", "jwk", "raw", "kid", "empty"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_j1_public_keys_are_no_shared_secrets(
    forge: Forge, garden: Party, spelling: str, algorithm: str, check: Check
) -> None:
    public = garden.key.private_key.public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    secret = {
        "pem": public.public_bytes(serialization.Encoding.PEM, info),
        "der": public.public_bytes(serialization.Encoding.DER, info),
        "ssh": public.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        ),
        "jwk": json.dumps(garden.key.jwk()).encode(),
        "raw": public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw),
        "kid": garden.key_id.encode(),
        "empty": b"",
    }[spelling]
    token = forge(
        {"alg": algorithm, "kid": garden.key_id},
        None,
        lambda content: hmac.new(secret, content, f"sha{algorithm[2:]}").digest(),
    )
    with pytest.raises(InvalidTokenError, match="algorithm"):
        check(token)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", "eddsa", "Ed448", None, 1, ["EdDSA"]]
)
@pytest.mark.parametrize("signature", [b"", b"x" * 64])
def test_j1_no_algorithm_is_no_signature(
    forge: Forge, garden: Party, algorithm: object, signature: bytes, check: Check
) -> None:
    token = forge({"alg": algorithm, "kid": garden.key_id}, None, lambda _: signature)
    with pytest.raises(InvalidTokenError):
        check(token)
    with pytest.raises(InvalidTokenError):
        read_unverified(token)


def test_j2_the_algorithm_is_the_keys(
    forge: Forge, claims: dict[str, Any], garden: Party, bank: Party, check: Check
) -> None:
    p384 = ec.generate_private_key(ec.SECP384R1())
    p384_jwk = ECKey.import_key(
        p384.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    ).as_dict(private=False)
    keys: Mapping[str, VerificationKey] = {"k": VerificationKey.from_jwk(p384_jwk)}
    for algorithm, digest in (("ES256", hashes.SHA256()), ("ES384", hashes.SHA256())):
        token = forge(
            {"alg": algorithm, "kid": "k"},
            None,
            lambda content, digest=digest: _ecdsa(p384, digest, content),
        )
        with pytest.raises(InvalidTokenError):
            check(token, keys=keys)
    good = forge(
        {"alg": "ES384", "kid": "k"}, None, lambda content: _ecdsa(p384, hashes.SHA384(), content)
    )
    assert check(good, keys=keys).token_id == claims["jti"]

    for algorithm, key_id, keys in (
        ("EdDSA", bank.key_id, bank.keys),
        ("Ed25519", bank.key_id, bank.keys),
        ("ES256", garden.key_id, garden.keys),
        ("RS256", garden.key_id, garden.keys),
    ):
        token = forge({"alg": algorithm, "kid": key_id})
        with pytest.raises(InvalidTokenError, match="algorithm"):
            check(token, keys=keys)


def test_j2_a_signature_of_another_key_is_refused(
    forge: Forge, header: dict[str, Any], garden: Party, bank: Party, check: Check
) -> None:
    other = SigningKey.generate()
    token = forge(None, None, other.private_key.sign)
    with pytest.raises(InvalidTokenError, match="signature"):
        check(token)
    with pytest.raises(UntrustedIssuerError):
        check(forge(header | {"kid": "#other"}))
    with pytest.raises(UntrustedIssuerError):
        check(forge({"alg": "EdDSA"}), keys={})
    two = {**garden.keys, **bank.keys}
    with pytest.raises(UntrustedIssuerError):
        check(forge({"alg": "EdDSA"}), keys=two)
    assert check(forge({"alg": "EdDSA"})).issuer == garden.did


def test_j7_a_small_rsa_key_is_refused_even_as_key_object(forge: Forge, check: Check) -> None:
    small = rsa.generate_private_key(65_537, 1_024)  # noqa: S505 - to be refused
    token = forge(
        {"alg": "RS256"}, None, lambda data: small.sign(data, padding.PKCS1v15(), hashes.SHA256())
    )
    keys = {"k": VerificationKey(small.public_key(), "RS256", frozenset({"RS256"}))}
    with pytest.raises(InvalidTokenError):
        check(token, keys=keys)


def test_j7_a_key_of_another_curve_than_its_name_says_is_refused(
    forge: Forge, check: Check
) -> None:
    token = forge({"alg": "ES256"}, None, lambda _: b"x" * 64)
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    keys = {"k": VerificationKey(other, "ES256", frozenset({"ES256"}))}
    with pytest.raises(InvalidTokenError):
        check(token, keys=keys)


# J4, J5: what a header must not say


@pytest.mark.parametrize(
    "member",
    [
        {"jwk": SigningKey.generate().jwk()},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"x5c": ["AAAA"]},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": None},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
        {"cty": "JWT"},
        {"typ": "dpop+jwt"},
        {"typ": "at+jwt"},
        {"typ": None},
        {"kid": None},
        {"kid": 1},
    ],
    ids="-".join,
)
def test_j4_j5_header_members_are_refused(
    forge: Forge, header: dict[str, Any], member: dict[str, Any], check: Check
) -> None:
    with pytest.raises(InvalidTokenError):
        check(forge(header | member))


def test_unknown_header_members_are_ignored(
    forge: Forge, header: dict[str, Any], check: Check
) -> None:
    assert check(forge(header | {"x-tenant": "a", "typ": "jwt"})).token_id


def test_j5_other_serializations_are_refused(forge: Forge, check: Check) -> None:
    token = forge()
    first, second, third = token.split(".")
    encrypted = jwe.encrypt_compact(
        {"alg": "dir", "enc": "A128GCM"}, b"{}", OctKey.generate_key(128)
    )
    flattened = json.dumps({"protected": first, "payload": second, "signature": third})
    detached = f"{first}..{third}"
    for other in (
        encrypted,
        flattened,
        detached,
        f"{first}.{second}",
        f"{first}.{second}.",
        f".{second}.{third}",
        f"{token}.",
        f"{token}.{third}",
        f"{token}.{second}.{third}",
        "",
        ".",
        "..",
        "...",
        "." * 16_000,
        token * 100,
    ):
        with pytest.raises(InvalidTokenError):
            check(other)


def test_one_token_has_one_spelling(forge: Forge, check: Check) -> None:
    token = forge()
    first, second, third = token.split(".")
    others = [f" {token}", f"{token} ", f"{token}\n", f"{token}=", f"{first}=.{second}.{third}"]
    # The last character of a 64-byte signature carries four stray bits.
    others += [
        token[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_é" if last != token[-1]
    ]
    for other in others:
        with pytest.raises(InvalidTokenError):
            check(other)
