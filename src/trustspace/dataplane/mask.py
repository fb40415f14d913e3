"""Column masks as Polars expressions.

``drop``
    the column does not leave.
``null``
    the column keeps its type and holds nothing.
``constant(value=…)``
    every row holds the same value, of the column's type; rows that hold nothing too.
``hash``
    HMAC-SHA256 in hex under a salt that is bound to the agreement: equal values stay equal within
    one agreement, so that tables can be joined, and are strangers between two agreements.
``tokenise``
    the same, of the column's own kind: ``tok_`` and 32 digits for text, a whole number for whole
    numbers, 16 bytes for bytes.
``redact_pii``
    text, with personal data replaced by its kind (`trustspace.personal_data`).
``partial(keep=n)``
    n characters at either end (2 when not said), four asterisks between, whatever the length; a
    value with nothing left to hide is asterisks only.
``date_floor(unit=…, zone=…)``, ``round(digits=n)``, ``round(step=…)``
    see `trustspace.dataplane.coarse_mask`.

Null stays null, but for ``constant``. What is not text is hashed, tokenised or cut in its canonical
text (`trustspace.dataplane.column_text`). A method that has no meaning with a column's type is
refused before anything leaves; lists and structures can be dropped or emptied only.

Example::

    expression = mask_column("phone", frame.schema["phone"], parse_mask("phone:hash"), salt=salt)
    frame.select(expression)
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from trustspace.dataplane.coarse_mask import floored, rounded
from trustspace.dataplane.column_text import canonical_text, per_distinct_value
from trustspace.dataplane.data_extra import column_named, pl
from trustspace.dataplane.keyed_mask import hashed, tokenised
from trustspace.dataplane.refusal import unmaskable
from trustspace.errors import PolicyError
from trustspace.personal_data.recognition import redact
from trustspace.policy.mask import PARAMETERS
from trustspace.policy.mask_parameters import read_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trustspace.policy.predicate import MaskMethod, MaskSpec

DEFAULT_KEEP = 2
"""Characters that ``partial`` leaves at either end when the policy does not say."""

_HIDDEN = "****"


def mask_column(name: str, dtype: pl.DataType, mask: MaskSpec, *, salt: bytes) -> pl.Expr:
    """Return the expression that stands in for a column; ``drop`` is the caller's.

    Args:
        name: Name of the column, which the result keeps.
        dtype: Its type.
        mask: The mask.
        salt: Secret bytes bound to the agreement, at least 16; used by ``hash`` and ``tokenise``.

    Raises:
        PolicyDeniedError: The mask cannot be carried out, code ``pep.unenforceable``.
    """
    carry_out = _METHODS.get(mask.method)
    if carry_out is None:
        raise unmaskable(mask, f"the method {mask.method!r} cannot be carried out here")
    _check_parameters(mask)
    if mask.method != "null" and (dtype.is_nested() or dtype in (pl.Object, pl.Unknown)):
        raise unmaskable(
            mask,
            f"values of type {dtype} have no canonical text",
            hint="lists and structures can be dropped or emptied only: choose drop or null",
        )
    return carry_out(dtype, mask, salt).alias(name)


def _check_parameters(mask: MaskSpec) -> None:
    """Hold the parameters to the grammar, since site rules set masks that nobody has parsed."""
    unknown = sorted(mask.params.keys() - set(PARAMETERS.get(mask.method, ())))
    if unknown:
        raise unmaskable(mask, f"the method {mask.method!r} does not take {unknown[0]!r}")
    texts = {name: str(value) for name, value in mask.params.items()}
    try:
        read = read_parameters(mask.method, texts)
    except PolicyError as error:
        raise unmaskable(mask, str(error), hint=error.hint) from error
    for name, value in mask.params.items():
        if type(read[name]) is not type(value):
            raise unmaskable(mask, f"{name!r} is not of the right type")


def _null(dtype: pl.DataType, _mask: MaskSpec, _salt: bytes) -> pl.Expr:
    return pl.lit(None, dtype=dtype)


def _partial(dtype: pl.DataType, mask: MaskSpec, _salt: bytes) -> pl.Expr:
    text = canonical_text(dtype, mask)
    keep = int(mask.params.get("keep", DEFAULT_KEEP))
    shortened = pl.concat_str(text.str.head(keep), pl.lit(_HIDDEN), text.str.tail(keep))
    return (
        pl.when(text.is_null())
        .then(None)
        .when(text.str.len_chars() > 2 * keep)
        .then(shortened)
        .otherwise(pl.lit(_HIDDEN))
    )


def _redacted(dtype: pl.DataType, mask: MaskSpec, _salt: bytes) -> pl.Expr:
    if dtype not in (pl.String, pl.Categorical, pl.Enum):
        raise unmaskable(
            mask, f"values of type {dtype} are no text", hint="choose hash, partial or null"
        )

    def texts(series: pl.Series) -> pl.Series:
        return per_distinct_value(
            series, lambda values: [None if text is None else redact(text) for text in values]
        )

    text = column_named(mask.column).cast(pl.String())
    return text.map_batches(texts, return_dtype=pl.String(), is_elementwise=True)


def _constant(dtype: pl.DataType, mask: MaskSpec, _salt: bytes) -> pl.Expr:
    written = str(mask.params["value"])
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return pl.lit(written, dtype=pl.String())
    try:
        value = _value(written, dtype)
        series = None if value is None else pl.Series([value], dtype=dtype, strict=True)
    except (ValueError, ArithmeticError, TypeError, pl.exceptions.PolarsError):
        series = None
    if series is None or series[0] is None:
        raise unmaskable(
            mask,
            f"{written[:80]!r} is no value of type {dtype}",
            hint="write a value of the column's type, or choose null",
        )
    return pl.lit(series).first()


_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")


def _value(written: str, dtype: pl.DataType) -> object:
    """Return a value of a column's type as Python has it, or None where none is written so."""
    if dtype == pl.Boolean:
        return {"true": True, "false": False}.get(written)
    if dtype.is_numeric():
        return _number(written, dtype) if _NUMBER.fullmatch(written) else None
    if isinstance(dtype, pl.Datetime):
        return _moment(written, has_zone=dtype.time_zone is not None)
    if dtype == pl.Date:
        return date.fromisoformat(written)
    return time.fromisoformat(written) if dtype == pl.Time else None


def _number(written: str, dtype: pl.DataType) -> int | float | Decimal | None:
    if isinstance(dtype, pl.Decimal):
        number = Decimal(written)
        return number if number == round(number, dtype.scale) else None
    return float(written) if dtype.is_float() else int(written)


def _moment(written: str, *, has_zone: bool) -> datetime | None:
    moment = datetime.fromisoformat(written)
    if (moment.tzinfo is not None) is not has_zone:
        return None
    return moment.astimezone(UTC) if has_zone else moment


_METHODS: Final[Mapping[MaskMethod, Callable[[pl.DataType, MaskSpec, bytes], pl.Expr]]] = {
    "null": _null,
    "constant": _constant,
    "hash": hashed,
    "tokenise": tokenised,
    "redact_pii": _redacted,
    "partial": _partial,
    "date_floor": lambda dtype, mask, _salt: floored(dtype, mask),
    "round": lambda dtype, mask, _salt: rounded(dtype, mask),
}

ENFORCEABLE: Final[frozenset[MaskMethod]] = frozenset({"drop", *_METHODS})
"""Methods that can be carried out here; a decision with another one is denied."""
