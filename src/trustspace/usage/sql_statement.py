"""Reading a query before it runs: one SELECT over the governed views, and nothing beside it.

The database's own parser gives the tree, so there is no second grammar that could understand a
query otherwise. The tree is held against allow-lists: kinds of nodes, tables, functions. What is
not known is refused, also when a later version of the database brings it.

Example::

    text = "select grade, avg(price) from roses group by 1"
    statement = read_statement(connection, text, {"roses"})
    statement.columns  # frozenset({'grade', 'price'})
    read_statement(connection, "select * from read_csv('/etc/passwd')", {"roses"})
    # PolicyDeniedError: a query over governed data may not call read_csv
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyDeniedError, PolicyError
from trustspace.usage.sql_functions import FUNCTIONS, TABLE_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from duckdb import DuckDBPyConnection

MAX_CHARACTERS = 100_000
"""Longest query."""

_NODES = """
    SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE
    BASE_TABLE SUBQUERY JOIN EMPTY EMPTY_FROM EXPRESSION_LIST TABLE_FUNCTION PIVOT
    ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER
    COLUMN_REF STAR POSITIONAL_REFERENCE VALUE_CONSTANT VALUE_PARAMETER VALUE_DEFAULT
    FUNCTION LAMBDA LAMBDA_REF CASE_EXPR OPERATOR_CAST TYPE COLLATE
    CONJUNCTION_AND CONJUNCTION_OR
    OPERATOR_NOT OPERATOR_COALESCE OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_NULLIF
    OPERATOR_TRY OPERATOR_UNPACK
    STRUCT_EXTRACT ARRAY_EXTRACT ARRAY_SLICE ARRAY_CONSTRUCTOR ARROW GROUPING_FUNCTION
    ORDER_DEFAULT ASCENDING DESCENDING
"""

NODES: frozenset[str] = frozenset(_NODES.split())
"""Kinds of nodes that a query may hold; beside them those that begin as in `FAMILIES`."""

WHOLE = frozenset({"STAR", "POSITIONAL_REFERENCE", "PIVOT"})
"""Kinds of nodes that may mean any column."""

FAMILIES = ("COMPARE_", "WINDOW_")
"""Comparisons and window functions, which have a kind each."""


@dataclass(frozen=True)
class Statement:
    """A query that may run.

    Attributes:
        text: As it was written.
        tables: The views that it names, in lower case.
        columns: Every name that may be a column of theirs, in lower case; None when it asks for
            all of them.
    """

    text: str
    tables: frozenset[str]
    columns: frozenset[str] | None


def read_statement(connection: DuckDBPyConnection, text: str, views: Collection[str]) -> Statement:
    """Read a query and hold it against what a query over governed data may do.

    Args:
        connection: A database, whose parser is used.
        text: The query.
        views: Names of the views there are.

    Raises:
        PolicyError: It is no SQL, code ``sql.syntax``, or too long, ``sql.limit``.
        PolicyDeniedError: It is not one SELECT over the views, or calls what is not allowed.
    """
    tree = _tree(connection, text)
    known = {name.lower() for name in views}
    defined: set[str] = set()
    named: list[str] = []
    columns: set[str] = set()
    whole = False
    for node in _nodes(tree):
        kind = _kind(node)
        _check_function(node, kind)
        if "cte_map" in node:
            defined |= {each["key"].lower() for each in node["cte_map"].get("map", ())}
        if kind == "BASE_TABLE":
            named.append(_table(node))
        whole |= kind in WHOLE or node.get("ref_type") == "NATURAL"
        columns |= {str(name).lower() for name in node.get("column_names", ())}
        columns |= {str(name).lower() for name in node.get("using_columns", ())}
    for name in named:
        if name.lower() not in known | defined:
            raise _refused(
                f"there is no view {name!r}", hint=f"there are: {', '.join(sorted(views))}"
            )
    # A view that is selected as a whole row (`select roses from roses`) is named like a column.
    whole |= not columns.isdisjoint(known)
    tables = frozenset(name.lower() for name in named) & known
    return Statement(text, tables, None if whole else frozenset(columns))


def _tree(connection: DuckDBPyConnection, text: str) -> dict[str, Any]:
    if len(text) > MAX_CHARACTERS:
        raise PolicyError(
            f"a query has at most {MAX_CHARACTERS} characters, found {len(text)}", code="sql.limit"
        )
    rows = connection.execute("select json_serialize_sql(?::varchar)", [text]).fetchall()
    read: dict[str, Any] = json.loads(rows[0][0])
    if read.get("error"):
        because = str(read.get("error_message", "it cannot be read"))
        if read.get("error_type") == "not implemented":
            raise _refused("a query over governed data is a SELECT")
        raise PolicyError(f"the query is no SQL: {because}", code="sql.syntax")
    statements = read["statements"]
    if len(statements) != 1:
        raise _refused(f"a query over governed data is one SELECT, found {len(statements)}")
    return dict(statements[0])


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Yield every object of the tree, however deep, but nothing within a constant."""
    waiting: list[object] = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            if item.get("class") != "CONSTANT":
                waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _kind(node: dict[str, Any]) -> str:
    """Return the kind of a node, empty for what is none, such as a sample's size."""
    kind = node.get("type")
    if not isinstance(kind, str):
        return ""
    if kind not in NODES and not kind.startswith(FAMILIES):
        raise _refused(f"a query over governed data may not hold {kind}")
    return kind


def _check_function(node: dict[str, Any], kind: str) -> None:
    if kind == "TABLE_FUNCTION":
        called = node["function"].get("function_name", "")
        if str(called).lower() not in TABLE_FUNCTIONS:
            raise _refused(f"a query over governed data may not read from {called}")
        return
    called = node.get("function_name")
    if called is None:
        return
    path = node.get("qualified_name", {}).get("path", [])
    if str(called).lower() not in FUNCTIONS | TABLE_FUNCTIONS or len(path) > 1:
        raise _refused(f"a query over governed data may not call {'.'.join(path) or called}")


def _table(node: dict[str, Any]) -> str:
    path = node.get("qualified_name", {}).get("path") or [node.get("table_name", "")]
    if len(path) != 1:
        raise _refused(
            f"there is no view {'.'.join(path)!r}", hint="name the view without a schema"
        )
    return str(path[0])


def _refused(message: str, *, hint: str = "") -> PolicyDeniedError:
    return PolicyDeniedError(message, code="sql.refused", hint=hint)
