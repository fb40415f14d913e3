"""A file that was published, opened so that nothing else can be read in its place.

The path was fixed, without symbolic links, when the file was published. Between two requests
somebody may put a link in the place of the file or of a folder above it; so the way is walked
from the root one component at a time, none of which may be a link, and what is found at the end
must be a regular file. Everything after that uses the descriptor, never the path again.

A file that is not as large, or not as old, as when it was published is refused before its first
byte: its digest would not be the one that was announced.

Example::

    with open_published("/srv/roses.csv", size_bytes=12, modified_ns=1_790_000_000_000) as file:
        head = file.read_at(0, 4)
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from trustspace.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    # A pipe in the place of the file would otherwise block until somebody writes.
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)

_VIRTUAL: Final = ("/proc", "/sys")
"""Where "regular files" are made up by the kernel and tell about this process."""


class PublishedFile:
    """An open regular file.

    Attributes:
        path: Where it was found; for messages only.
        size_bytes: Its size when it was opened.
        modified_ns: When it was last written, in nanoseconds of the epoch.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self.size_bytes: int = status.st_size
        self.modified_ns: int = status.st_mtime_ns

    @property
    def scan_path(self) -> str:
        """A path under which libraries that open files themselves find this very file."""
        if sys.platform == "linux":
            return f"/proc/self/fd/{self._descriptor}"
        return self.path

    def read_at(self, offset: int, size: int) -> bytes:
        """Read exactly `size` bytes.

        Raises:
            IntegrityError: The file ends earlier, hence was cut since it was opened.
        """
        parts: list[bytes] = []
        missing = size
        while missing:
            part = pread(self._descriptor, missing, offset + size - missing)
            if not part:
                raise IntegrityError(
                    "a published file was cut while it was read",
                    expected=f"{offset + size} bytes",
                    found=f"{offset + size - missing} bytes",
                    hint="publish the file again",
                )
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def has_more_than(self, size: int) -> bool:
        """Tell whether a byte can be read behind the first `size` ones."""
        return bool(pread(self._descriptor, 1, size))

    def check_unchanged(self) -> None:
        """Compare size and time of the last write with those at opening.

        Raises:
            IntegrityError: The file was written to since.
        """
        status = os.fstat(self._descriptor)
        _check_same((self.size_bytes, self.modified_ns), (status.st_size, status.st_mtime_ns))

    def close(self) -> None:
        """Close the descriptor; closing twice is no error."""
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


def open_published(path: str, *, size_bytes: int, modified_ns: int) -> PublishedFile:
    """Open a published file again.

    Args:
        path: Path as it was fixed at publication: absolute, without links.
        size_bytes: Size at publication.
        modified_ns: Time of the last write at publication, in nanoseconds of the epoch.

    Raises:
        IntegrityError: The file is gone, is something else, or was written to since.
    """
    try:
        file = open_regular(path)
    except OSError as error:
        raise IntegrityError(
            "a published file cannot be read",
            expected=f"a regular file of {size_bytes} bytes",
            found=error.strerror or "something else",
            hint="put the file back, or publish again",
        ) from error
    try:
        _check_same((size_bytes, modified_ns), (file.size_bytes, file.modified_ns))
    except IntegrityError:
        file.close()
        raise
    return file


def open_regular(path: str) -> PublishedFile:
    """Open a regular file without following any link.

    Args:
        path: Absolute path.

    Raises:
        OSError: There is no such file, a component is a link, or it is not a regular file.
    """
    if any(path == folder or path.startswith(folder + "/") for folder in _VIRTUAL):
        raise OSError(errno.EINVAL, "made up by the kernel", path)
    descriptor = _walk(path) if hasattr(os, "O_PATH") else _open_directly(path)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return PublishedFile(path, descriptor)


def _walk(path: str) -> int:
    root, *folders, name = Path(path).parts
    through = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
    folder = os.open(root, through)
    try:
        for component in folders:
            inner = os.open(component, through, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(name, _READ, dir_fd=folder)
    finally:
        os.close(folder)


def _open_directly(path: str) -> int:
    # Without O_PATH a folder could only be walked where it may be listed; what stands in the way
    # of a swapped folder there is that the path is compared with its resolved form.
    if str(Path(path).resolve(strict=True)) != path:
        raise OSError(errno.ELOOP, "a link in its path", path)
    return os.open(path, _READ)


def _seek_and_read(descriptor: int, size: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, size)


pread: Callable[[int, int, int], bytes] = getattr(os, "pread", _seek_and_read)
"""Read at an offset; a file has one reader at a time, so that seeking does as well."""


def _check_same(expected: tuple[int, int], found: tuple[int, int]) -> None:
    if expected != found:
        raise IntegrityError(
            "a published file was changed since",
            expected=f"{expected[0]} bytes written at {expected[1]} ns",
            found=f"{found[0]} bytes written at {found[1]} ns",
            hint="publish the file again",
        )
