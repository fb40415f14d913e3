"""Signatures of rule modules: OPA's ``.signatures.json``, with the two checks that OPA leaves out.

The file holds one JWS over the digests of all other files. OPA signs and verifies the same form
(``opa sign``, ``opa build --verification-key``), but takes an expired signature and an older
module; here the claims ``exp``, ``iat`` and ``serial`` are required, and who verifies knows the
serial of the module before. Only an algorithm that belongs to the key counts.

Example::

    signed = files | {SIGNATURES: sign(files, pem, Signature(7, issued=now, expires=then))}
    signature = verify(signed, public_pem, now=now)
    signature.require_after(6)
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trustspace.errors import ConfigurationError, RemoteProtocolError
from trustspace.model import strict_json
from trustspace.policy.rollout.refusal import refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIGNATURES = ".signatures.json"

HASHING = "SHA-256"

MAX_SERIAL = 2**53 - 1

LEEWAY = timedelta(seconds=300)
"""How far the clock of whoever signed may be ahead."""

_STRUCTURED = frozenset({"data.json", ".manifest"})
"""Files of which OPA hashes the JSON, not the bytes."""

_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384"}

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class _File(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, strict=True)

    name: str
    hash: str
    algorithm: str


class _Claims(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, strict=True)

    # As JSON has no tuples, the lists of a strict model are given as lists.
    files: list[_File]
    exp: Annotated[int, Field(gt=0, le=253_402_300_799)]
    iat: Annotated[int, Field(gt=0, le=253_402_300_799)]
    serial: Annotated[int, Field(ge=0, le=MAX_SERIAL)]
    scope: str = ""
    keyid: str = ""
    iss: str = ""


@dataclass(frozen=True)
class Signature:
    """What a verified signature says.

    Attributes:
        serial: Grows with every module that its author lets out.
        issued: When it was signed.
        expires: Until when the module may be taken.
        scope: What it was made for; empty for anything.
        key_id: Name of the key; empty where it has none.
        issuer: Who says to have signed; empty where nobody does.
    """

    serial: int
    issued: datetime
    expires: datetime
    scope: str = ""
    key_id: str = ""
    issuer: str = ""

    def require_after(self, serial: int) -> None:
        """Refuse a module that is older than another one.

        Raises:
            PolicyError: Its serial is smaller (``module.rolled_back``).
        """
        if self.serial < serial:
            raise refused("module.rolled_back", found=str(self.serial), last=str(serial))


def sign(files: Mapping[str, bytes], key: bytes, about: Signature) -> bytes:
    """Return the content of ``.signatures.json`` for the files of a module.

    Args:
        files: Its files by name; a signature among them is not signed.
        key: Private key, PEM without a password: Ed25519, P-256, P-384 or RSA.
        about: What the signature shall say.

    Raises:
        ConfigurationError: The key cannot be used, or the times or the serial make no sense.
    """
    if about.expires <= about.issued:
        raise ConfigurationError("the signature would have expired already", setting="expires")
    if not 0 <= about.serial <= MAX_SERIAL:
        raise ConfigurationError(f"{about.serial} cannot be a serial", setting="serial")
    private = _private(key)
    claims: dict[str, Any] = {
        "files": [
            {"name": name, "hash": file_hash(name, files[name]), "algorithm": HASHING}
            for name in sorted(files.keys() - {SIGNATURES})
        ],
        "iat": int(about.issued.timestamp()),
        "exp": int(about.expires.timestamp()),
        "serial": about.serial,
        "scope": about.scope,
        "keyid": about.key_id,
        "iss": about.issuer,
    }
    claims = {name: value for name, value in claims.items() if value != ""}
    headers = {"kid": about.key_id} if about.key_id else None
    token = jwt.encode(claims, private, algorithm=_algorithm(private.public_key()), headers=headers)
    return json.dumps({"signatures": [token]}, indent=1).encode() + b"\n"


def verify(files: Mapping[str, bytes], key: bytes, *, now: datetime, scope: str = "") -> Signature:
    """Check the signature of a module.

    Args:
        files: Its files by name.
        key: Public key, PEM.
        now: Aware time.
        scope: What the module has to be made for.

    Raises:
        PolicyError: It is unsigned, signed by another key or for another scope, expired, from the
            future, or its files are not those that were signed; each has a code of its own.
        ConfigurationError: The key cannot be used.
    """
    claims = _claims(_token(files), public_key(key))
    if claims.scope != scope:
        raise refused("module.scope", found=claims.scope or "none", expected=scope or "none")
    signature = Signature(
        serial=claims.serial,
        issued=datetime.fromtimestamp(claims.iat, UTC),
        expires=datetime.fromtimestamp(claims.exp, UTC),
        scope=claims.scope,
        key_id=claims.keyid,
        issuer=claims.iss,
    )
    if now >= signature.expires:
        raise refused("module.expired", expires=signature.expires.isoformat())
    if now + LEEWAY < signature.issued:
        raise refused("module.not_yet", issued=signature.issued.isoformat())
    _compare(files, claims)
    return signature


def public_key(key: bytes) -> PublicKey:
    """Read a public key.

    Raises:
        ConfigurationError: It is none that can be used.
    """
    try:
        found = serialization.load_pem_public_key(key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unusable("public") from error
    if not isinstance(found, PublicKey):
        raise _unusable("public")
    _algorithm(found)
    return found


def file_hash(name: str, content: bytes) -> str:
    """Return the digest of a file as OPA works it out, lower-case hex.

    Of Rego, WebAssembly and everything else it is that of the bytes; of base data and the manifest
    that of the JSON, without spaces, members sorted, numbers as they were written.

    Raises:
        PolicyError: The file should be JSON and is not, code ``module.malformed``.
    """
    if name.rpartition("/")[2] not in _STRUCTURED:
        return hashlib.sha256(content).hexdigest()
    try:
        document = json.loads(
            content,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_no_constant,
            object_pairs_hook=_members,
        )
        return hashlib.sha256("".join(_compact(document)).encode()).hexdigest()
    except (ValueError, RecursionError) as error:
        raise refused("module.malformed", location=name, what=f"{name}: it is not JSON") from error


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a member is there twice"
        raise ValueError(msg)
    return found


def _compact(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(value, _Number):
        yield value
    elif isinstance(value, dict):
        yield "{"
        for index, name in enumerate(sorted(value)):
            yield f"{',' if index else ''}{_text(name)}:"
            yield from _compact(value[name])
        yield "}"
    elif isinstance(value, list):
        yield "["
        for index, item in enumerate(value):
            if index:
                yield ","
            yield from _compact(item)
        yield "]"
    elif isinstance(value, str):
        yield _text(value)
    else:
        yield json.dumps(value)


def _text(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    return written.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _token(files: Mapping[str, bytes]) -> str:
    if SIGNATURES not in files:
        raise refused("module.unsigned")
    try:
        document = strict_json.loads(files[SIGNATURES])
    except RemoteProtocolError as error:
        raise refused("module.malformed", location=SIGNATURES, what=str(error)) from error
    match document:
        case {"signatures": [str(token)]}:
            return token
        case _:
            raise refused("module.malformed", location=SIGNATURES, what="it holds one signature")


def _claims(token: str, key: PublicKey) -> _Claims:
    try:
        payload = jwt.PyJWS().decode(token, key, algorithms=[_algorithm(key)])
    except (jwt.InvalidTokenError, ValueError) as error:
        raise refused("module.foreign") from error
    try:
        return _Claims.model_validate(strict_json.loads(payload))
    except RemoteProtocolError as error:
        raise refused("module.claims", what=str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise refused("module.claims", what=f"{where}: {first['msg']}") from error


def _compare(files: Mapping[str, bytes], claims: _Claims) -> None:
    listed = {file.name: file for file in claims.files}
    if len(listed) != len(claims.files):
        raise refused("module.claims", what="files: a name is there twice")
    found = files.keys() - {SIGNATURES}
    for code, names in (
        ("module.removed", listed.keys() - found),
        ("module.added", found - listed.keys()),
        ("module.changed", {n for n in listed if n in found and not _is_same(listed[n], files[n])}),
    ):
        if names:
            first = min(names)
            raise refused(code, location=first, file=first)


def _is_same(listed: _File, content: bytes) -> bool:
    return listed.algorithm == HASHING and listed.hash == file_hash(listed.name, content)


def _private(key: bytes) -> PrivateKey:
    try:
        found = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable("private") from error
    if not isinstance(found, PrivateKey):
        raise _unusable("private")
    _algorithm(found.public_key())
    return found


def _algorithm(key: PublicKey) -> str:
    """Return the one algorithm of a key."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "EdDSA"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    raise _unusable("public")


def _unusable(kind: str) -> ConfigurationError:
    return ConfigurationError(
        f"this is no {kind} key that can be used",
        setting="key",
        hint=f"give a {kind} key in PEM, without a password: Ed25519, P-256, P-384, or RSA with "
        "2048 bits",
    )
