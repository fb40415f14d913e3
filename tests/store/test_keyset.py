from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trustspace.errors import NotFoundError

if TYPE_CHECKING:
    from trustspace.store import Store


@pytest.mark.parametrize(
    "cursor", ["", "x", "1", ".", ".a", "-1.a", "1e5.a", "²1.a", "9" * 18 + ".a"]
)
def test_a_foreign_cursor_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(NotFoundError, match="no page begins") as caught:
        store.read_sync(lambda tx: tx.negotiations.list("garden", cursor=cursor))
    assert "cursor" in caught.value.hint


@pytest.mark.parametrize("cursor", ["0.", "0.a.b", "99999999999999999.a"])
def test_a_cursor_of_the_right_form_is_only_a_place(store: Store, cursor: str) -> None:
    page = store.read_sync(lambda tx: tx.negotiations.list("garden", cursor=cursor))
    assert page.items == ()
    assert page.cursor is None
