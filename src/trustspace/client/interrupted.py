"""What an interrupted save leaves beside its file, so that going on is not a second use.

A counted agreement counts sessions. A save writes its session to ``PATH.part.session`` before the
first byte; a later attempt for the same agreement, in another process too, takes it up again. It is
removed with the last byte.

Example::

    session = take_up(Path("roses.csv"), agreement="urn:uuid:a1") or str(uuid4())
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

SESSION = re.compile(r"[0-9a-f-]{36}")


def take_up(path: Path, *, agreement: str) -> str | None:
    """Return the session of an interrupted save, or None when there is none of this agreement."""
    try:
        whose, _, session = _mark(path).read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return session if whose == agreement and SESSION.fullmatch(session) else None


def note(path: Path, *, agreement: str, session: str) -> None:
    """Remember the session of a save that begins.

    Raises:
        ConfigurationError: Nothing can be written there.
    """
    forget(path)
    try:
        # Exclusive, so that a link that somebody put there is not followed.
        with _mark(path).open("x", encoding="utf-8") as mark:
            mark.write(f"{agreement}\n{session}")
    except OSError as error:
        msg = f"{path.name!r} cannot be written: {error.strerror}"
        hint = "choose another path, or make room"
        raise ConfigurationError(msg, setting="output", hint=hint) from error


def forget(path: Path) -> None:
    """Remove what was remembered."""
    with contextlib.suppress(OSError):
        _mark(path).unlink()


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".part.session")
