from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trustspace.errors import NotFoundError, StoreError
from trustspace.model.value import canonical

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.store.conftest import Maker

    from trustspace.store import EventRow, Store, Transaction


def test_events_are_numbered_and_kept_canonically(store: Store, make: Maker) -> None:
    body = {"b": 1, "a": ["ü", None, 1.0]}
    for number in (1, 2, 3):
        assert (
            store.write_sync(
                lambda tx: tx.events.append("garden", "dataset.published", body, now=make.now)
            )
            == number
        )
    store.write_sync(lambda tx: tx.events.append("bank", "x", {}, now=make.now))
    first, *_ = rows = store.read_sync(lambda tx: tx.events.after("garden", 0, 10))
    assert [(row.participant, row.seq) for row in rows] == [("garden", n) for n in (1, 2, 3)]
    assert first.kind == "dataset.published"
    assert first.at == make.now
    assert first.canonical == '{"a":["ü",null,1],"b":1}' == canonical(body).decode()
    assert first.body == json.loads(first.canonical)
    assert [row.seq for row in store.read_sync(lambda tx: tx.events.after("garden", 1, 1))] == [2]
    assert store.read_sync(lambda tx: tx.events.last("garden")) == 3
    assert store.read_sync(lambda tx: tx.events.last("nobody")) == 0


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": 2**60}, {"x": object()}])
def test_a_body_that_has_no_canonical_form_is_refused(
    store: Store, make: Maker, body: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        store.write_sync(lambda tx: tx.events.append("garden", "x", body, now=make.now))
    assert not isinstance(caught.value, StoreError)
    assert store.read_sync(lambda tx: tx.events.last("garden")) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    plan=st.lists(
        st.tuples(st.sampled_from(["garden", "bank", "nobody"]), st.integers(0, 3), st.booleans()),
        max_size=20,
    )
)
def test_numbers_have_no_gap_whatever_fails_beside(store: Store, make: Maker, plan: Any) -> None:
    def rows_of(name: str) -> tuple[EventRow, ...]:
        return store.read_sync(lambda tx: tx.events.after(name, 0, 100_000))

    before = {name: len(rows_of(name)) for name in ("garden", "bank")}

    def hop_of(name: str, count: int, *, fails: bool) -> Any:
        def hop(tx: Transaction) -> Any:
            for _ in range(count):
                tx.events.append(name, "x", {}, now=make.now)
            if fails:
                raise LookupError
            return count

        return hop

    async def run() -> Any:
        return await asyncio.gather(
            *(store.write(hop_of(name, count, fails=fails)) for name, count, fails in plan),
            return_exceptions=True,
        )

    outcomes = asyncio.run(run())
    for (name, count, fails), outcome in zip(plan, outcomes, strict=True):
        if name == "nobody" and count:
            assert isinstance(outcome, NotFoundError)
        else:
            assert isinstance(outcome, LookupError) if fails else outcome == count
    for name, last in before.items():
        rows = rows_of(name)
        assert [row.seq for row in rows] == [*range(1, len(rows) + 1)]
        written = sum(count for step, count, fails in plan if step == name and not fails)
        assert len(rows) == last + written


@pytest.mark.anyio
async def test_two_stores_on_one_file_share_the_numbers(
    opened: Callable[..., Store], make: Maker
) -> None:
    stores = [opened(), opened()]
    numbers = await asyncio.gather(
        *(
            stores[number % 2].write(lambda tx: tx.events.append("garden", "x", {}, now=make.now))
            for number in range(60)
        )
    )
    assert sorted(numbers) == [*range(1, 61)]
