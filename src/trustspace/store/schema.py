"""Which schema a database has, and how it gets the one that this version knows.

An empty database gets today's tables at once; one of an earlier revision is migrated by alembic
(its scripts are package data, `trustspace.store.migrations`), which is imported only then. A
database of a revision that this version does not know, or of another program, is refused before a
byte is written. That today's tables and the migrated ones are the same is a test.

Example::

    with file.looking(busy_seconds=5.0) as connection:
        revision = check(connection)     # StoreError: of a newer version
    if revision != HEAD:
        with engine.begin() as connection:
            prepare(connection)
"""

from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
)

from trustspace.errors import StoreError
from trustspace.store.tables import metadata

REVISIONS: Final = ("0001",)
"""Every revision there has been, the oldest first."""

HEAD: Final = REVISIONS[-1]
"""The revision of `trustspace.store.tables`."""

EMPTY: Final = ""
"""Stands for a database without tables."""

UNMIGRATED: Final = "base"
"""Stands for a database in which alembic has begun and not finished its first migration."""

_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    # As alembic itself names it.
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def check(connection: Connection) -> str:
    """Return the revision of a database.

    Returns:
        One of `REVISIONS`, `EMPTY` or `UNMIGRATED`.

    Raises:
        StoreError: It is of a newer version, or not ours.
    """
    names = inspect(connection).get_table_names()
    if _version.name not in names:
        if names:
            raise StoreError(
                "the database holds tables of another program", hint="give another path"
            )
        return EMPTY
    found: str | None = connection.execute(select(_version.c.version_num)).scalar()
    if found is None:
        return UNMIGRATED
    if found not in REVISIONS:
        raise StoreError(
            f"the database has schema revision {found!r}, this version knows up to {HEAD!r}",
            hint="install the version of trustspace that last opened it",
        )
    return found


def prepare(connection: Connection) -> None:
    """Bring a database to `HEAD` within the connection's transaction.

    Raises:
        StoreError: As in `check`; someone else may have prepared it meanwhile.
    """
    found = check(connection)
    if found == HEAD:
        return
    if found == EMPTY:
        metadata.create_all(connection, checkfirst=False)
        _version.create(connection)
        connection.execute(insert(_version), {"version_num": HEAD})
        return
    migrate(connection)


def migrate(connection: Connection) -> None:
    """Run the migration scripts that a database lacks, within the connection's transaction."""
    from alembic import command  # noqa: PLC0415 - costs half a second, seldom needed
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", "trustspace.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
