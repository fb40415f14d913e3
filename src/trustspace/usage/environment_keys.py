"""The participant's key in the environment: for containers whose secrets arrive that way.

``TRUSTSPACE_WRAPPING_KEYS`` holds one or more keys of 32 bytes in base64, separated by white space
or commas. The first wraps; the others only unwrap, until `trustspace keys rotate` has wrapped
everything anew and they can be left out.

Example::

    export TRUSTSPACE_WRAPPING_KEYS="$(openssl rand -base64 32) $OLD_KEY"
    trustspace keys rotate --home HOME
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from trustspace.errors import ConfigurationError
from trustspace.usage.key_provider import Secrets, WrappedKey, key_id_of, read_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE: Final = "TRUSTSPACE_WRAPPING_KEYS"


class EnvironmentKeys:
    """Keys of a participant in the environment.

    Args:
        environment: Where to look; this process's environment without.

    Raises:
        ConfigurationError: The variable is missing, or holds something that is no key.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        text = (os.environ if environment is None else environment).get(VARIABLE, "")
        found = [read_secret(word) for word in text.replace(",", " ").split()]
        secrets = [secret for secret in found if secret is not None]
        if not secrets or len(secrets) < len(found):
            raise ConfigurationError(
                f"{VARIABLE} does not hold keys of 32 bytes in base64",
                setting=VARIABLE,
                hint="openssl rand -base64 32 makes one",
            )
        ids = [key_id_of(secret) for secret in secrets]
        self._secrets = Secrets(dict(zip(ids, secrets, strict=True)), ids[0])

    @property
    def current(self) -> str:
        """Id of the key that wraps."""
        return self._secrets.current

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all keys, the current one first."""
        return (self.current, *sorted(self._secrets.keys.keys() - {self.current}))

    def wrap(self, secret: bytes, *, context: bytes) -> WrappedKey:
        """Wrap a data key with the first key."""
        return self._secrets.wrap(secret, context=context)

    def unwrap(self, wrapped: WrappedKey, *, context: bytes) -> bytes:
        """Return the data key; raises as `KeyProvider.unwrap`."""
        return self._secrets.unwrap(wrapped, context=context)
