"""A column after masking, as both engines of Polars give it."""

from __future__ import annotations

import hmac
from typing import Any

import polars as pl

from trustspace.dataplane.restriction import Restriction, restrict
from trustspace.policy.mask import parse_mask
from trustspace.policy.predicate import MaskSpec

SALT = b"agreement-bound-salt-0123456789a"


def mac(text: str, salt: bytes = SALT) -> str:
    return hmac.digest(salt, text.encode(), "sha256").hex()


def masked_column(series: pl.Series, mask: MaskSpec | str, salt: bytes = SALT) -> pl.Series:
    """The column after masking, by both engines of Polars."""
    spec = parse_mask(f"c:{mask}") if isinstance(mask, str) else mask
    query = restrict(series.alias("c").to_frame().lazy(), Restriction(masks=(spec,), salt=salt))
    column = query.collect(engine="in-memory")["c"]
    assert query.collect(engine="streaming")["c"].equals(column, null_equal=True)
    return column


def masked(series: pl.Series, method: str, salt: bytes = SALT, **params: Any) -> list[Any]:
    """The values after masking."""
    mask = MaskSpec(column="c", method=method, params=params)  # type: ignore[arg-type]
    values: list[Any] = masked_column(series, mask, salt).to_list()
    return values
