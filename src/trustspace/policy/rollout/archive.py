"""A rule module as bytes: a tar.gz in OPA's form, the same bytes for the same files.

Whoever reads one may have got it from anywhere: sizes are limited before memory is spent, and a
name that is odd, or there twice, is refused.

Example::

    read_archive(write_archive({".manifest": b"{}"}))  # {'.manifest': b'{}'}
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from typing import TYPE_CHECKING

from trustspace.policy.rollout.refusal import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 8 * 1024 * 1024
"""Most bytes of all files together."""

MAX_FILES = 500


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files by name, without a time in it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as bundle:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o644
            bundle.addfile(member, io.BytesIO(files[name]))
    return gzip.compress(archive.getvalue(), mtime=0)


def read_archive(content: bytes) -> dict[str, bytes]:
    """Return the files of an archive by name, without a slash before it.

    Raises:
        PolicyError: It is cut off or none (``module.truncated``), too large (``module.too_large``),
            or has an odd file (``module.malformed``).
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_unpacked(content)), mode="r:") as archive:
            for member in archive:
                if member.isdir():
                    continue
                name = member.name.removeprefix("./").lstrip("/")
                file = archive.extractfile(member) if member.isreg() else None
                if file is None or not _is_plain(name) or name in files:
                    raise refused("module.malformed", location=name, what=f"the file {name!r}")
                if len(files) == MAX_FILES:
                    raise refused("module.too_large", limit=f"{MAX_FILES} files")
                files[name] = file.read()
    except tarfile.TarError as error:
        raise refused("module.truncated") from error
    return files


def _unpacked(content: bytes) -> bytes:
    decoder = zlib.decompressobj(wbits=31)
    try:
        unpacked = decoder.decompress(content, MAX_BYTES + 1)
    except zlib.error as error:
        raise refused("module.truncated") from error
    if len(unpacked) > MAX_BYTES:
        raise refused("module.too_large", limit=f"{MAX_BYTES} bytes")
    if not decoder.eof or decoder.unused_data:
        raise refused("module.truncated")
    return unpacked


def _is_plain(name: str) -> bool:
    parts = name.split("/")
    return name.isprintable() and "\\" not in name and not {"", ".", ".."} & set(parts)
