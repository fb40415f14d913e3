"""The participant's key in a file: what is used when nothing else is set up.

The file is JSON, has mode 0600, and is refused when anybody else may read it. It holds the current
key, and earlier ones as long as something is wrapped by them.

Example::

    keys = FileKeys(Path("bank-home/keys/main.sealing"))
    keys.current  # 'k5f0c…'; the first call makes the file
"""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any, Final

from trustspace.errors import ConfigurationError, NotFoundError, RemoteProtocolError
from trustspace.model.strict_json import loads
from trustspace.model.value import canonical
from trustspace.usage.key_provider import (
    SECRET_BYTES,
    Secrets,
    WrappedKey,
    key_id_of,
    read_secret,
    write_secret,
)
from trustspace.usage.private_file import FolderLock, make_folder, read_private, write_durably

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 1


class FileKeys:
    """Keys of a participant in a file; made with a first key when it is missing.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FolderLock(path.with_name(path.name + ".lock"))
        self._held: Secrets | None = None
        self._reading = threading.Lock()

    @property
    def current(self) -> str:
        """Id of the key that wraps now; raises as `wrap`."""
        return self._read().current

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all keys, the current one first; raises as `wrap`."""
        held = self._read()
        return (held.current, *sorted(held.keys.keys() - {held.current}))

    def wrap(self, secret: bytes, *, context: bytes) -> WrappedKey:
        """Wrap a data key with the current key.

        Raises:
            ConfigurationError: The file cannot be read, or others may read it.
        """
        return self._read().wrap(secret, context=context)

    def unwrap(self, wrapped: WrappedKey, *, context: bytes) -> bytes:
        """Return the data key; raises as `KeyProvider.unwrap`."""
        with self._reading:
            held = self._held
        if held is None or wrapped.key_id not in held.keys:
            # Another process may have changed the key since.
            held = self._read()
        return held.unwrap(wrapped, context=context)

    def rotate(self) -> str:
        """Make a new current key, keep the others, and return its id.

        Raises:
            ConfigurationError: The file cannot be read or written.
        """
        with self._locked():
            held = self._load() or Secrets({}, "")
            secret = secrets.token_bytes(SECRET_BYTES)
            self._store(Secrets(held.keys | {key_id_of(secret): secret}, key_id_of(secret)))
        return self.current

    def retire(self, key_id: str) -> bool:
        """Remove a key that is not current, overwriting it; tell whether it was there.

        Raises:
            ConfigurationError: It is the current one, or the file cannot be written.
        """
        with self._locked():
            held = self._load()
            if held is None or key_id not in held.keys:
                return False
            if key_id == held.current:
                msg = f"{key_id!r} is the key that wraps now"
                raise ConfigurationError(msg, setting="keys", hint="rotate first")
            rest = {name: key for name, key in held.keys.items() if name != key_id}
            self._store(Secrets(rest, held.current))
            return True

    def _read(self) -> Secrets:
        held = self._load()
        if held is None:
            with self._locked():
                held = self._load()
                if held is None:
                    secret = secrets.token_bytes(SECRET_BYTES)
                    held = Secrets({key_id_of(secret): secret}, key_id_of(secret))
                    self._store(held)
        with self._reading:
            self._held = held
        return held

    def _locked(self) -> FolderLock:
        make_folder(self.path.parent)
        return self._lock

    def _load(self) -> Secrets | None:
        try:
            data = read_private(self.path, setting="keys")
        except NotFoundError:
            return None
        found = _parsed(data)
        if found is None:
            raise ConfigurationError(
                f"{self.path} is no file of keys",
                setting="keys",
                hint="restore it from your backup; a new one cannot open what is sealed",
            )
        return found

    def _store(self, held: Secrets) -> None:
        document = {
            "version": VERSION,
            "current": held.current,
            "keys": {name: write_secret(secret) for name, secret in held.keys.items()},
        }
        write_durably(self.path, canonical(document), overwrite_old=True)
        with self._reading:
            self._held = held


def _parsed(data: bytes) -> Secrets | None:
    try:
        document: Any = loads(data)
        if document["version"] != VERSION:
            return None
        keys = {name: read_secret(text) for name, text in document["keys"].items()}
        current = document["current"]
        is_whole = current in keys
    except (RemoteProtocolError, LookupError, TypeError, AttributeError):
        return None
    known = {name: secret for name, secret in keys.items() if secret and key_id_of(secret) == name}
    return Secrets(known, current) if is_whole and len(known) == len(keys) else None
