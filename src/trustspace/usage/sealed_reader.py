"""Reading a sealed object like a file: any range, without decrypting the rest.

Opening checks whose file it is, its footer and its length; each chunk is checked before one byte of
it leaves. A chunk that was changed raises when it is read, never gives other bytes. Readers share
nothing: many may read one object, and one reader may be asked from several threads.

Example::

    with store.reader("urn:uuid:a1", "roses") as file:
        frame = polars.read_parquet(file)
        file.read_at(1_000_000, 4096)
"""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from trustspace.errors import IntegrityError, NotFoundError
from trustspace.usage.private_file import open_safely
from trustspace.usage.sealed_format import (
    FOOTER_BYTES,
    OVERHEAD_BYTES,
    PREFIX_BYTES,
    Footer,
    Header,
    Identity,
    Layout,
    damaged,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trustspace.usage.data_key import DataKey

_BATCH_BYTES: Final = 1024 * 1024
"""Encrypted bytes that are read with one call."""


class SealedFile:
    """An open sealed file whose header and footer are read, not yet checked against a key.

    Args:
        path: Where it is.
        expected: What it should be of; None takes what its header says.

    Raises:
        NotFoundError: There is no such file.
        IntegrityError: It is no sealed file, was cut or extended, or is of something else.
    """

    def __init__(self, path: Path, *, expected: Identity | None = None) -> None:
        self._lock = threading.Lock()
        self._descriptor = -1
        try:
            self._descriptor = open_safely(path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise NotFoundError("nothing of this object is sealed here", hint="fetch it") from error
        except OSError as error:
            raise damaged("place", "a regular file", error.strerror or "something else") from error
        try:
            size = os.fstat(self._descriptor).st_size
            self.header: Header = self._read_header(expected)
            self.footer_stored: bytes = self.read_stored(max(0, size - FOOTER_BYTES), FOOTER_BYTES)
            self.footer: Footer = Footer.decode(self.footer_stored)
            self.layout: Layout = _checked(
                Layout(self.header, self.footer.size_bytes), self.footer, size
            )
        except BaseException:
            self.close()
            raise

    def _read_header(self, expected: Identity | None) -> Header:
        prefix = self.read_stored(0, PREFIX_BYTES)
        header = Header.decode(prefix + self.read_stored(PREFIX_BYTES, Header.length_in(prefix)))
        if expected is not None and header.identity != expected:
            raise damaged("header", repr(expected), repr(header.identity))
        return header

    def read_stored(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes as they are stored."""
        if self._descriptor < 0:
            msg = "the file is closed"
            raise ValueError(msg)
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, size, offset)
        with self._lock:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, size)

    def read_stored_into(self, room: memoryview, offset: int) -> int:
        """Read as many bytes as fit, as they are stored, and return how many there were."""
        if self._descriptor >= 0 and hasattr(os, "preadv"):
            return os.preadv(self._descriptor, [room], offset)
        data = self.read_stored(offset, len(room))
        room[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file; closing twice is no error."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SealedReader(io.RawIOBase):
    """The content of a sealed object as a file that is read from anywhere.

    Args:
        path: Where the sealed file is.
        expected: What it must be of.
        key_of: Gives the data key that a header names.
        may_read: Raises when nothing may be read any more with the key of an id; asked before each
            read.

    Raises:
        NotFoundError: There is no such file.
        IntegrityError: It was changed, cut, extended or swapped, or the key is another one.
        PolicyDeniedError: The key may not be used.
    """

    def __init__(
        self,
        path: Path,
        expected: Identity,
        key_of: Callable[[Header], DataKey],
        *,
        may_read: Callable[[str], None] = lambda _key: None,
    ) -> None:
        super().__init__()
        self._may_read = may_read
        self._position = 0
        self._moving = threading.Lock()
        self._last: tuple[int, bytes] = (-1, b"")
        # Encrypted bytes are read into the same memory again and again: fresh memory costs more
        # than decrypting does. One for each thread that reads at a time.
        self._rooms: list[bytearray] = []
        self._file = SealedFile(path, expected=expected)
        try:
            self._key = _named(self._file.header, key_of(self._file.header))
            self._cipher = self._key.cipher(self._file.header)
            self._footer = self._cipher.check_footer(self._file.footer_stored)
        except BaseException:
            self._file.close()
            raise
        self._layout = self._file.layout

    @property
    def size_bytes(self) -> int:
        """Size of the content."""
        return self._footer.size_bytes

    @property
    def sha256(self) -> str:
        """Digest of the content, lower-case hex, as it was when it was sealed."""
        return self._footer.sha256.hex()

    @property
    def version(self) -> str | None:
        """Entity tag that the content had at its provider, where that is known."""
        return self._file.header.version or None

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the bytes of a range, fewer where the content ends.

        Raises:
            IntegrityError: A chunk of it was changed.
            PolicyDeniedError: The key may not be used any more.
            ValueError: The reader is closed, or the range is negative.
        """
        if offset < 0 or size < 0:
            msg = "a range begins at 0 or later and is not negative"
            raise ValueError(msg)
        self._check()
        size = max(0, min(size, self.size_bytes - offset))
        index = offset // self._layout.header.chunk_bytes
        start = offset - index * self._layout.header.chunk_bytes
        if size and start + size <= self._layout.length(index):
            return self._chunk(index)[start : start + size]
        room = bytearray(size)
        self._fill(memoryview(room), offset)
        return bytes(room)

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - anything that can be written to
        """Read into a buffer and return how many bytes; raises as `read_at`."""
        view = memoryview(buffer).cast("B")
        self._check()
        with self._moving:
            size = max(0, min(len(view), self.size_bytes - self._position))
            self._fill(view[:size], self._position)
            self._position += size
        return size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, all that are left without a size; raises as `read_at`."""
        with self._moving:
            left = max(0, self.size_bytes - self._position)
            data = self.read_at(self._position, left if size is None or size < 0 else size)
            self._position += len(data)
        return data

    def read_buffer(self, size: int | None = -1, /) -> memoryview:
        """Read as `read` does, without the copy that `bytes` would cost; pyarrow asks for it."""
        with self._moving:
            self._check()
            left = max(0, self.size_bytes - self._position)
            room = bytearray(left if size is None or size < 0 else min(size, left))
            self._fill(memoryview(room), self._position)
            self._position += len(room)
        return memoryview(room)

    def readall(self) -> bytes:
        """Return all bytes that are left; raises as `read_at`."""
        return self.read()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position, which may lie behind the end, and return it.

        Raises:
            ValueError: It would lie before the beginning, or the reader is closed.
        """
        self._refuse_closed()
        with self._moving:
            origins = {
                os.SEEK_SET: 0,
                os.SEEK_CUR: self._position,
                os.SEEK_END: self.size_bytes,
            }
            if whence not in origins or origins[whence] + offset < 0:
                msg = "no such position"
                raise ValueError(msg)
            self._position = origins[whence] + offset
            return self._position

    def tell(self) -> int:
        """Return the position."""
        self._refuse_closed()
        return self._position

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Close the reader; closing twice is no error."""
        if not self.closed:
            self._last = (-1, b"")
            # The attribute is missing where opening failed.
            file = getattr(self, "_file", None)
            if file is not None:
                file.close()
        super().close()

    def _fill(self, view: memoryview, offset: int) -> None:
        """Fill a view that lies within the content."""
        size = self._layout.header.chunk_bytes
        batch = max(1, _BATCH_BYTES // size)
        done = 0
        while done < len(view):
            index, start = divmod(offset + done, size)
            last = (offset + len(view) - 1) // size
            count = min(batch, last - index + 1)
            if count == 1:
                piece = self._chunk(index)[start : start + len(view) - done]
                view[done : done + len(piece)] = piece
                done += len(piece)
            else:
                done += self._fill_from(view[done:], index, start, count)

    def _fill_from(self, view: memoryview, index: int, start: int, count: int) -> int:
        """Fill a view from chunks that are read with one call; return how many bytes.

        Args:
            view: Where to; larger than what the chunks hold, or as large.
            index: The first chunk.
            start: Where to begin in it.
            count: How many chunks.
        """
        done = at = 0
        final = self._layout.chunks - 1
        room = self._room()
        stored = self._stored(room, index, count)
        for number in range(index, index + count):
            length = self._layout.length(number)
            chunk = stored[at : at + length + OVERHEAD_BYTES]
            at += length + OVERHEAD_BYTES
            is_last = number == final
            if start or len(view) - done < length:
                plain = self._cipher.open_chunk(chunk, index=number, is_last=is_last)
                self._last = (number, plain)
                piece = memoryview(plain)[start : start + len(view) - done]
                view[done : done + len(piece)] = piece
                done, start = done + len(piece), 0
            else:
                into = view[done : done + length]
                self._cipher.open_chunk_into(chunk, into, index=number, is_last=is_last)
                done += length
        self._rooms.append(room)
        return done

    def _chunk(self, index: int) -> bytes:
        number, plain = self._last
        if number != index:
            room = self._room()
            is_last = index == self._layout.chunks - 1
            plain = self._cipher.open_chunk(
                self._stored(room, index, 1), index=index, is_last=is_last
            )
            self._rooms.append(room)
            self._last = (index, plain)
        return plain

    def _room(self) -> bytearray:
        try:
            return self._rooms.pop()
        except IndexError:
            return bytearray()

    def _stored(self, room: bytearray, index: int, count: int) -> memoryview:
        """Read chunks as they are stored into a room that is made large enough."""
        offset = self._layout.offset(index)
        last = index + count - 1
        size = self._layout.offset(last) + self._layout.length(last) + OVERHEAD_BYTES - offset
        if len(room) < size:
            room.extend(bytes(size - len(room)))
        stored = memoryview(room)[:size]
        found = self._file.read_stored_into(stored, offset)
        if found != size:
            raise damaged("length", f"{size} bytes of chunk {index}", f"{found} bytes")
        return stored

    def _check(self) -> None:
        self._refuse_closed()
        self._may_read(self._file.header.key)
        self._key.check()

    def _refuse_closed(self) -> None:
        if self.closed:
            msg = "the reader is closed"
            raise ValueError(msg)


def _checked(layout: Layout, footer: Footer, size: int) -> Layout:
    if (layout.file_bytes, layout.chunks) != (size, footer.chunks):
        raise damaged("length", f"{layout.file_bytes} bytes", f"{size} bytes")
    return layout


def _named(header: Header, key: DataKey) -> DataKey:
    if key.id != header.key:
        raise damaged("key", header.key, key.id)
    return key


def describe(path: Path) -> SealedFile | None:
    """Return a sealed file's header and footer without a key, closed; None for anything else."""
    try:
        with SealedFile(path) as file:
            return file
    except (IntegrityError, NotFoundError):
        return None
