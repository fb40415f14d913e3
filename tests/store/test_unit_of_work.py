from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import exc

from trustspace.errors import ConflictError, NotFoundError, StoreError
from trustspace.store.unit_of_work import store_error


def failure(kind: type[exc.DBAPIError], name: str, code: int) -> exc.DBAPIError:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorname = name
    error.sqlite_errorcode = code
    return kind("select secret", {"p": "secret"}, error)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SQLITE_BUSY", "another process"),
        ("SQLITE_BUSY_SNAPSHOT", "another process"),
        ("SQLITE_FULL", "free space"),
        ("SQLITE_READONLY_DBMOVED", "Store.write"),
        ("SQLITE_CORRUPT_INDEX", "backup"),
        ("SQLITE_CANTOPEN_ISDIR", "directory"),
        ("SQLITE_IOERR_WRITE", ""),
    ],
)
def test_a_failing_database_has_a_hint(name: str, hint: str) -> None:
    error = store_error(failure(exc.OperationalError, name, 5))
    assert type(error) is StoreError
    assert "what SQLite says" in str(error)
    assert "secret" not in str(error)
    assert hint in error.hint
    assert bool(error.hint) == bool(hint)


def test_broken_constraints_are_told_apart() -> None:
    missing = failure(exc.IntegrityError, "SQLITE_CONSTRAINT_FOREIGNKEY", 787)
    taken = failure(exc.IntegrityError, "SQLITE_CONSTRAINT_PRIMARYKEY", 1555)
    assert isinstance(store_error(missing), NotFoundError)
    assert isinstance(store_error(taken), ConflictError)


def test_whatever_else_fails_is_a_store_error_too() -> None:
    assert "no time zone" in str(
        store_error(exc.StatementError("m", "s", {}, ValueError("no time zone")))
    )
    assert "closed" in str(store_error(exc.ResourceClosedError("closed")))
