from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import ClauseElement

import trustspace.store
from trustspace.store import Transaction
from trustspace.store.processes import NEGOTIATIONS, TRANSFERS
from trustspace.store.statement import Statement
from trustspace.store.tables import metadata
from trustspace.store.unit_of_work import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sqlalchemy import Table

    from trustspace.store import Store

POSTGRESQL = postgresql.dialect()
SQLITE = sqlite.dialect()

REPOSITORIES = [
    member.attrname
    for member in vars(Transaction).values()
    if hasattr(member, "attrname") and isinstance(member.attrname, str)
]


def statements() -> Iterator[Any]:
    for module in pkgutil.iter_modules(trustspace.store.__path__, "trustspace.store."):
        for name, member in vars(importlib.import_module(module.name)).items():
            if name.isupper() and isinstance(member, ClauseElement | Statement):
                yield f"{module.name}.{name}", _source(member)
    for processes in (NEGOTIATIONS, TRANSFERS):
        for name, member in vars(processes).items():
            if name != "table" and isinstance(member, ClauseElement | Statement):
                yield f"{processes.subject}.{name}", _source(member)


def _source(statement: ClauseElement | Statement) -> ClauseElement:
    return statement.source if isinstance(statement, Statement) else statement


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_every_primary_key_begins_with_the_participant(table: Table) -> None:
    assert next(iter(table.primary_key.columns)).name == "participant"


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_postgresql_could_have_every_table(table: Table) -> None:
    dialect = POSTGRESQL
    assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
    for index in table.indexes:
        ddl = str(CreateIndex(index).compile(dialect=dialect))
        is_partial = index.dialect_options["sqlite"]["where"] is not None
        assert ("WHERE" in ddl) == is_partial


@pytest.mark.parametrize(("name", "statement"), [*statements()], ids=lambda value: str(value)[:60])
def test_postgresql_could_run_every_statement(name: str, statement: ClauseElement) -> None:
    if isinstance(statement, sqlite.Insert):
        # PostgreSQL has ON CONFLICT in the same words under a class of its own.
        assert str(statement.compile(dialect=SQLITE)), name
    else:
        assert str(statement.compile(dialect=POSTGRESQL)), name


def test_many_statements_were_found() -> None:
    assert len([*statements()]) > 50


@pytest.mark.parametrize("name", REPOSITORIES)
def test_every_method_takes_the_participant_first(name: str, store: Store) -> None:
    def methods(tx: Transaction) -> Any:
        repository = getattr(tx, name)
        assert isinstance(repository, Repository)
        return [
            member
            for label, member in inspect.getmembers(repository, inspect.ismethod)
            if not label.startswith("_")
        ]

    found = store.read_sync(methods)
    assert found
    for method in found:
        assert next(iter(inspect.signature(method).parameters)) == "participant", method


def test_the_transaction_has_every_repository() -> None:
    assert len(REPOSITORIES) == 21
