from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import bindparam, create_engine, insert, literal, select, update
from sqlalchemy.dialects import postgresql

from trustspace.store import tables
from trustspace.store.statement import Statement, _Compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_t = tables.idempotency

PUT = Statement(insert(_t))
ROW = Statement(select(_t).where(_t.c.key == bindparam("key")).limit(1))
KEYS = Statement(select(_t.c.key).order_by(_t.c.key))
CHANGE = Statement(update(_t).where(_t.c.key == bindparam("p_key")).values(status=_t.c.status + 1))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as opened:
        tables.metadata.create_all(opened, [tables.participants, _t])
        yield opened
    engine.dispose()


def put(connection: Connection, key: str, body: Any) -> int:
    values = {
        "participant": "garden",
        "key": key,
        "request_digest": "sha256:0",
        "status": 200,
        "body": body,
        "expires_at": NOW,
    }
    return PUT.run(connection, values).rowcount


def test_values_are_stored_and_read_as_sqlalchemy_does(connection: Connection) -> None:
    assert put(connection, "a", {"b": [1, "é"]}) == 1
    ours = ROW.run(connection, {"key": "a"}).mapping()
    assert ours is not None
    assert (ours["body"], ours["expires_at"]) == ({"b": [1, "é"]}, NOW)
    theirs = connection.execute(select(_t)).mappings().one()
    assert dict(theirs) == ours


def test_rows_are_told_in_every_way(connection: Connection) -> None:
    none = KEYS.run(connection, {})
    assert (none.first(), none.scalar(), none.mapping(), none.mappings()) == (None, None, None, [])
    put(connection, "b", None)
    put(connection, "a", None)
    found = KEYS.run(connection, {})
    assert [*found] == found.all() == [("a",), ("b",)]
    assert found.first() == ("a",)
    assert found.scalar() == "a"
    assert found.scalars() == ["a", "b"]
    assert found.mappings() == [{"key": "a"}, {"key": "b"}]


def test_it_tells_how_many_rows_changed(connection: Connection) -> None:
    put(connection, "a", None)
    assert CHANGE.run(connection, {"p_key": "a"}).rowcount == 1
    assert CHANGE.run(connection, {"p_key": "b"}).rowcount == 0
    row = ROW.run(connection, {"key": "a"}).mapping()
    assert row is not None
    assert row["status"] == 201


def test_what_is_not_given_is_missed(connection: Connection) -> None:
    with pytest.raises(KeyError):
        CHANGE.run(connection, {})


def test_a_list_of_values_is_refused(connection: Connection) -> None:
    statement = Statement(select(_t).where(_t.c.key.in_(bindparam("keys", expanding=True))))
    with pytest.raises(TypeError, match="compiled anew"):
        statement.run(connection, {"keys": ["a"]})


def test_named_parameters_are_given_by_name() -> None:
    sent: list[Any] = []

    class Cursor:
        rowcount = -1

        def execute(self, text: str, parameters: Any) -> None:
            sent.append((text, parameters))

        def fetchall(self) -> list[tuple[str]]:
            return [("a",)]

        def close(self) -> None:
            sent.append("closed")

    class Driver:
        cursor = Cursor

    class Connected:
        connection = Driver()

    source = select(_t.c.key).where(_t.c.expires_at > bindparam("now"), literal(2) > 1).limit(5)
    compiled = _Compiled(source, postgresql.dialect(), ("now",))
    assert [*compiled.run(Connected(), {"now": NOW})] == [("a",)]  # type: ignore[arg-type]
    text, parameters = sent[0]
    assert "%(now)s" in text
    assert parameters["now"] == 1772323200000000
    assert 5 in parameters.values()
    assert sent[1:] == ["closed"]
