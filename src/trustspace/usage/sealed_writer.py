"""Sealing what arrives: only encrypted bytes ever reach the disk.

A sealed file is written to ``NAME.part`` in its folder and takes its name when all of it is there
and its digest is right. The part itself is sealed, so that a broken delivery goes on behind what is
there: a later writer checks the chunks that the part holds, drops a torn one, and knows the entity
tag that the bytes belong to from the header. It can stand wherever
`trustspace.dataplane.sink.FileSink` can.

Example::

    with store.writer("urn:uuid:a1", "roses") as sink:
        sink.write(piece)
        sealed = sink.commit(sha256=announced)
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from trustspace.errors import ConfigurationError, IntegrityError, PolicyDeniedError
from trustspace.usage.private_file import lock, open_safely, sync_folder, unlock
from trustspace.usage.sealed_format import (
    FOOTER_INDEX,
    OVERHEAD_BYTES,
    PREFIX_BYTES,
    SALT_BYTES,
    Footer,
    Header,
    Layout,
    SealedObject,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trustspace.usage.data_key import DataKey
    from trustspace.usage.file_cipher import FileCipher

PART: Final = ".part"
_SESSION_BYTES: Final = 8
_BATCH_CHUNKS: Final = 16
"""Chunks that are written with one call."""


class SealedWriter:
    """An object that is being sealed; use it in a ``with`` block, which keeps an unfinished part.

    Args:
        path: Where the sealed file will be.
        header: Its header, for the case that there is no part to go on with.
        key: The agreement's data key.
        naming: Runs each step that puts a name into the folder; refuses when the agreement has
            ended.
        resume: Go on behind what an earlier attempt left, rather than start anew.

    Raises:
        ConfigurationError: It cannot be written there, or is being written.
    """

    def __init__(
        self,
        path: Path,
        header: Header,
        key: DataKey,
        *,
        naming: Callable[[Callable[[], None]], None] = lambda name: name(),
        resume: bool = True,
    ) -> None:
        self._path = path
        self._part = path.with_name(path.name + PART)
        self._header = header
        self._key = key
        self._naming = naming
        self._descriptor = -1
        self._is_broken = False
        self._cipher: FileCipher | None = None
        self._hash = hashlib.sha256()
        self._session = b""
        self._buffer = bytearray()
        self._filled = 0
        self._sealed = 0
        try:
            naming(self._open_part)
            with self._writing():
                if not (resume and self._take_over()):
                    self._begin(header)
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> Path:
        """Where the sealed file will be."""
        return self._path

    @property
    def chunk_bytes(self) -> int:
        """Plain bytes of a chunk."""
        return self._header.chunk_bytes

    @property
    def offset(self) -> int:
        """How many bytes of content are there already, hence the first that is missing."""
        return self._sealed * self._header.chunk_bytes + self._filled

    @property
    def version(self) -> str | None:
        """Entity tag that the present bytes belong to; None when that is not known."""
        return self._header.version or None

    def restart(self, *, version: str | None = None) -> None:
        """Drop what is there, because bytes of another version, or from the beginning, follow.

        Raises:
            ConfigurationError: The part cannot be written.
        """
        with self._writing():
            self._begin(replace(self._header, version=version or "", salt=os.urandom(SALT_BYTES)))

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes of content and return how many.

        Raises:
            ConfigurationError: They cannot be written; what is there stays for a later attempt.
            PolicyDeniedError: The key may not be used any more.
        """
        view = memoryview(data).cast("B")
        self._key.check()
        with self._writing():
            self._refuse_broken()
            size = self._header.chunk_bytes
            rest = view
            if self._filled:
                taken = min(size - self._filled, len(rest))
                self._buffer[self._filled : self._filled + taken] = rest[:taken]
                self._filled += taken
                rest = rest[taken:]
            # The last chunk is marked as such, so a full one waits until another byte follows.
            if self._filled == size and rest:
                self._store(memoryview(self._buffer))
                self._filled = 0
            if len(rest) > size:
                whole = (len(rest) - 1) // size * size
                self._store(rest[:whole])
                rest = rest[whole:]
            if rest:
                self._buffer[: len(rest)] = rest
                self._filled = len(rest)
            # Counted when it is all taken, so that a writer that failed has no digest to announce.
            self._hash.update(view)
        return len(view)

    def commit(self, *, sha256: str | None = None, size_bytes: int | None = None) -> SealedObject:
        """Give the part its name, when it is what was announced.

        Args:
            sha256: Announced digest of the content, hex; None when there is none.
            size_bytes: Announced size of the content; None when there is none.

        Raises:
            IntegrityError: It is something else; the part is gone then.
            ConfigurationError: It cannot be written.
            PolicyDeniedError: The agreement has ended; the part is gone then.
        """
        found, size = self._hash.hexdigest(), self.offset
        self._compare(found, sha256=sha256, size_bytes=size_bytes)
        self._key.check()
        with self._writing():
            self._refuse_broken()
            if self._filled:
                self._store(memoryview(self._buffer)[: self._filled], is_last=True)
                self._wipe()
            footer = Footer(size, Layout(self._header, size).chunks, bytes.fromhex(found))
            self._append(self._open_cipher().seal_footer(footer, session=self._session))
            os.fsync(self._descriptor)
        try:
            self._naming(self._take_name)
        except PolicyDeniedError:
            self.discard()
            raise
        return SealedObject.of(self._header, footer)

    def discard(self) -> None:
        """Remove the part."""
        self.close()
        with self._writing():
            self._part.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the part and leave it for a later attempt; closing twice is no error."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._wipe()
            self._cipher = None
            unlock(descriptor)
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, header: Header) -> None:
        self._start(header)
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._append(header.encoded)

    def _start(self, header: Header) -> None:
        self._header = header
        self._cipher = self._key.cipher(header)
        self._session = os.urandom(_SESSION_BYTES)
        self._hash = hashlib.sha256()
        self._buffer = bytearray(header.chunk_bytes)
        self._filled = 0
        self._sealed = 0
        self._is_broken = False

    def _take_over(self) -> bool:
        """Open what an earlier attempt left; tell whether it can be gone on with."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        try:
            prefix = os.read(self._descriptor, PREFIX_BYTES)
            header = Header.decode(prefix + os.read(self._descriptor, Header.length_in(prefix)))
        except IntegrityError:
            return False
        if header.identity != self._header.identity or header.key != self._key.id:
            return False
        self._start(header)
        cipher, length = self._open_cipher(), header.chunk_bytes + OVERHEAD_BYTES
        while len(stored := os.read(self._descriptor, length)) == length:
            try:
                plain = cipher.open_chunk(memoryview(stored), index=self._sealed, is_last=False)
            except IntegrityError:
                break
            self._hash.update(plain)
            self._sealed += 1
        # What follows is torn, or the end of an attempt that did not come to give it its name.
        self._cut()
        return True

    def _store(self, plain: memoryview, *, is_last: bool = False) -> None:
        """Seal whole chunks, or the last one, and write them."""
        cipher, size = self._open_cipher(), self._header.chunk_bytes
        for start in range(0, len(plain), size * _BATCH_CHUNKS):
            batch = plain[start : start + size * _BATCH_CHUNKS]
            pieces = [batch[at : at + size] for at in range(0, len(batch), size)]
            if self._sealed + len(pieces) >= FOOTER_INDEX:
                raise OSError(errno.EFBIG, "more chunks than a sealed file may have")
            self._append(
                b"".join(
                    cipher.seal_chunk(
                        piece, index=self._sealed + number, is_last=is_last, session=self._session
                    )
                    for number, piece in enumerate(pieces)
                )
            )
            self._sealed += len(pieces)

    def _append(self, data: bytes) -> None:
        view, done = memoryview(data), 0
        try:
            while done < len(view):
                done += os.write(self._descriptor, view[done:])
        except OSError:
            # Half a chunk is no use to anybody; what is whole stays for a later attempt.
            self._is_broken = True
            with contextlib.suppress(OSError):
                self._cut()
            raise

    def _cut(self) -> None:
        end = Layout(self._header, 0).offset(self._sealed)
        os.ftruncate(self._descriptor, end)
        os.lseek(self._descriptor, end, os.SEEK_SET)

    def _open_part(self) -> None:
        with self._writing():
            self._descriptor = open_safely(self._part, os.O_RDWR | os.O_CREAT)
            lock(self._descriptor, wait=False)
            self._refuse_other_part()

    def _refuse_other_part(self) -> None:
        # Who had the lock before may have given this very file its name, or removed it.
        if not os.path.samestat(os.fstat(self._descriptor), self._part.stat()):
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def _take_name(self) -> None:
        with self._writing():
            self._refuse_other_part()
            self.close()
            self._part.replace(self._path)
            sync_folder(self._path.parent)

    def _compare(self, found: str, *, sha256: str | None, size_bytes: int | None) -> None:
        if size_bytes is not None and size_bytes != self.offset:
            expected, met = f"{size_bytes} bytes", f"{self.offset} bytes"
        elif sha256 is not None and sha256.lower() != found:
            expected, met = f"sha256 {sha256.lower()}", f"sha256 {found}"
        else:
            return
        self.discard()
        raise IntegrityError(
            "what arrived is not what was announced",
            expected=expected,
            found=met,
            hint="fetch again",
        )

    def _open_cipher(self) -> FileCipher:
        if self._cipher is None:
            msg = "the writer is closed"
            raise ValueError(msg)
        return self._cipher

    def _refuse_broken(self) -> None:
        if self._descriptor < 0:
            msg = "the writer is closed"
            raise ValueError(msg)
        if self._is_broken:
            raise OSError(errno.EIO, "an earlier write failed")

    def _wipe(self) -> None:
        self._buffer[:] = bytes(len(self._buffer))
        self._filled = 0

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        name = self._header.object
        try:
            yield
        except BlockingIOError as error:
            raise ConfigurationError(
                f"{name!r} is being sealed by somebody else",
                setting="sealed",
                hint="wait for it",
            ) from error
        except (OSError, ValueError) as error:
            because = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigurationError(
                f"{name!r} cannot be sealed in {self._path.parent}: {because}",
                setting="sealed",
                hint="make room and try again: it goes on where it was",
            ) from error
