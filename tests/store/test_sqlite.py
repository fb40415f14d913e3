import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from trustspace.errors import ConfigurationError, StoreError
from trustspace.store.sqlite import DatabaseFile

REFUSED = {
    "postgresql://localhost/db": "SQLite",
    "mysql+pymysql://u:secret@localhost/db": "SQLite",
    "sqlite://": "needs a file",
    "sqlite:///:memory:": "needs a file",
    "sqlite:///file:x?mode=memory": "options",
    "sqlite:///file:x": "needs a file",
    "store.db": "cannot be read",
}


@pytest.mark.parametrize(("url", "words"), REFUSED.items())
def test_only_the_url_of_a_file_is_taken(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        DatabaseFile.from_url(url)
    assert caught.value.setting == "store.url"
    assert "sqlite:///" in caught.value.hint
    assert "secret" not in str(caught.value)


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert DatabaseFile.from_url("sqlite:///x.db").path == tmp_path / "x.db"


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    file = DatabaseFile(tmp_path / "x.db")
    assert file.is_empty()
    file.create()
    assert file.is_empty()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file") as caught:
        DatabaseFile(tmp_path / "no" / "x.db").create()
    assert "directory" in caught.value.hint


def test_the_pragmas_are_set(tmp_path: Path) -> None:
    file = DatabaseFile(tmp_path / "x.db")
    writer = file.writer(synchronous="FULL", busy_seconds=1.5)
    with writer.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 1500,
    }
    writer.dispose()
    readers = file.readers(connections=1, busy_seconds=1.5)
    with readers.connect() as connection:
        assert connection.execute(text("PRAGMA query_only")).scalar() == 1
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 1500
    readers.dispose()


def test_a_savepoint_is_undone_alone_and_tables_too(tmp_path: Path) -> None:
    engine = DatabaseFile(tmp_path / "x.db").writer(synchronous="NORMAL", busy_seconds=1)
    with engine.connect() as connection:
        with connection.begin() as outer:
            connection.execute(text("create table t (x integer)"))
            connection.execute(text("insert into t values (1)"))
            savepoint = connection.begin_nested()
            connection.execute(text("insert into t values (2)"))
            savepoint.rollback()
            assert connection.execute(text("select x from t")).scalars().all() == [1]
            outer.rollback()
        with connection.begin():
            assert connection.execute(text("select count(*) from sqlite_master")).scalar() == 0
    engine.dispose()


@pytest.mark.parametrize("name", ["x y.db", "50%.db", "q?.db", "h#.db", "ü.db"])
def test_looking_changes_nothing_whatever_the_name(tmp_path: Path, name: str) -> None:
    file = DatabaseFile(tmp_path / name)
    engine = file.writer(synchronous="FULL", busy_seconds=1)
    with engine.begin() as connection:
        connection.execute(text("create table t (x integer)"))
    engine.dispose()
    before = file.path.read_bytes()
    with file.looking(busy_seconds=1) as connection:
        assert connection.execute(text("select count(*) from t")).scalar() == 0
    assert file.path.read_bytes() == before
    assert [entry.name for entry in Path(tmp_path).iterdir()] == [name]


def test_looking_sees_what_is_only_in_the_log(tmp_path: Path) -> None:
    file = DatabaseFile(tmp_path / "x.db")
    engine = file.writer(synchronous="FULL", busy_seconds=1)
    with engine.connect() as connection:
        with connection.begin():
            connection.execute(text("create table t (x integer)"))
        with file.looking(busy_seconds=1) as other:
            assert other.execute(text("select count(*) from t")).scalar() == 0
    engine.dispose()
