"""Column masks as Polars expressions.

``drop``
    the column does not leave.
``null``
    the column keeps its type and holds nothing.
``hash``
    HMAC-SHA256 in hex under a salt that is bound to the agreement: equal values stay equal within
    one agreement, so that tables can be joined, and are strangers between two agreements.
``partial(keep=n)``
    n characters at either end (2 when not said), four asterisks between, whatever the length; a
    value with nothing left to hide is asterisks only.

Null stays null. What is not text is hashed or cut in its canonical text: integers in digits, floats
as RFC 8785 writes numbers, decimals without trailing zeros, truth as ``true`` and ``false``, dates
and times in ISO 8601 (in UTC with ``Z`` when the column has a zone), bytes in hex. ``1``, ``1.0``
and ``"1"`` therefore hash alike. Lists and structures have no canonical text and are refused.

Example::

    expression = mask_column("phone", frame.schema["phone"], parse_mask("phone:hash"), salt=salt)
    frame.select(expression)
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any, Final

from trustspace.dataplane.data_extra import column_named, pa, pl
from trustspace.dataplane.refusal import unenforceable
from trustspace.model.value import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trustspace.policy.predicate import MaskMethod, MaskSpec

ENFORCEABLE: Final[frozenset[MaskMethod]] = frozenset({"drop", "null", "hash", "partial"})
"""Methods that can be carried out here; a decision with another one is denied."""

MIN_SALT_BYTES = 16
"""A shorter salt could be searched together with the phone number that it protects."""

DEFAULT_KEEP = 2
"""Characters that ``partial`` leaves at either end when the policy does not say."""

_HIDDEN = "****"
_BLOCK_BYTES = 64
"""Block of SHA-256, to which HMAC pads its key (RFC 2104)."""


class KeyedHash:
    """HMAC-SHA256 of many short texts under one key.

    The two halves of the key are absorbed once and copied per text, which takes 0.7 us instead of
    the 1.8 us of ``hmac.digest``.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def hex_digests(self, texts: Iterable[str | None]) -> list[str | None]:
        """Return the digest of each text; None for None."""
        inner, outer = self._inner.copy, self._outer.copy
        digests: list[str | None] = []
        for text in texts:
            if text is None:
                digests.append(None)
                continue
            first = inner()
            first.update(text.encode())
            second = outer()
            second.update(first.digest())
            digests.append(second.hexdigest())
        return digests


def mask_column(name: str, dtype: pl.DataType, mask: MaskSpec, *, salt: bytes) -> pl.Expr:
    """Return the expression that stands in for a column; ``drop`` is the caller's.

    Args:
        name: Name of the column, which the result keeps.
        dtype: Its type.
        mask: The mask.
        salt: Secret bytes bound to the agreement, at least 16; used by ``hash`` only.

    Raises:
        PolicyDeniedError: The mask cannot be carried out, code ``pep.unenforceable``.
    """
    if mask.method == "null":
        _take_parameters(mask)
        return pl.lit(None, dtype=dtype).alias(name)
    if mask.method == "hash":
        _take_parameters(mask)
        return _hashed(_canonical_text(dtype, mask), mask, salt).alias(name)
    if mask.method == "partial":
        keep = _take_parameters(mask, "keep").get("keep", DEFAULT_KEEP)
        return _partial(_canonical_text(dtype, mask), mask, keep).alias(name)
    raise _refused(mask, f"the method {mask.method!r} cannot be carried out here")


def _hashed(text: pl.Expr, mask: MaskSpec, salt: bytes) -> pl.Expr:
    if len(salt) < MIN_SALT_BYTES:
        raise _refused(mask, "the agreement has no salt")
    keyed = KeyedHash(salt)

    def digests(series: pl.Series) -> pl.Series:
        return _per_distinct_value(series, keyed.hex_digests)

    return text.map_batches(digests, return_dtype=pl.String(), is_elementwise=True)


def _partial(text: pl.Expr, mask: MaskSpec, keep: object) -> pl.Expr:
    if type(keep) is not int or keep < 0:
        raise _refused(mask, "'keep' is a number of characters")
    shortened = pl.concat_str(text.str.head(keep), pl.lit(_HIDDEN), text.str.tail(keep))
    return (
        pl.when(text.is_null())
        .then(None)
        .when(text.str.len_chars() > 2 * keep)
        .then(shortened)
        .otherwise(pl.lit(_HIDDEN))
    )


def _canonical_text(dtype: pl.DataType, mask: MaskSpec) -> pl.Expr:
    column = column_named(mask.column)
    if dtype == pl.String:
        return column
    if dtype.is_nested() or dtype in (pl.Object, pl.Unknown):
        raise _refused(mask, f"values of type {dtype} have no canonical text")
    if dtype.is_temporal():
        return _text_of_moments(column, dtype)
    if dtype.is_float():
        return column.map_batches(_texts_of_floats, return_dtype=pl.String(), is_elementwise=True)
    if dtype == pl.Binary:
        return column.bin.encode("hex")
    text = column.cast(pl.String)
    if isinstance(dtype, pl.Decimal):
        return text.str.replace(r"(\.[0-9]*?)0+$", "$1").str.replace(r"\.$", "")
    return text


def _text_of_moments(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Duration:
        return column.dt.to_string("iso")
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    shapes: dict[Any, str] = {pl.Date: "%Y-%m-%d", pl.Time: "%H:%M:%S%.f"}
    return column.dt.strftime(shapes.get(type(dtype), "%Y-%m-%dT%H:%M:%S%.f"))


def _texts_of_floats(series: pl.Series) -> pl.Series:
    return _per_distinct_value(series, lambda values: [_text_of_float(value) for value in values])


def _text_of_float(value: float) -> str:
    if math.isfinite(value):
        return canonical(value).decode()
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _per_distinct_value(
    series: pl.Series, function: Callable[[list[Any]], list[str | None]]
) -> pl.Series:
    # Arrow's dictionary costs least at every share of distinct values (10 to 100 ns a row).
    encoded = series.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    texts = pa.array(function(encoded.dictionary.to_pylist()), type=pa.large_string())
    return pl.Series(series.name, texts.take(encoded.indices), dtype=pl.String)


def _take_parameters(mask: MaskSpec, *known: str) -> dict[str, Any]:
    unknown = sorted(mask.params.keys() - set(known))
    if unknown:
        raise _refused(mask, f"the method {mask.method!r} does not take {unknown[0]!r}")
    return mask.params


def _refused(mask: MaskSpec, because: str) -> Exception:
    return unenforceable(
        f"column {mask.column!r} cannot be masked: {because}",
        term="ts:mask",
        subject=mask.column,
        operator=mask.method,
        hint="choose one of " + ", ".join(sorted(ENFORCEABLE)),
    )
