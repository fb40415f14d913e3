"""Watermarks: a copy of a table that tells to whom it was delivered.

Two kinds, which an owner chooses at publication. *Low bits*: of one row in so many, one number is
moved by at most one step, so that the parity of its steps is what the recipient's key says for that
row. Rows may be dropped, sorted, or mixed with others; what is left still agrees with one key far
more often than by chance. *Marker records*: rows made from a template, whose token only this
recipient's key gives.

Which row and which bit follows from the values that identify the row, never from its position, so
a delivery may be filtered, masked and resumed. How sure a finding is, is a probability: of so many
agreements by chance, corrected for the number of keys that were tried.

Example::

    spec = WatermarkSpec(identity=("id",), steps={"price": Decimal("0.01")})
    marked = Watermark(spec, key_of(agreement)).mark(frame)
    find(leaked, spec, {"urn:uuid:a1": key1, "urn:uuid:a2": key2})  # (Finding('urn:uuid:a2', …),)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from dataclasses import dataclass, field
from decimal import Decimal  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import Field, model_validator

from trustspace.dataplane.data_extra import column_named, pl
from trustspace.dataplane.refusal import unenforceable
from trustspace.dataplane.source_value import SourceValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MIN_KEY_BYTES: Final = 16

DEFAULT_SHARE: Final = 4
"""One row in so many carries a mark."""

DOUBT: Final = 1e-9
"""Largest probability of a finding by chance, over all keys that are tried."""

MAX_FOUND_ROWS: Final = 200_000
"""Rows of a leaked table that are looked at; more make no finding surer that matters."""

TOKEN_LETTERS: Final = 16
"""Letters of a marker record's token, five bits each."""

_CODE: Final = "\0code"


class WatermarkSpec(SourceValue):
    """How the copies of a table are told apart; as JSON a member of its source.

    Attributes:
        identity: Columns that together identify a row; they leave as they are, or hashed.
        steps: Numeric columns that may be changed, with the step by which they may.
        share: One row in so many is marked.
        records: Number of marker records.
        template: Text columns of a marker record; ``{token}`` stands for the recipient's token.
            Other columns are empty.
    """

    identity: tuple[str, ...] = ()
    steps: dict[str, Annotated[Decimal, Field(gt=0)]] = Field(default_factory=dict)
    share: int = Field(default=DEFAULT_SHARE, ge=1, le=1_000)
    records: int = Field(default=0, ge=0, le=100)
    template: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _tells_copies_apart(self) -> Self:
        if not self.steps and not self.records:
            msg = "a watermark needs steps of numeric columns, or marker records"
            raise ValueError(msg)
        if self.steps and not self.identity:
            msg = "steps need the columns that identify a row"
            raise ValueError(msg)
        if self.records and not any("{token}" in text for text in self.template.values()):
            msg = "marker records need a template with {token}"
            raise ValueError(msg)
        return self


@dataclass(frozen=True)
class Finding:
    """A recipient whose mark a table carries.

    Attributes:
        agreement: Id of the agreement under which the copy was delivered.
        chance: Probability that a table without the mark looks like this, at most; corrected for
            the number of keys tried.
        marked: Marked values that were found.
        agreeing: Those that agree with the recipient's key.
        records: Marker records found.
    """

    agreement: str
    chance: float
    marked: int = 0
    agreeing: int = 0
    records: int = 0


