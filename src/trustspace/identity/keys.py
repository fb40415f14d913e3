"""Signing and verification keys: one key, one algorithm.

A verifier that lets the token choose the algorithm can be talked into another one. Here the
algorithm belongs to the key: it follows from ``kty`` and ``crv`` of the JWK (RFC 7517), is fixed
when the key is read, and a token that names another one is refused. ``EdDSA`` and its newer name
``Ed25519`` (RFC 9864) are the same algorithm for an Ed25519 key.

Example::

    key = SigningKey.generate()
    jwk = key.jwk()                              # public members only
    VerificationKey.from_jwk(jwk).algorithm      # 'EdDSA'
    SigningKey.from_pem(key.to_pem()).kid == key.kid
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from trustspace.errors import ConfigurationError, UntrustedIssuerError
from trustspace.model.value import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
Jwk = dict[str, Any]

MIN_RSA_BITS = 2048
"""NIST SP 800-131A; what is shorter can be factored."""
MAX_RSA_BITS = 8192
"""A verification with a larger key costs more time than a stranger may take."""

_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*\Z")
_CURVES: Final[Mapping[str, tuple[str, ec.EllipticCurve]]] = {
    "P-256": ("ES256", ec.SECP256R1()),
    "P-384": ("ES384", ec.SECP384R1()),
}

# Ed25519 points of small order, sign bit cleared: signatures under them verify for any message,
# so that nothing such a key "signed" proves anything (Chalkias et al., "Taming the many EdDSAs").
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


@dataclass(frozen=True)
class SigningKey:
    """A private key of ours.

    Attributes:
        private_key: The key itself; never part of `repr`.
        algorithm: Name written into the header of tokens, ``EdDSA`` or ``ES256``.
        kid: Thumbprint of the public key (RFC 7638), the fragment of its id in the DID document.
    """

    private_key: PrivateKey = field(repr=False)
    algorithm: Literal["EdDSA", "ES256"]
    kid: str

    @classmethod
    def generate(cls, algorithm: Literal["EdDSA", "ES256"] = "EdDSA") -> SigningKey:
        """Make a new key.

        Args:
            algorithm: ``EdDSA`` for Ed25519, ``ES256`` for P-256 where a peer knows nothing else.
        """
        if algorithm == "EdDSA":
            return cls._of(ed25519.Ed25519PrivateKey.generate())
        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Read a key written by `to_pem`.

        Raises:
            ConfigurationError: It is not an unencrypted Ed25519 or P-256 key in PKCS#8 PEM.
        """
        hint = "openssl genpkey -algorithm ed25519 makes such a key"
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(
                "The signing key is not an unencrypted PKCS#8 PEM", setting="key", hint=hint
            ) from error
        if isinstance(key, ed25519.Ed25519PrivateKey) or (
            isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
        ):
            return cls._of(key)
        raise ConfigurationError(
            "The signing key is neither Ed25519 nor P-256", setting="key", hint=hint
        )

    @classmethod
    def _of(cls, private_key: PrivateKey) -> SigningKey:
        jwk = _public_jwk(private_key.public_key())
        return cls(private_key, "EdDSA" if jwk["kty"] == "OKP" else "ES256", thumbprint(jwk))

    def to_pem(self) -> bytes:
        """Return the key as unencrypted PKCS#8 PEM; the caller keeps it from other eyes."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def jwk(self) -> Jwk:
        """Return the public key as JWK with ``kid``, ``alg`` and ``use``."""
        public = _public_jwk(self.private_key.public_key())
        return public | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def key_id(self, did: str) -> str:
        """Return the absolute id of this key in the DID document of a participant."""
        return f"{did}#{self.kid}"

    def verification_key(self) -> VerificationKey:
        """Return the public half, as the counterparty will read it."""
        return VerificationKey.from_jwk(self.jwk())


@dataclass(frozen=True)
class VerificationKey:
    """A public key of somebody, with the one algorithm that it may be used for.

    Attributes:
        public_key: The key itself.
        algorithm: Registered name of its algorithm.
        names: Names of this algorithm that a token's ``alg`` may carry.
    """

    public_key: PublicKey
    algorithm: str
    names: frozenset[str]

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> VerificationKey:
        """Read a public JWK (RFC 7517, RFC 7518 section 6, RFC 8037).

        Raises:
            UntrustedIssuerError: It holds private members, is no Ed25519, P-256, P-384 or RSA key,
                is too weak, or its ``alg``, ``use`` or ``key_ops`` say something else.
        """
        if _PRIVATE_MEMBERS & jwk.keys():
            raise UntrustedIssuerError("A published key holds private members")
        readers = {"OKP": _read_okp, "EC": _read_ec, "RSA": _read_rsa}
        kind = jwk.get("kty")
        if not isinstance(kind, str) or kind not in readers:
            raise UntrustedIssuerError("A key is neither OKP nor EC nor RSA")
        key = readers[kind](jwk)
        _check_purpose(jwk, key)
        return key


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the SHA-256 thumbprint of a public JWK, base64url without padding (RFC 7638)."""
    required = {name: jwk[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in jwk}
    return encode_base64url(hashlib.sha256(canonical(required)).digest())


def encode_base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """Decode base64url in its one spelling: no padding, no stray bits, no other characters.

    Raises:
        ValueError: It is another spelling; two spellings of one token would be two tokens.
    """
    if not _BASE64URL.match(text) or len(text) % 4 == 1:
        msg = "not base64url"
        raise ValueError(msg)
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_base64url(data) != text:
        msg = "not the shortest base64url"
        raise ValueError(msg)
    return data


def _public_jwk(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> Jwk:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(key.public_bytes_raw())}
    numbers = key.public_numbers()
    size = key.curve.key_size // 8
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": encode_base64url(numbers.x.to_bytes(size)),
        "y": encode_base64url(numbers.y.to_bytes(size)),
    }


