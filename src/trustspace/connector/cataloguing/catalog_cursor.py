"""Where a page of a catalogue begins, as a text that only its maker can read or make.

A cursor holds ids and counters of which the requester may not see all, so it is encrypted, and
authenticated by the same step. The same place has the same cursor (AES-SIV, RFC 5297), so that
caches and entity tags hold.

Example::

    cursors = Cursors()
    text = cursors.seal(hosted, {"after": ["d100", "d100"]})
    cursors.open(hosted, text)  # {'after': ['d100', 'd100']}
"""

from __future__ import annotations

import hmac
import json
import zlib
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from trustspace.errors import RemoteProtocolError
from trustspace.identity.keys import decode_base64url, encode_base64url
from trustspace.model.value import canonical

if TYPE_CHECKING:
    from trustspace.connector.context import Hosted

_PURPOSE: Final = b"trustspace catalogue cursor 1"
MAX_CURSOR: Final = 32_768
"""Longest cursor that is looked at, in characters."""


class Cursors:
    """Seals and opens the cursors of every hosted participant."""

    def __init__(self) -> None:
        self._ciphers: dict[str, AESSIV] = {}

    def seal(self, hosted: Hosted, content: dict[str, Any]) -> str:
        """Return the cursor of some content."""
        plain = zlib.compress(canonical(content), 1)
        return encode_base64url(self._cipher(hosted).encrypt(plain, [hosted.name.encode()]))

    def open(self, hosted: Hosted, text: str) -> dict[str, Any]:
        """Return the content of a cursor.

        Raises:
            RemoteProtocolError: Code ``catalog.page``: it is not one of this participant's.
        """
        try:
            sealed = decode_base64url(text[: MAX_CURSOR + 1])
            plain = self._cipher(hosted).decrypt(sealed, [hosted.name.encode()])
        except (ValueError, InvalidTag) as error:
            raise RemoteProtocolError(
                "the page is unknown",
                code="catalog.page",
                hint="follow the links as they are given, or begin again without one",
            ) from error
        content: dict[str, Any] = json.loads(zlib.decompress(plain))
        return content

    def _cipher(self, hosted: Hosted) -> AESSIV:
        cipher = self._ciphers.get(hosted.id)
        if cipher is None:
            secret = hmac.digest(hosted.key.to_pem(), _PURPOSE, "sha512")
            cipher = self._ciphers[hosted.id] = AESSIV(secret)
        return cipher