@dataclass(frozen=True)
class Watermark:
    """The mark of one recipient.

    Attributes:
        spec: How copies are told apart.
        key: Secret bytes of this recipient, at least 16; never part of ``repr``.
    """

    spec: WatermarkSpec
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < MIN_KEY_BYTES:
            raise _impossible("the agreement has no key", "")

    def check(self, schema: Mapping[str, pl.DataType]) -> None:
        """Refuse a table that cannot carry the mark.

        Args:
            schema: Columns as they leave.

        Raises:
            PolicyDeniedError: A column is missing or no number, code ``pep.unenforceable``.
        """
        for name in (*self.spec.identity, *self.spec.steps, *self.spec.template):
            if name not in schema:
                raise _impossible(f"the column {name!r} does not leave", name)
        for name in self.spec.identity:
            if schema[name].is_nested() or schema[name].is_float():
                raise _impossible(f"the column {name!r} identifies no row", name)
        for name in self.spec.steps:
            _ = _step(self.spec, name, schema[name])
        for name in self.spec.template:
            if schema[name] != pl.String:
                raise _impossible(f"the column {name!r} is no text", name)

    def marked(self, frames: Iterator[pl.DataFrame], schema: pl.Schema) -> Iterator[pl.DataFrame]:
        """Yield rows with this recipient's mark, marker records behind the first of them."""
        records = self.marker_records(schema) if self.spec.records else None
        for frame in frames:
            yield self.mark(frame)
            if records is not None:
                yield records
                records = None

    def mark(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return some rows with this recipient's mark."""
        if not self.spec.steps or frame.is_empty():
            return frame
        names = list(self.spec.steps)
        coded = frame.with_columns(_codes(frame, self.spec, self.key))
        code = pl.col(_CODE)
        changed = []
        for index, name in enumerate(names):
            dtype = frame.schema[name]
            step = _step(self.spec, name, dtype)
            column, wanted = column_named(name), _wanted(code)
            is_here = _is_marked(code, self.spec) & (_place(code, len(names)) == index)
            is_down = (_direction(code) == 1) & (column >= step)
            if dtype.is_integer():
                largest = int(pl.Series([0], dtype=dtype).upper_bound().item())
                is_down |= column > largest - int(step)
            moved = pl.when(is_down).then(column - step).otherwise(column + step)
            changed.append(
                pl.when(is_here & (_parity(column, step, dtype) != wanted))
                .then(moved)
                .otherwise(column)
                .cast(dtype)
                .alias(name)
            )
        return coded.with_columns(changed).drop(_CODE)

    def marker_records(self, schema: pl.Schema) -> pl.DataFrame:
        """Return this recipient's marker records as rows of a table."""
        rows = [
            {name: text.replace("{token}", token) for name, text in self.spec.template.items()}
            for token in _tokens(self.spec, self.key)
        ]
        return pl.DataFrame(
            {name: [row.get(name) for row in rows] for name in schema}, schema=schema
        )


def find(
    table: pl.DataFrame, spec: WatermarkSpec, keys: Mapping[str, bytes], *, doubt: float = DOUBT
) -> tuple[Finding, ...]:
    """Return whose marks a table carries, the surest first.

    Args:
        table: The table; rows and columns may be missing, and others be there.
        spec: How copies of the original are told apart.
        keys: Recipients' keys by agreement.
        doubt: Largest probability of a finding by chance.

    Raises:
        PolicyDeniedError: The identifying columns are missing, and there are no marker records to
            look for either; code ``pep.unenforceable``.
    """
    found = []
    tokens = _texts(table, spec)
    rows = _identified(table, spec)
    for agreement, key in keys.items():
        records = sum(any(token in text for text in tokens) for token in _tokens(spec, key))
        marked, agreeing = _agreeing(rows, spec, key)
        chance = min(_tail(marked, agreeing), 2.0 ** (-5 * TOKEN_LETTERS * records))
        chance = min(1.0, chance * len(keys))
        if chance <= doubt:
            found.append(Finding(agreement, chance, marked, agreeing, records))
    return tuple(sorted(found, key=lambda each: (each.chance, -each.agreeing)))


def _identified(table: pl.DataFrame, spec: WatermarkSpec) -> pl.DataFrame:
    """Return one row for each identity, with the columns that may carry marks."""
    missing = [name for name in spec.identity if name not in table.columns]
    if missing and not spec.records:
        raise _impossible(f"without the column {missing[0]!r} no row can be told", missing[0])
    if missing or not spec.steps:
        return table.clear()
    kept = [name for name in table.columns if name in spec.steps]
    # Copies of a row say nothing new, and would make chance look like a finding.
    once = table.unique(subset=list(spec.identity), keep="first", maintain_order=True)
    return once.head(MAX_FOUND_ROWS).select([*spec.identity, *kept])


def _agreeing(rows: pl.DataFrame, spec: WatermarkSpec, key: bytes) -> tuple[int, int]:
    """Return how many marked values there are, and how many of them agree with a key."""
    if rows.is_empty():
        return 0, 0
    names = list(spec.steps)
    coded = rows.with_columns(_codes(rows, spec, key)).filter(_is_marked(pl.col(_CODE), spec))
    marked = agreeing = 0
    for index, name in enumerate(names):
        if name not in rows.columns:
            continue
        dtype = rows.schema[name]
        here = coded.filter(_place(pl.col(_CODE), len(names)) == index)
        here = here.filter(column_named(name).is_not_null())
        parity = _parity(column_named(name), _step(spec, name, dtype), dtype)
        marked += here.height
        agreeing += here.select((parity == _wanted(pl.col(_CODE))).sum()).item() or 0
    return marked, agreeing


def _tail(trials: int, successes: int) -> float:
    """Return the probability of at least so many successes of a fair coin."""
    if successes * 2 <= trials:
        return 1.0
    logs = [
        math.lgamma(trials + 1)
        - math.lgamma(each + 1)
        - math.lgamma(trials - each + 1)
        - trials * math.log(2)
        for each in range(successes, trials + 1)
    ]
    largest = max(logs)
    return math.exp(largest) * sum(math.exp(each - largest) for each in logs)


def _codes(frame: pl.DataFrame, spec: WatermarkSpec, key: bytes) -> pl.Series:
    """Return 63 pseudo-random bits for each row, from its identity and the key alone."""
    texts = frame.select(
        pl.concat_str(
            [column_named(name).cast(pl.String).fill_null("") for name in spec.identity],
            separator="\x1f",
        )
    ).to_series()
    keyed = hashlib.blake2b(key=hashlib.sha256(key).digest(), digest_size=8)

    def code(text: str) -> int:
        each = keyed.copy()
        each.update(text.encode())
        return int.from_bytes(each.digest(), "big") >> 1

    return pl.Series(_CODE, [code(text) for text in texts], dtype=pl.Int64)


def _is_marked(code: pl.Expr, spec: WatermarkSpec) -> pl.Expr:
    return code % spec.share == 0


def _place(code: pl.Expr, columns: int) -> pl.Expr:
    return (code // 2**16) % columns


def _wanted(code: pl.Expr) -> pl.Expr:
    return (code // 2**40) % 2


def _direction(code: pl.Expr) -> pl.Expr:
    return (code // 2**41) % 2


def _parity(column: pl.Expr, step: int | float | Decimal, dtype: pl.DataType) -> pl.Expr:
    """Return whether a value is an odd number of steps, as 0 or 1."""
    # A whole number of steps may be a hair below itself as a float.
    steps = (column / step + 1e-6).floor() if dtype.is_float() else column // step
    return steps.cast(pl.Int64, strict=False) % 2


def _step(spec: WatermarkSpec, name: str, dtype: pl.DataType) -> int | float | Decimal:
    step = spec.steps[name]
    if dtype.is_float():
        return float(step)
    if isinstance(dtype, pl.Decimal):
        return step
    if dtype.is_integer() and step == step.to_integral_value():
        return int(step)
    raise _impossible(f"the column {name!r} of type {dtype} cannot move by {step}", name)


def _tokens(spec: WatermarkSpec, key: bytes) -> Iterable[str]:
    for number in range(spec.records):
        digest = hmac.digest(key, b"marker record %d" % number, "sha256")
        yield base64.b32encode(digest).decode()[:TOKEN_LETTERS]


def _texts(table: pl.DataFrame, spec: WatermarkSpec) -> list[str]:
    """Return the texts that may hold a token: of the template's columns, or of all of text."""
    if not spec.records:
        return []
    named = [
        name for name, text in spec.template.items() if "{token}" in text and name in table.columns
    ]
    columns = named or [name for name, dtype in table.schema.items() if dtype == pl.String]
    return ["\n".join(table.get_column(name).drop_nulls().cast(pl.String)) for name in columns]


def _impossible(because: str, column: str) -> Exception:
    return unenforceable(
        f"the table cannot be watermarked: {because}", term="odrl:watermark", subject=column
    )
