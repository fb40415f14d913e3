"""Keys: round trips, and every key that must not be believed."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey
from joserfc.jwk import RSAKey as JoseRsaKey

from trustspace.errors import ConfigurationError, UntrustedIssuerError
from trustspace.identity import keys
from trustspace.identity.keys import (
    SigningKey,
    VerificationKey,
    decode_base64url,
    encode_base64url,
    thumbprint,
)


@pytest.fixture(scope="module")
def rsa_jwk() -> dict[str, Any]:
    return JoseRsaKey.generate_key(2048).as_dict(private=False)


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_signing_key_survives_its_pem(algorithm: Any) -> None:
    key = SigningKey.generate(algorithm)
    again = SigningKey.from_pem(key.to_pem())
    assert again.algorithm == algorithm
    assert again.jwk() == key.jwk()
    assert key.to_pem().startswith(b"-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_the_jwk_is_public_and_named_by_its_thumbprint(algorithm: Any) -> None:
    key = SigningKey.generate(algorithm)
    jwk = key.jwk()
    oracle = (OKPKey if algorithm == "EdDSA" else ECKey).import_key(dict(jwk))
    assert jwk["kid"] == key.kid == oracle.thumbprint() == thumbprint(jwk)
    assert "d" not in jwk
    assert key.verification_key().algorithm == algorithm
    assert key.key_id("did:web:a.example") == f"did:web:a.example#{key.kid}"


def test_the_private_key_is_not_shown() -> None:
    assert "private" not in repr(SigningKey.generate())


def _pem(key: Any, encryption: Any = None) -> bytes:
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )
    return pem


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        _pem(ed448.Ed448PrivateKey.generate()),
        _pem(ec.generate_private_key(ec.SECP384R1())),
        _pem(rsa.generate_private_key(65537, 2048)),
        _pem(ed25519.Ed25519PrivateKey.generate(), serialization.BestAvailableEncryption(b"x")),
    ],
    ids=["empty", "broken", "ed448", "p384", "rsa", "encrypted"],
)
def test_other_pems_are_refused_with_a_way_out(pem: bytes) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SigningKey.from_pem(pem)
    assert "openssl genpkey" in caught.value.hint


def test_rsa_keys_have_one_algorithm(rsa_jwk: dict[str, Any]) -> None:
    assert VerificationKey.from_jwk(rsa_jwk).names == {"RS256"}
    assert VerificationKey.from_jwk(rsa_jwk | {"alg": "PS256"}).names == {"PS256"}
    for other in ("RS512", "HS256", "none", None, ["RS256"]):
        with pytest.raises(UntrustedIssuerError):
            VerificationKey.from_jwk(rsa_jwk | {"alg": other})


@pytest.mark.parametrize(
    ("curve", "names"),
    [("P-256", {"ES256"}), ("P-384", {"ES384"})],
)
def test_ec_keys_have_the_algorithm_of_their_curve(curve: Any, names: set[str]) -> None:
    jwk = ECKey.generate_key(curve).as_dict(private=False)
    assert VerificationKey.from_jwk(jwk).names == names


def test_ed25519_keys_have_two_names_for_one_algorithm() -> None:
    jwk = OKPKey.generate_key("Ed25519").as_dict(private=False)
    for extra in (
        {},
        {"alg": "EdDSA"},
        {"alg": "Ed25519"},
        {"use": "sig"},
        {"key_ops": ["verify"]},
    ):
        assert VerificationKey.from_jwk({**jwk, **extra}).names == {"EdDSA", "Ed25519"}


def _ed25519() -> dict[str, Any]:
    return dict(OKPKey.generate_key("Ed25519").as_dict(private=False))


def _p256() -> dict[str, Any]:
    return dict(ECKey.generate_key("P-256").as_dict(private=False))


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": encode_base64url(b"k" * 32)},
        {"kty": ["OKP"], "crv": "Ed25519"},
        OKPKey.generate_key("Ed25519").as_dict(private=True),
        OKPKey.generate_key("Ed448").as_dict(private=False),
        OKPKey.generate_key("Ed448").as_dict(private=False) | {"crv": "Ed25519"},
        OKPKey.generate_key("X25519").as_dict(private=False),
        ECKey.generate_key("secp256k1").as_dict(private=False),
        ECKey.generate_key("P-521").as_dict(private=False),
        _p256() | {"crv": ["P-256"]},
        _p256() | {"crv": "P-384"},
        _p256() | {"y": encode_base64url(b"\x01" * 32)},
        _p256() | {"x": encode_base64url(b"\xff" * 32)},
        _p256() | {"x": encode_base64url(b"\x00" * 33)},
        _p256() | {"x": 5},
        _ed25519() | {"x": ""},
        _ed25519() | {"x": "AAA="},
        _ed25519() | {"x": "A" * 42 + "B"},
        _ed25519() | {"x": "A" * 41},
        _ed25519() | {"x": "é" * 43},
        _ed25519() | {"alg": "ES256"},
        _ed25519() | {"alg": ["EdDSA"]},
        _p256() | {"alg": "ES384"},
        _ed25519() | {"use": "enc"},
        _ed25519() | {"key_ops": ["encrypt"]},
        _ed25519() | {"key_ops": "verify"},
        {"kty": "RSA", "e": "AQAB", "n": encode_base64url(b"\xc1" * 128)},
    ],
)
def test_j2_j7_refuses_every_other_key(jwk: dict[str, Any]) -> None:
    with pytest.raises(UntrustedIssuerError):
        VerificationKey.from_jwk(jwk)


def test_j7_rsa_numbers_are_bounded(rsa_jwk: dict[str, Any]) -> None:
    huge = encode_base64url(b"\xff" * 1025)
    for change in ({"n": huge}, {"e": encode_base64url(b"\x01" * 5)}, {"e": "Ag"}, {"e": "AQ"}):
        with pytest.raises(UntrustedIssuerError):
            VerificationKey.from_jwk({**rsa_jwk, **change})


P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def _add(left: Point, right: Point) -> Point:
    (x1, y1), (x2, y2) = left, right
    product = D * x1 * x2 * y1 * y2
    return (
        (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P,
    )


def _points(encoded: bytes) -> list[Point]:
    """Both points whose y is the encoded one (RFC 8032, section 5.1.3)."""
    y = int.from_bytes(encoded, "little") % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square:
        root = root * pow(2, (P - 1) // 4, P) % P
    assert root * root % P == square
    return [(root, y), (-root % P, y)]


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("encoded", sorted(keys._SMALL_ORDER))
def test_refuses_the_points_of_small_order(encoded: bytes, sign: int) -> None:
    for point in _points(encoded):
        twice = _add(point, point)
        four = _add(twice, twice)
        assert _add(four, four) == (0, 1)
    raw = encoded[:31] + bytes([encoded[31] | sign])
    with pytest.raises(UntrustedIssuerError, match="small order"):
        VerificationKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(raw)})


@given(st.binary(max_size=100))
def test_base64url_has_one_spelling(data: bytes) -> None:
    text = encode_base64url(data)
    assert decode_base64url(text) == data
    for other in (
        text + "=",
        text + "==",
        text + "\n",
        " " + text,
        text + "A" * (5 - len(text) % 4),
    ):
        with pytest.raises(ValueError, match="base64url"):
            decode_base64url(other)


@given(st.text(max_size=12))
def test_base64url_decodes_only_what_it_would_encode(text: str) -> None:
    try:
        data = decode_base64url(text)
    except ValueError:
        return
    assert base64.urlsafe_b64encode(data).decode().rstrip("=") == text


@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "d"]),
        st.sampled_from(["OKP", "EC", "RSA", "Ed25519", "P-256", "AQAB", "A" * 43, None, 1, []]),
    )
)
def test_any_jwk_gives_a_key_or_one_error(jwk: dict[str, Any]) -> None:
    try:
        key = VerificationKey.from_jwk(jwk)
    except UntrustedIssuerError:
        return
    assert key.algorithm in key.names
