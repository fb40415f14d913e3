"""Probes of what lies in the own home: keys, token, disk, clock."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from trustspace.errors import TrustspaceError

if TYPE_CHECKING:
    from pathlib import Path

    from trustspace.connector.home import Home

Tell = Callable[..., None]
"""Takes a finding's id and its facts."""

MEBIBYTE: Final = 1024 * 1024
LOW_BYTES: Final = 1024 * MEBIBYTE
FULL_BYTES: Final = 100 * MEBIBYTE
OFF_SECONDS: Final = 2.0
"""File systems round to two seconds at worst."""


def look_at_files(home: Home, names: Iterable[str], tell: Tell) -> None:
    """Look at keys and token.

    Args:
        home: The home.
        names: Its participants.
        tell: Takes a finding's id and facts.
    """
    for name in names:
        _key(home, name, tell)
    _token(home, tell)


def look_at_disk(home: Home, tell: Tell) -> None:
    """Look at what is free where the home lies."""
    free = shutil.disk_usage(home.path).free
    finding = "disk.ok"
    if free < LOW_BYTES:
        finding = "disk.low" if free >= FULL_BYTES else "disk.full"
    tell(finding, free=size(free))


def look_at_clock(home: Home, tell: Tell) -> None:
    """Compare this machine's clock with that of the home's file system."""
    try:
        with tempfile.NamedTemporaryFile(dir=home.path, prefix=".clock-") as file:
            off = abs(os.fstat(file.fileno()).st_mtime - time.time())
    except OSError:
        return  # A full or read-only disk is told as such.
    if off > OFF_SECONDS:
        tell("time.file_system", seconds=round(off))


def size(number: int) -> str:
    """Return a number of bytes in MiB or GiB."""
    if number >= 1024 * MEBIBYTE:
        return f"{number / (1024 * MEBIBYTE):.1f} GiB"
    return f"{number / MEBIBYTE:.1f} MiB"


def mode_of(path: Path) -> int:
    """Return a file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def is_open(mode: int) -> bool:
    """Tell whether permissions let anybody but the owner in."""
    return os.name == "posix" and bool(mode & 0o077)


def _key(home: Home, name: str, tell: Tell) -> None:
    file = home.key_file(name)
    if not file.exists():
        tell("key.missing", name=name, file=file)
        return
    try:
        home.signing_key(name)
    except (TrustspaceError, OSError, ValueError) as error:
        tell("key.unusable", file=file, reason=_reason(error))
        return
    about, user = file.stat(), _user()
    if user is not None and about.st_uid != user:
        tell("key.owner", file=file, owner=about.st_uid, user=user)
    mode = mode_of(file)
    if is_open(mode):
        tell("key.permissions", file=file, mode=f"{mode:o}")
    else:
        tell("key.ok", name=name, mode=f"{mode:o}")


def _token(home: Home, tell: Tell) -> None:
    file = home.token_file
    if not file.exists():
        tell("token.missing", file=file, home=home.path)
        return
    mode = mode_of(file)
    finding = "token.permissions" if is_open(mode) else "token.ok"
    tell(finding, file=file, home=home.path, mode=f"{mode:o}")


def _user() -> int | None:
    """Return who runs this, where there are users."""
    return os.getuid() if hasattr(os, "getuid") else None


def _reason(error: Exception) -> str:
    """Say why a key cannot be used without a word of what is in it."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) if isinstance(error, TrustspaceError) else "it is no private key"
