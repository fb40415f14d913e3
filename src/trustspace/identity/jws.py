"""What all signed things here have in common: algorithms of public keys, and one strict reading.

PyJWT does the cryptography; everything that it would let pass is refused by whoever uses this.

Example::

    header = read_segment(compact.split(".")[0], "header")
    check_signature(compact, header["alg"], key)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jwt import PyJWS, PyJWTError
from jwt.algorithms import OKPAlgorithm

from trustspace.errors import InvalidTokenError, RemoteProtocolError
from trustspace.identity.keys import decode_base64url
from trustspace.model.strict_json import loads

if TYPE_CHECKING:
    from trustspace.identity.keys import VerificationKey

SIGNATURES: Final[PyJWS] = PyJWS(algorithms=["EdDSA", "ES256", "ES384", "RS256", "PS256"])
# PyJWT knows the algorithm by its older name (RFC 9864); the registration stays in this object.
SIGNATURES.register_algorithm("Ed25519", OKPAlgorithm())


def read_segment(segment: str, name: str) -> dict[str, Any]:
    """Read one segment of a compact JWS as an object.

    Raises:
        InvalidTokenError: It is none in its one spelling.
    """
    try:
        value = loads(decode_base64url(segment), max_depth=16, max_keys=256)
    except (ValueError, RemoteProtocolError) as error:
        raise InvalidTokenError(f"A token's {name} is malformed: {error}") from error
    if not isinstance(value, dict):
        raise InvalidTokenError(f"A token's {name} is not an object")
    return value


def check_signature(token: str, algorithm: str, key: VerificationKey) -> None:
    """Let PyJWT check the signature alone: the rest it would do is done more strictly elsewhere.

    Raises:
        InvalidTokenError: It is not the key's.
    """
    signed, _, signature = token.rpartition(".")
    # One algorithm, the key's own: nothing is left to the token's choice.
    checker = SIGNATURES.get_algorithm_by_name(algorithm)
    try:
        prepared = checker.prepare_key(key.public_key)
        is_right = checker.check_key_length(prepared) is None and checker.verify(
            signed.encode("ascii"), prepared, decode_base64url(signature)
        )
    except PyJWTError as error:
        raise InvalidTokenError("A token's signature is not its key's") from error
    if not is_right:
        raise InvalidTokenError("A token's signature is not its key's")
