"""Where published data comes from: a file fixed at publication, or an HTTP URL of the provider.

A source is a value that the store keeps as JSON. A file's digest, size and time of writing are
taken when it is published and promised to consumers; serving checks size and time at each opening
and leaves the digest to the consumer, who computes it anyway. A URL promises nothing but its media
type: its bytes are fetched anew for each request, with the provider's own headers.

Example::

    source = FileSource.at("roses.parquet")
    source.sha256, source.forms            # '9f86…', ('file', 'table')
    read_source(source.to_document()) == source
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Protocol, Self

from pydantic import Field, TypeAdapter, ValidationError, field_serializer

from trustspace.dataplane.api_source import ApiSource
from trustspace.dataplane.published_file import PublishedFile, open_published, open_regular
from trustspace.dataplane.source_value import SourceValue, check_headers, check_url
from trustspace.dataplane.table_layout import FORMATS, TableLayout, read_layout
from trustspace.dataplane.watermark import WatermarkSpec  # noqa: TC001 - pydantic reads it
from trustspace.errors import ConfigurationError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Mapping


Form = Literal["file", "table", "api"]
"""``file``: the bytes as they are; ``table``: its rows as an Arrow stream; ``api``: answers to
single calls."""

API: Final = "api"
"""The form of an interface that is called."""

OCTET_STREAM: Final = "application/octet-stream"

MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/x-ndjson",
    ".arrow": "application/vnd.apache.arrow.file",
}
"""Media types by the suffix of the file's name; everything else is `OCTET_STREAM`."""

_HASH_BYTES: Final = 1024 * 1024

_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
"""RFC 6838, section 4.2; parameters are left away."""


class Source(Protocol):
    """What a dataset is delivered from."""

    @property
    def media_type(self) -> str:
        """Media type of the file form."""
        ...

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms in which it can be delivered."""
        ...

    def to_document(self) -> dict[str, Any]:
        """Return the source as JSON, for `read_source`."""
        ...


class FileSource(SourceValue):
    """A file of this machine.

    Attributes:
        path: Absolute, without symbolic links.
        size_bytes: Size when published.
        modified_ns: Time of the last write when published, nanoseconds of the epoch.
        sha256: Digest when published, lower-case hex.
        media_type: By the suffix of its name.
        layout: How it is read as a table; None when it cannot be.
        watermark: How its copies are told apart, where they are; it leaves as a table only then.
    """

    kind: Literal["file"] = "file"
    path: str
    size_bytes: int = Field(ge=0)
    modified_ns: int
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    media_type: str
    layout: TableLayout | None = None
    watermark: WatermarkSpec | None = None

    @field_serializer("modified_ns", when_used="json")
    def _as_text(self, modified_ns: int) -> str:
        """Canonical JSON has no integers of this size (RFC 8785)."""
        return str(modified_ns)

    @classmethod
    def at(cls, path: str | Path, *, watermark: WatermarkSpec | None = None) -> Self:
        """Look at a file in order to publish it: digest, size, columns; reads all of it.

        Args:
            path: A regular file. Symbolic links are followed now and never again.
            watermark: How its copies are told apart.

        Raises:
            ConfigurationError: There is no such file, or it is not a regular one.
            IntegrityError: It was written to meanwhile.
        """
        try:
            resolved = str(Path(path).resolve(strict=True))
            file = open_regular(resolved)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{str(path)[:200]!r} cannot be published: {_reason(error)}",
                setting="path",
                hint="name a regular file that this process may read",
            ) from error
        with file:
            sha256 = _digest(file)
            suffix = Path(resolved).suffix.lower()
            layout = _layout_or_none(file) if suffix in FORMATS else None
            file.check_unchanged()
            return cls(
                path=resolved,
                size_bytes=file.size_bytes,
                modified_ns=file.modified_ns,
                sha256=sha256,
                media_type=MEDIA_TYPES.get(suffix, OCTET_STREAM),
                layout=layout,
                watermark=watermark,
            )

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms in which it can be delivered."""
        if self.layout is None:
            return ("file",)
        return ("file", "table") if self.watermark is None else ("table",)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns; empty when it is no table."""
        return tuple(column.name for column in self.layout.columns) if self.layout else ()

    def open(self) -> PublishedFile:
        """Open the file; the caller closes it.

        Raises:
            IntegrityError: It is gone, is something else, or was written to since publication.
        """
        return open_published(self.path, size_bytes=self.size_bytes, modified_ns=self.modified_ns)


class HttpSource(SourceValue):
    """A URL of the provider that is fetched for each request and passed on.

    Attributes:
        url: Where the bytes come from; the consumer never learns it.
        headers: The provider's own headers for it, credentials included; never part of ``repr``
            and never sent to a consumer.
        media_type: What consumers are told; the upstream's own word is not passed on.
    """

    kind: Literal["http"] = "http"
    url: str = Field(repr=False, max_length=4_096)
    headers: dict[str, str] = Field(default={}, repr=False)
    media_type: str = OCTET_STREAM

    @classmethod
    def at(
        cls,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        media_type: str = OCTET_STREAM,
    ) -> Self:
        """Name a URL in order to publish it; nothing is fetched.

        Args:
            url: Whether it may be called is the egress guard's to say.
            headers: Headers to send there, for example ``Authorization``.
            media_type: What its bytes are.

        Raises:
            ConfigurationError: URL, header or media type is malformed.
        """
        check_url(url)
        check_headers(headers or {})
        if not _MEDIA_TYPE.fullmatch(media_type):
            raise ConfigurationError(f"No media type: {media_type!r}", setting="media_type")
        return cls(url=url, headers=dict(headers or {}), media_type=media_type)

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms in which it can be delivered."""
        return ("file",)


AnySource = FileSource | HttpSource | ApiSource

_SOURCES: Final[TypeAdapter[AnySource]] = TypeAdapter(
    Annotated[AnySource, Field(discriminator="kind")]
)


def read_source(document: Mapping[str, Any]) -> AnySource:
    """Read a source that was kept as JSON.

    Raises:
        ConfigurationError: It is not one.
    """
    try:
        return _SOURCES.validate_python(dict(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        pointer = "".join(f"/{part}" for part in first["loc"])
        raise ConfigurationError(
            f"A stored source is malformed at {pointer or '/'}: {first['msg']}", setting="source"
        ) from error


def _digest(file: PublishedFile) -> str:
    digest = hashlib.sha256()
    for offset in range(0, file.size_bytes, _HASH_BYTES):
        digest.update(file.read_at(offset, min(_HASH_BYTES, file.size_bytes - offset)))
    # Files that the kernel makes up have no size, and yet content.
    if file.has_more_than(file.size_bytes):
        raise IntegrityError(
            "a file to be published is longer than it says",
            expected=f"{file.size_bytes} bytes",
            found="more",
            hint="wait until it is written, then publish it",
        )
    return digest.hexdigest()


def _layout_or_none(file: PublishedFile) -> TableLayout | None:
    try:
        return read_layout(file)
    except ConfigurationError:
        return None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else str(error)