def _read_okp(jwk: Mapping[str, Any]) -> VerificationKey:
    if jwk.get("crv") != "Ed25519":
        raise UntrustedIssuerError("An OKP key is not on the curve Ed25519")
    raw = _coordinate(jwk, "x", 32)
    if raw[:31] + bytes([raw[31] & 0x7F]) in _SMALL_ORDER:
        raise UntrustedIssuerError("An Ed25519 key is a point of small order")
    public_key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
    return VerificationKey(public_key, "EdDSA", frozenset({"EdDSA", "Ed25519"}))


def _read_ec(jwk: Mapping[str, Any]) -> VerificationKey:
    curve_name = jwk.get("crv")
    if not isinstance(curve_name, str) or curve_name not in _CURVES:
        raise UntrustedIssuerError("An EC key is on neither P-256 nor P-384")
    algorithm, curve = _CURVES[curve_name]
    size = curve.key_size // 8
    x = int.from_bytes(_coordinate(jwk, "x", size))
    y = int.from_bytes(_coordinate(jwk, "y", size))
    try:
        public_key = ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except ValueError as error:
        raise UntrustedIssuerError("An EC key is not a point of its curve") from error
    return VerificationKey(public_key, algorithm, frozenset({algorithm}))


def _read_rsa(jwk: Mapping[str, Any]) -> VerificationKey:
    algorithm = jwk.get("alg", "RS256")
    if algorithm not in ("RS256", "PS256"):
        raise UntrustedIssuerError("An RSA key is for neither RS256 nor PS256")
    modulus = int.from_bytes(_octets(jwk, "n"))
    exponent = int.from_bytes(_octets(jwk, "e"))
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise UntrustedIssuerError(
            f"An RSA key has {modulus.bit_length()} bits, expected {MIN_RSA_BITS} to {MAX_RSA_BITS}"
        )
    # 2^32 bounds the work of one verification; every key in use has 65537.
    if exponent >= 2**32:
        raise UntrustedIssuerError("An RSA key has an exponent beyond 32 bits")
    try:
        public_key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise UntrustedIssuerError("An RSA key has impossible numbers") from error
    return VerificationKey(public_key, algorithm, frozenset({algorithm}))


def _check_purpose(jwk: Mapping[str, Any], key: VerificationKey) -> None:
    if "alg" in jwk and jwk["alg"] not in tuple(key.names):
        raise UntrustedIssuerError(f"A key's alg is not {key.algorithm}, which its curve demands")
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not (
        isinstance(operations, list) and "verify" in operations
    ):
        raise UntrustedIssuerError("A key is not meant for verifying signatures")


def _coordinate(jwk: Mapping[str, Any], name: str, size: int) -> bytes:
    data = _octets(jwk, name)
    if len(data) != size:
        raise UntrustedIssuerError(f"A key's {name} has {len(data)} bytes, expected {size}")
    return data


def _octets(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or not text:
        raise UntrustedIssuerError(f"A key has no {name}")
    try:
        return decode_base64url(text)
    except ValueError as error:
        raise UntrustedIssuerError(f"A key's {name} is not base64url") from error
