"""The database finds what the query means, page by page, whatever comes and goes meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trustspace.dsp.catalog_query import OPERATORS, CatalogQuery, Criterion, Described, matches
from trustspace.store.catalogue_search import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.conftest import Maker

    from trustspace.store import Store, Transaction

WORDS = ("roses", "Roses", "rose", "玫瑰", "a_b", "a%b", "a\\b", "x'; drop table datasets; --", "")
TIMES = tuple(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(3))


def put(store: Store, make: Maker, name: str, **columns: Any) -> None:
    store.write_sync(lambda tx: tx.datasets.put("garden", make.dataset(name, **columns)))


@pytest.fixture(scope="module")
def shelf() -> list[dict[str, Any]]:
    """Datasets that differ in everything a query can ask for."""
    return [
        {
            "name": f"{word}{number}",
            "title": word,
            "description": WORDS[number % len(WORDS)] + " and more",
            "creator": WORDS[(number * 3) % len(WORDS)],
            "keywords": tuple(w for w in (word, WORDS[(number * 5) % len(WORDS)]) if w),
            "media_type": ("text/csv", "application/json")[number % 2],
            "size_bytes": (None, number)[number % 3 > 0],
            "published_at": TIMES[number % 3],
        }
        for number, word in enumerate(WORDS * 2)
    ]


def described(columns: dict[str, Any]) -> Described:
    return Described(
        id=columns["name"],
        title=columns["title"],
        description=columns["description"],
        creator=columns["creator"],
        media_type=columns["media_type"],
        keywords=columns["keywords"],
        byte_size=columns["size_bytes"],
        modified=columns["published_at"],
    )


@st.composite
def criteria(draw: st.DrawFn) -> Criterion:
    field = draw(st.sampled_from([name for name in OPERATORS if name != "format"]))
    op: Any = draw(st.sampled_from(OPERATORS[field]))
    text = st.sampled_from(WORDS) | st.text("aRr%_\\'\n玫", max_size=4)
    if field == "byteSize":
        return Criterion(field, op, draw(st.integers(0, 20)))
    if field == "modified":
        return Criterion(field, op, draw(st.sampled_from(TIMES)))
    if op == "in":
        return Criterion(field, op, draw(st.tuples(text, text)))
    return Criterion(field, op, draw(text))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=150,
    deadline=None,
)
@given(data=st.data())
def test_the_database_finds_what_the_query_means(
    store: Store, make: Maker, shelf: list[dict[str, Any]], data: st.DataObject
) -> None:
    if store.read_sync(lambda tx: tx.datasets.count("garden")) == 0:
        for columns in shelf:
            put(store, make, **columns)
    query = CatalogQuery(criteria=tuple(data.draw(st.lists(criteria(), max_size=3))))
    found = store.read_sync(
        lambda tx: tx.datasets.search("garden", query, 99, policies=[make.policy_digest])
    )
    expected = sorted(c["name"] for c in shelf if matches(query, described(c)))
    assert [row.id for row in found] == expected


@pytest.mark.parametrize("sort", ["id", "title", "modified"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_in_every_order_and_both_directions(
    store: Store, make: Maker, shelf: list[dict[str, Any]], sort: Any, descending: bool
) -> None:
    for columns in shelf:
        put(store, make, **columns)
    query = CatalogQuery(sort=sort, descending=descending)

    def value(row: Any) -> Any:
        return {"id": row.id, "title": row.title, "modified": row.published_at}[sort]

    def page(place: Place | None, limit: int = 5) -> tuple[Any, ...]:
        return store.read_sync(
            lambda tx: tx.datasets.search(
                "garden", query, limit, policies=[make.policy_digest], place=place
            )
        )

    everything = page(None, 99)
    assert [*everything] == sorted(
        everything, key=lambda row: (value(row), row.id), reverse=descending
    )
    forward = [page(None)]
    while forward[-1]:
        forward.append(page(Place(value(forward[-1][-1]), forward[-1][-1].id)))
    assert [row for rows in forward for row in rows] == [*everything]
    backward = page(Place(value(forward[2][0]), forward[2][0].id, is_end=True))
    assert backward == forward[1]


def test_what_comes_and_goes_repeats_and_hides_nothing(store: Store, make: Maker) -> None:
    for number in range(10):
        put(store, make, f"d{number}")

    def page(after: str) -> list[str]:
        found = store.read_sync(
            lambda tx: (
                tx.datasets.search(
                    "garden",
                    CatalogQuery(),
                    3,
                    policies=[make.policy_digest],
                    place=Place("", after),
                )
                if not after
                else tx.datasets.search(
                    "garden",
                    CatalogQuery(),
                    3,
                    policies=[make.policy_digest],
                    place=Place(after, after),
                )
            )
        )
        return [row.id for row in found]

    seen = page("")
    put(store, make, "d0a")
    store.write_sync(lambda tx: tx.datasets.withdraw("garden", "d2", now=make.now))
    store.write_sync(lambda tx: tx.datasets.withdraw("garden", "d4", now=make.now))
    seen += page(seen[-1])
    seen += page(seen[-1])
    assert seen == ["d0", "d1", "d2", "d3", "d5", "d6", "d7", "d8", "d9"]


def test_offset_counts_what_meets_the_query(store: Store, make: Maker) -> None:
    other = store.write_sync(lambda tx: tx.policies.put("garden", {"other": True}))
    for number in range(6):
        digest = other if number % 2 else make.policy_digest
        put(store, make, f"d{number}", policy_digest=digest)
    found = store.read_sync(
        lambda tx: tx.datasets.search(
            "garden", CatalogQuery(offset=1), 9, policies=[make.policy_digest]
        )
    )
    assert [row.id for row in found] == ["d2", "d4"]
    nothing = store.read_sync(
        lambda tx: tx.datasets.search("garden", CatalogQuery(), 9, policies=[])
    )
    assert nothing == ()


# --- changes ---------------------------------------------------------------------------------


def test_every_change_has_a_number_of_its_own(store: Store, make: Maker) -> None:
    def look(query: Callable[[Transaction], Any]) -> Any:
        return store.read_sync(query)

    other = store.write_sync(lambda tx: tx.policies.put("garden", {"other": True}))
    assert look(lambda tx: tx.datasets.revision("garden")) == 0
    put(store, make, "a")
    put(store, make, "b")
    put(store, make, "a", policy_digest=other)
    assert look(lambda tx: tx.datasets.revision("garden")) == 3
    changed = look(lambda tx: tx.datasets.changed("garden", 0, 9, until=3))
    assert [(row.id, row.revision, row.added_revision) for row in changed] == [
        ("b", 2, 2),
        ("a", 3, 1),
    ]
    assert {
        row.digest: row.revision for row in look(lambda tx: tx.datasets.distinct_policies("garden"))
    } == {make.policy_digest: 3, other: 3}
    store.write_sync(lambda tx: tx.datasets.withdraw("garden", "b", now=make.now))
    put(store, make, "b")
    rows = look(lambda tx: tx.datasets.changed("garden", 0, 9, until=99))

    def offered(revision: int) -> Any:
        return look(lambda tx: tx.datasets.offered_at("garden", rows, revision))

    at = [offered(revision) for revision in range(6)]
    mine = make.policy_digest
    assert at == [
        {},
        {"a": mine},
        {"a": mine, "b": mine},
        {"a": other, "b": mine},
        {"a": other},
        {"a": other, "b": mine},
    ]


def test_what_stayed_the_same_is_known(store: Store, make: Maker) -> None:
    put(store, make, "a")
    put(store, make, "b")

    def unchanged(revision: int, *policies: str) -> bool:
        return store.read_sync(lambda tx: tx.datasets.has_unchanged("garden", policies, revision))

    assert unchanged(1, make.policy_digest)
    assert not unchanged(0, make.policy_digest)
    assert not unchanged(1)
    put(store, make, "a", title="new")
    assert not unchanged(1, make.policy_digest)
