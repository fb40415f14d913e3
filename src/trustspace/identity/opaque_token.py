"""Opaque tokens: random strings that only their issuer can look up.

The issuer stores the SHA-256 and not the token, so that who reads the database cannot act as the
holder. A plain hash is enough because the token has 256 bits of its own; passwords do not belong
here.

Example::

    token = new_opaque_token()           # shown once, to the holder
    stored = opaque_token_hash(token)    # 'sha256:…', kept
    matches_opaque_token(token, stored)  # True, in the same time for every wrong token
"""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_opaque_token() -> str:
    """Return a token of 256 random bits, base64url."""
    return secrets.token_urlsafe(32)


def opaque_token_hash(token: str) -> str:
    """Return what to store for a token: ``sha256:`` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches_opaque_token(token: str, stored: str) -> bool:
    """Tell whether a token is the stored one, in a time that tells nothing about either."""
    return hmac.compare_digest(opaque_token_hash(token).encode(), stored.encode())
