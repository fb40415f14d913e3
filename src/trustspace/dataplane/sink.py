"""Receiving a file: its name appears when all of it is there and its digest is right.

Bytes go to ``PATH.part`` while their SHA-256 runs along. A later attempt finds the part, hashes
what is there and goes on behind it; the version that the bytes belong to (an entity tag) lies
beside it, so that parts of two versions are never joined. At the end the part is flushed to the
disk and takes the file's name in one step. One process writes a part at a time. The file is
readable by its owner only: it is under an agreement.

Example::

    with FileSink("roses.parquet") as sink:
        answer = request(offset=sink.offset, etag=sink.version)
        if answer.status == 200:
            sink.restart(version=answer.headers.get("etag"))
        for chunk in answer.chunks():
            sink.write(chunk)
        written = sink.commit(sha256=announced)
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from trustspace.errors import ConfigurationError, IntegrityError

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_HASH_BYTES: Final = 1024 * 1024
_LONGEST_VERSION: Final = 1_024

_PART: Final = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True)
class Written:
    """A file that was received.

    Attributes:
        path: Where it is.
        size_bytes: Its size.
        sha256: Digest of its bytes, lower-case hex.
        rows: How many rows it holds; 0 where that is not known.
    """

    path: Path
    size_bytes: int
    sha256: str
    rows: int = 0


class FileSink:
    """A file that is being received; use it in a ``with`` block, which keeps an unfinished part.

    Args:
        path: Where the file will be; what is there is replaced at the end.
        resume: Go on behind what an earlier attempt left, rather than start anew.

    Raises:
        ConfigurationError: It cannot be written there.
    """

    def __init__(self, path: str | Path, *, resume: bool = True) -> None:
        self._path = Path(path)
        self._hash = hashlib.sha256()
        self._offset = 0
        with self._writing():
            if self._path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self._part = self._path.with_name(self._path.name + ".part")
            self._mark = self._path.with_name(self._path.name + ".part.version")
            self._descriptor = os.open(self._part, _PART, 0o600)
        try:
            self._take_over(resume=resume)
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> Path:
        """Where the file will be."""
        return self._path

    @property
    def offset(self) -> int:
        """How many bytes are there already, hence the first that is missing."""
        return self._offset

    @property
    def version(self) -> str | None:
        """Entity tag that the present bytes belong to; None when that is not known."""
        try:
            version = self._mark.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        return version if version.isprintable() and 0 < len(version) <= _LONGEST_VERSION else None

    def restart(self, *, version: str | None = None) -> None:
        """Drop what is there, because bytes of another version, or from the beginning, follow.

        Args:
            version: Entity tag that the following bytes belong to.

        Raises:
            ConfigurationError: The part cannot be written.
        """
        with self._writing():
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            self._hash, self._offset = hashlib.sha256(), 0
            self._mark.unlink(missing_ok=True)
            if version is not None:
                descriptor = os.open(self._mark, _PART | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as mark:
                    mark.write(version)

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes and return how many.

        Raises:
            ConfigurationError: They cannot be written; what is there stays for a later attempt.
        """
        view = memoryview(data).cast("B")
        with self._writing():
            done = 0
            while done < len(view):
                count = os.write(self._descriptor, view[done:])
                # Hashed as far as written, so that digest and part agree whatever happens next.
                self._hash.update(view[done : done + count])
                self._offset += count
                done += count
        return len(view)

    def commit(self, *, sha256: str | None = None, size_bytes: int | None = None) -> Written:
        """Give the part its name, when it is what was announced.

        Args:
            sha256: Announced digest, hex; None when there is none.
            size_bytes: Announced size; None when there is none.

        Raises:
            IntegrityError: It is something else; the part is gone then, the target untouched.
            ConfigurationError: It cannot be written.
        """
        found = self._hash.hexdigest()
        if size_bytes is not None and size_bytes != self._offset:
            self.discard()
            raise _different(f"{size_bytes} bytes", f"{self._offset} bytes")
        if sha256 is not None and sha256.lower() != found:
            self.discard()
            raise _different(f"sha256 {sha256.lower()}", f"sha256 {found}")
        with self._writing():
            os.fsync(self._descriptor)
            self.close()
            self._part.replace(self._path)
            self._mark.unlink(missing_ok=True)
            _sync_folder(self._path.parent)
        return Written(self._path, self._offset, found)

    def discard(self) -> None:
        """Remove the part."""
        self.close()
        with self._writing():
            self._part.unlink(missing_ok=True)
            self._mark.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the part and leave it for a later attempt; closing twice is no error."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _take_over(self, *, resume: bool) -> None:
        """Hash what an earlier attempt left, or drop it."""
        with self._writing():
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise OSError(errno.EINVAL, "its .part is not a regular file")
            self._lock()
            while resume and (chunk := os.read(self._descriptor, _HASH_BYTES)):
                self._hash.update(chunk)
                self._offset += len(chunk)
        if not resume:
            self.restart()

    def _lock(self) -> None:
        if sys.platform != "win32":
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who had the lock before may have given this very file its name.
        if not os.path.samestat(os.fstat(self._descriptor), self._part.stat()):
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError as error:
            raise ConfigurationError(
                f"{self._path.name!r} is being written by somebody else",
                setting="output",
                hint="wait for it, or choose another path",
            ) from error
        except (OSError, ValueError) as error:
            because = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigurationError(
                f"{self._path.name or str(self._path)!r} cannot be written: {because}",
                setting="output",
                hint="choose another path, or make room and try again: it goes on where it was",
            ) from error


def _different(expected: str, found: str) -> IntegrityError:
    return IntegrityError(
        "the file that arrived is not what was announced",
        expected=expected,
        found=found,
        hint="fetch again",
    )


def _sync_folder(folder: Path) -> None:
    # Without this a crash may bring the file's old name back. Not every system opens folders.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
