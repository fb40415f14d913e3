"""Small files that only their owner may read: keys, records, journals.

A file appears whole or not at all, and once it is there a crash does not take it back. What is
replaced or removed can be overwritten in its place first, because a key that was replaced must not
be read from the blocks that its file once had. How far that reaches depends on what is below: a
file system that copies on write, a flash disk that moves blocks, a snapshot and a backup keep what
they keep.

Example::

    write_durably(path, data)
    read_private(path, setting="keys") == data
    overwrite_and_remove(path)
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import threading
from typing import TYPE_CHECKING, Final, Self

from trustspace.errors import ConfigurationError, NotFoundError

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONGEST: Final = 64 * 1024 * 1024
"""No file of this kind is larger; what is, is something else. A deletion record of a hundred
thousand objects is the largest of them."""

_SAFE: Final = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    # A pipe in the place of the file would otherwise block until somebody writes.
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_safely(path: Path, flags: int) -> int:
    """Open a regular file, never through a link at its end, and return the descriptor.

    Raises:
        OSError: It is not there, is a link or is no regular file.
    """
    descriptor = os.open(path, flags | _SAFE, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def read_private(path: Path, *, setting: str) -> bytes:
    """Return the content of a file that nobody else may read.

    Args:
        path: Where it is.
        setting: What it is about, for the error.

    Raises:
        NotFoundError: There is no such file.
        ConfigurationError: Others may read it, it is a link, or it cannot be read.
    """
    try:
        descriptor = open_safely(path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no {path}") from error
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", setting=setting
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        _refuse_foreign_eyes(path, os.fstat(descriptor), setting)
        data = file.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise ConfigurationError(f"{path} is larger than {_LONGEST} bytes", setting=setting)
    return data


def write_durably(path: Path, data: bytes, *, overwrite_old: bool = False) -> None:
    """Write a file of mode 0600 that appears whole, and survives a crash from then on.

    Args:
        path: Where to; what is there is replaced.
        data: Its content.
        overwrite_old: Write zeros over what is replaced.

    Raises:
        ConfigurationError: It cannot be written; what was there is still there.
    """
    temporary = path.with_name(path.name + ".new")
    with contextlib.ExitStack() as cleaning, storing(path):
        old = _open_to_overwrite(path) if overwrite_old else None
        if old is not None:
            cleaning.callback(os.close, old)
        try:
            descriptor = open_safely(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)
        if old is not None:
            _overwrite(old)


def overwrite_and_remove(path: Path, *, first: int | None = None) -> bool:
    """Write zeros over a file, bring them to the disk, and remove it; tell whether it was there.

    Args:
        path: The file; a link is removed, what it points to is not touched.
        first: How many of its bytes to overwrite; all of them without.

    Raises:
        ConfigurationError: It cannot be removed.
    """
    with storing(path):
        descriptor = _open_to_overwrite(path)
        if descriptor is not None:
            try:
                _overwrite(descriptor, first)
            finally:
                os.close(descriptor)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        sync_folder(path.parent)
        return True


def make_folder(path: Path) -> None:
    """Make a folder for its owner only, and those above it.

    Raises:
        ConfigurationError: It cannot be made, or is a link.
    """
    with storing(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_symlink():
            raise OSError(errno.ELOOP, "a link stands there")


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; without it a crash may bring an old one back."""
    # Not every system opens folders.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn an error of the system into one that says what to do.

    Raises:
        ConfigurationError: In the place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{path.name!r} cannot be written in {path.parent}: {error.strerror}",
            setting="sealed",
            hint="make room, or make the folder writable for its owner, and try again",
        ) from error


class FolderLock:
    """Only one thread of one process at a time changes what a folder holds.

    Where the system has no such locks (Windows), threads of one process are still kept apart.

    Args:
        path: The file that is locked; made when it is missing, and never removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.RLock()
        self._depth = 0
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._threads.acquire()
        try:
            if self._depth == 0:
                with storing(self._path):
                    self._descriptor = open_safely(self._path, os.O_RDWR | os.O_CREAT)
                    lock(self._descriptor, wait=True)
            self._depth += 1
        except BaseException:
            self._close()
            self._threads.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._close()
        self._threads.release()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            unlock(descriptor)
            os.close(descriptor)


def lock(descriptor: int, *, wait: bool) -> None:
    """Lock a file for whoever has this descriptor; nothing where the system has no such locks.

    Raises:
        BlockingIOError: Somebody else has it, and it was not to be waited for.
    """
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def unlock(descriptor: int) -> None:
    """Unlock a file; closing is not enough where a child was forked meanwhile."""
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _refuse_foreign_eyes(path: Path, status: os.stat_result, setting: str) -> None:
    if sys.platform == "win32":
        return
    if status.st_mode & 0o077:
        raise ConfigurationError(
            f"{path} may be read by others: its mode is {stat.S_IMODE(status.st_mode):04o}",
            setting=setting,
            hint=f"chmod 600 {path}, and change the key if somebody may have read it",
        )
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigurationError(
            f"{path} belongs to another user of this machine",
            setting=setting,
            hint="make it yours, or name another file",
        )


def _open_to_overwrite(path: Path) -> int | None:
    try:
        return open_safely(path, os.O_WRONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        # A link or a folder holds nothing of ours.
        if error.errno in (errno.ELOOP, errno.EINVAL, errno.EISDIR, errno.ENXIO):
            return None
        raise


def _overwrite(descriptor: int, first: int | None = None) -> None:
    size = os.fstat(descriptor).st_size
    size = size if first is None else min(size, first)
    os.lseek(descriptor, 0, os.SEEK_SET)
    done = 0
    while done < size:
        done += os.write(descriptor, bytes(min(size - done, 1024 * 1024)))
    os.fsync(descriptor)
