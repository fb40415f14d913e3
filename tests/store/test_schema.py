from __future__ import annotations

import hashlib
import importlib
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from trustspace.errors import StoreError
from trustspace.store import Store
from trustspace.store.schema import HEAD, REVISIONS, UNMIGRATED, check, migrate, prepare
from trustspace.store.sqlite import DatabaseFile
from trustspace.store.tables import metadata

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.store.conftest import Maker


def structure(path: Path) -> Any:
    """Every table and index as SQLite describes them, whatever the order of constraints."""
    with sqlite3.connect(path) as connection:
        tables = [
            row[0]
            for row in connection.execute("select name from sqlite_master where type = 'table'")
        ]
        found = {}
        for table in sorted(tables):
            sql = connection.execute(
                "select sql from sqlite_master where type = 'table' and name = ?", [table]
            ).fetchone()[0]
            found[table] = (
                connection.execute(f"pragma table_info({table})").fetchall(),
                sorted(row[2:] for row in connection.execute(f"pragma foreign_key_list({table})")),
                sorted(
                    (row[1:], tuple(connection.execute(f"pragma index_info({row[1]})")))
                    for row in connection.execute(f"pragma index_list({table})")
                ),
                sorted(
                    row[0] or ""
                    for row in connection.execute(
                        "select sql from sqlite_master where type = 'index' and tbl_name = ?",
                        [table],
                    )
                ),
                sorted(part.strip(" ,\n\t") for part in sql.split("\n")),
            )
    connection.close()
    return found


def test_the_migrated_tables_are_todays_tables(tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path / 'made.db'}").close()
    file = DatabaseFile(tmp_path / "migrated.db")
    engine = file.writer(synchronous="NORMAL", busy_seconds=1)
    with engine.begin() as connection:
        migrate(connection)
    with engine.begin() as connection:
        assert check(connection) == HEAD
    engine.dispose()
    assert structure(tmp_path / "made.db") == structure(tmp_path / "migrated.db")


def test_the_scripts_are_modules_of_the_package(tmp_path: Path) -> None:
    engine = DatabaseFile(tmp_path / "x.db").writer(synchronous="NORMAL", busy_seconds=1)
    config = Config()
    config.set_main_option("script_location", "trustspace.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    first = importlib.import_module("trustspace.store.migrations.versions.r0001_first_tables")

    def steps(_revision: Any, _context: Any) -> Any:
        return scripts._upgrade_revs("head", "base")

    with engine.begin() as connection:
        config.attributes["connection"] = connection
        with EnvironmentContext(config, scripts, fn=steps):
            importlib.import_module("trustspace.store.migrations.env")
        assert check(connection) == HEAD == first.revision
        metadata.drop_all(connection)
        with Operations.context(MigrationContext.configure(connection)):
            first.upgrade()
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
        with pytest.raises(StoreError, match="no way back"):
            first.downgrade()
    engine.dispose()


def test_the_revisions_are_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", "trustspace.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in reversed([*scripts.walk_revisions()])) == REVISIONS
    assert scripts.get_current_head() == HEAD


def test_there_is_no_way_back_from_the_first(tmp_path: Path) -> None:
    engine = DatabaseFile(tmp_path / "x.db").writer(synchronous="NORMAL", busy_seconds=1)
    config = Config()
    config.set_main_option("script_location", "trustspace.store:migrations")
    with engine.connect() as connection:
        with connection.begin():
            migrate(connection)
        config.attributes["connection"] = connection
        with pytest.raises(StoreError, match="no way back"), connection.begin():
            command.downgrade(config, "base")
        with connection.begin():
            assert check(connection) == HEAD
    engine.dispose()


def test_an_interrupted_first_migration_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table alembic_version (version_num varchar(32) primary key)")
    connection.close()
    with DatabaseFile(path).looking(busy_seconds=1) as looking:
        assert check(looking) == UNMIGRATED
    with Store.open(f"sqlite:///{path}") as store:
        assert store.read_sync(lambda tx: tx.settings.get("", "x")) is None


def refused(path: Path, words: str) -> None:
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(StoreError, match=words) as caught:
        Store.open(f"sqlite:///{path}")
    assert caught.value.hint
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_newer_revision_is_refused_untouched(tmp_path: Path, make: Maker) -> None:
    path = tmp_path / "x.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.write_sync(lambda tx: make.host(tx, "garden"))
    with sqlite3.connect(path) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    refused(path, "revision '9999', this version knows up to '0001'")


def test_a_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table bookmarks (url text)")
    connection.close()
    refused(path, "another program")


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"not a database at all" * 200)
    refused(path, "not a database")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        Store.open(f"sqlite:///{tmp_path}")


def test_two_that_open_an_empty_database_at_once_both_succeed(tmp_path: Path) -> None:
    errors = []

    def work() -> None:
        try:
            Store.open(f"sqlite:///{tmp_path / 'x.db'}").close()
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with Store.open(f"sqlite:///{tmp_path / 'x.db'}") as store:
        assert store.read_sync(lambda tx: tx.settings.get("", "x")) is None


def test_someone_who_prepared_it_meanwhile_is_not_in_the_way(tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path / 'x.db'}").close()
    engine = DatabaseFile(tmp_path / "x.db").writer(synchronous="NORMAL", busy_seconds=1)
    with engine.begin() as connection:
        prepare(connection)
        assert connection.execute(text("select count(*) from alembic_version")).scalar() == 1
    engine.dispose()


@pytest.mark.parametrize("times", [1, 2])
def test_opening_imports_no_alembic(tmp_path: Path, times: int) -> None:
    program = (
        "import sys\n"
        "from trustspace.store import Store\n"
        f"for _ in range({times}): Store.open('sqlite:///{tmp_path / 'x.db'}').close()\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
