from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConflictError, NotFoundError
from trustspace.model.participant import Role
from trustspace.store import AgreementRow, AgreementState

if TYPE_CHECKING:
    from typing import Any

    from tests.store.conftest import Maker

    from trustspace.store import Store, Transaction


def insert(store: Store, *rows: AgreementRow, participant: str = "garden") -> None:
    def hop(tx: Transaction) -> None:
        for row in rows:
            tx.agreements.insert(participant, row)

    store.write_sync(hop)


def test_an_agreement_is_kept_and_found(store: Store, make: Maker) -> None:
    row = make.agreement()
    insert(store, row)
    expected = make.agreement(updated_at=make.now)
    assert store.read_sync(lambda tx: tx.agreements.get("garden", "a1")) == expected
    assert store.read_sync(lambda tx: tx.agreements.of_negotiation("garden", "n-a1")) == expected
    assert store.read_sync(lambda tx: tx.agreements.of_dataset("garden", "roses")) == (expected,)
    assert store.read_sync(lambda tx: tx.agreements.get("garden", "x")) is None
    assert store.read_sync(lambda tx: tx.agreements.of_negotiation("garden", "x")) is None
    assert store.read_sync(lambda tx: tx.agreements.get("bank", "a1")) is None

    def get(role: Role) -> Any:
        return store.read_sync(lambda tx: tx.agreements.get("garden", "a1", role=role))

    assert get(Role.PROVIDER) == expected
    assert get(Role.CONSUMER) is None


def test_an_id_is_taken_once_and_a_row_has_one_owner(store: Store, make: Maker) -> None:
    insert(store, make.agreement())
    with pytest.raises(ConflictError, match="taken"):
        insert(store, make.agreement())
    with pytest.raises(ConflictError, match="belongs"):
        insert(store, make.agreement("a2"), participant="bank")
    insert(store, make.agreement(participant="bank"), participant="bank")


def test_an_agreement_ends_once_and_the_first_reason_stands(store: Store, make: Maker) -> None:
    insert(store, make.agreement())

    def end(agreement_id: str, state: Any, reason: str) -> Any:
        return store.write_sync(
            lambda tx: tx.agreements.end(
                "garden", agreement_id, state, reason=reason, now=make.later(days=1)
            )
        )

    ended = end("a1", AgreementState.REVOKED, "misuse")
    assert (ended.state, ended.reason, ended.updated_at) == (
        AgreementState.REVOKED,
        "misuse",
        make.later(days=1),
    )
    with pytest.raises(ConflictError, match="REVOKED already"):
        end("a1", AgreementState.EXPIRED, "late")
    assert store.read_sync(lambda tx: tx.agreements.get("garden", "a1")) == ended
    with pytest.raises(NotFoundError, match="'a9'"):
        end("a9", AgreementState.EXPIRED, "")
    with pytest.raises(ValueError, match="back in force"):
        end("a1", AgreementState.FINALIZED, "")


def test_agreements_are_listed_newest_first_by_state_and_role(store: Store, make: Maker) -> None:
    insert(
        store,
        *(make.agreement(f"a{number}", signed_at=make.later(days=number)) for number in range(5)),
        make.agreement("c", role=Role.CONSUMER),
    )
    store.write_sync(
        lambda tx: tx.agreements.end(
            "garden", "a3", AgreementState.EXPIRED, reason="", now=make.now
        )
    )

    def listed(**options: Any) -> Any:
        page = store.read_sync(lambda tx: tx.agreements.list("garden", **options))
        return [row.id for row in page.items], page.cursor

    first, cursor = listed(limit=4)
    second, end = listed(limit=4, cursor=cursor)
    assert (first + second, end) == (["a4", "a3", "a2", "a1", "c", "a0"], None)
    assert listed(state=AgreementState.EXPIRED) == (["a3"], None)
    assert listed(role=Role.CONSUMER) == (["c"], None)
