"""How the store writes instants and documents, the same on SQLite and PostgreSQL.

Instants are whole microseconds since 1970-01-01T00:00:00Z in a 64-bit integer: exact, sortable, and
free of a database's own idea of time zones. Documents are text in canonical form (RFC 8785), so
that a digest of what is stored is the digest of the document.

Example::

    Table("t", MetaData(), Column("at", Instant), Column("body", Document))
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from trustspace.model.value import canonical

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(instant: datetime) -> int:
    """Return an aware instant as whole microseconds since the epoch.

    Raises:
        ValueError: The instant has no time zone.
    """
    if instant.tzinfo is None:
        msg = f"an instant needs a time zone: {instant.isoformat()}"
        raise ValueError(msg)
    return (instant - EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """Return microseconds since the epoch as an instant in UTC."""
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """A point in time, kept as microseconds since the epoch."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = BigInteger
    cache_ok: bool | None = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy names it
    ) -> int | None:
        """Write an instant."""
        return None if value is None else to_microseconds(value)

    def process_result_value(
        self,
        value: int | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy names it
    ) -> datetime | None:
        """Read an instant."""
        return None if value is None else from_microseconds(value)


class Document(TypeDecorator[Any]):
    """A JSON value, kept as canonical text."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok: bool | None = True

    def process_bind_param(
        self,
        value: Any | None,  # noqa: ANN401 - any JSON value
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy names it
    ) -> str | None:
        """Write a document."""
        return None if value is None else canonical(value).decode()

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy names it
    ) -> Any | None:  # noqa: ANN401 - any JSON value
        """Read a document."""
        return None if value is None else json.loads(value)


class Words(TypeDecorator[tuple[str, ...]]):
    """A sequence of strings, kept as a canonical JSON array."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok: bool | None = True

    def process_bind_param(
        self,
        value: Sequence[str] | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy names it
    ) -> str:
        """Write the strings."""
        return canonical(list(value or ())).decode()

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy names it
    ) -> tuple[str, ...]:
        """Read the strings."""
        return tuple(json.loads(value or "[]"))


class Lines(TypeDecorator[tuple[str, ...]]):
    """Strings without line ends, one a line, so that one of them can be sought with its ends."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok: bool | None = True

    def process_bind_param(
        self,
        value: Sequence[str] | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy names it
    ) -> str:
        """Write the strings."""
        return "".join(f"\n{item}" for item in value) + "\n" if value else ""

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy names it
    ) -> tuple[str, ...]:
        """Read the strings."""
        return tuple((value or "").split("\n")[1:-1])
