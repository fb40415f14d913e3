"""Row filters and column masks as data: the part of a decision that the data plane carries out.

A filter is a small tree of our own. The engine never looks into it: it is lowered once from the
policy's ``ts:rowFilter``, travels through the engine unchanged and is compiled to Polars or bound
SQL parameters where the rows are. Literals carry their type, so that ``"10"`` and ``10`` never
meet by accident; decimals and dates travel as text because the engine's documents hold no floats.

Example::

    Comparison(op="eq", field="grade", value=FilterLiteral(type="string", value="A"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 8259, section 6)."""

MAX_TEXT = 65_536
"""Characters of one string in a document of the engine."""

MAX_PREDICATE_DEPTH = 16
MAX_PREDICATE_NODES = 500

Text = Annotated[str, StringConstraints(strict=True, max_length=MAX_TEXT)]
"""A string without lone surrogates: the length constraint makes pydantic decode it."""

Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=4_096)]
"""A non-empty identifier: an IRI, a prefixed term, an id, a column name."""

SafeInt = Annotated[int, Field(strict=True, ge=-MAX_INTEGER, le=MAX_INTEGER)]
Count = Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER)]
Scalar = Annotated[bool, Field(strict=True)] | SafeInt | Text
"""What a constraint compares: truth, integer or text. Money and sizes are in the smallest unit."""


class Document(BaseModel):
    """Part of an engine document: frozen, strict, every member required, no unknown members."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", strict=True)


class FilterLiteral(Document):
    """A typed literal of a row filter.

    Attributes:
        type: ``decimal``, ``date`` (``2027-01-31``) and ``dateTime`` (UTC, ``…Z``) are text.
        value: The value in the JSON type that goes with ``type``.
    """

    type: Literal["string", "integer", "boolean", "decimal", "date", "dateTime"]
    value: Scalar

    @model_validator(mode="after")
    def _has_the_tagged_type(self) -> Self:
        expected = {"integer": int, "boolean": bool}.get(self.type, str)
        if type(self.value) is not expected:
            msg = f"a literal of type {self.type} holds {expected.__name__}"
            raise ValueError(msg)
        return self


_VALUES: Mapping[str, type] = {"in": tuple, "not_in": tuple, "is_null": type(None)}


class Comparison(Document):
    """One column against literals.

    Attributes:
        op: ``in`` and ``not_in`` take a non-empty list, ``is_null`` takes ``None``.
        field: Name of the column.
        value: One literal, several, or ``None``.
    """

    op: Literal["eq", "neq", "lt", "lteq", "gt", "gteq", "in", "not_in", "is_null"]
    field: Name
    value: FilterLiteral | tuple[FilterLiteral, ...] | None

    @model_validator(mode="after")
    def _has_the_right_number_of_literals(self) -> Self:
        expected = _VALUES.get(self.op, FilterLiteral)
        if not isinstance(self.value, expected) or self.value == ():
            msg = f"the operator {self.op} does not go with this number of literals"
            raise ValueError(msg)
        return self


class Junction(Document):
    """Several predicates joined by ``and`` or ``or``; never empty."""

    op: Literal["and", "or"]
    args: Annotated[tuple[Predicate, ...], Field(min_length=1)]


class Negation(Document):
    """The opposite of one predicate."""

    op: Literal["not"]
    arg: Predicate


Predicate = Annotated[Comparison | Junction | Negation, Field(discriminator="op")]
"""A row filter: keep the rows for which it is true (not null, not false)."""


def nodes(predicate: Predicate, depth: int = 1) -> Iterator[int]:
    """Yield the depth of every node of a row filter; the root has depth 1."""
    yield depth
    if isinstance(predicate, Junction):
        for argument in predicate.args:
            yield from nodes(argument, depth + 1)
    elif isinstance(predicate, Negation):
        yield from nodes(predicate.arg, depth + 1)


def bounded(predicates: tuple[Predicate, ...]) -> tuple[Predicate, ...]:
    """Return the filters unless one is deeper or larger than the limits allow.

    Raises:
        ValueError: Too deep or too many nodes.
    """
    for predicate in predicates:
        depths = list(nodes(predicate))
        if max(depths) > MAX_PREDICATE_DEPTH or len(depths) > MAX_PREDICATE_NODES:
            size = f"{MAX_PREDICATE_NODES} nodes on {MAX_PREDICATE_DEPTH} levels"
            msg = f"a row filter has at most {size}"
            raise ValueError(msg)
    return predicates


MaskMethod = Literal[
    "drop",
    "null",
    "constant",
    "hash",
    "tokenise",
    "redact_pii",
    "partial",
    "date_floor",
    "round",
]


class MaskSpec(Document):
    """What happens to one column before it leaves.

    Attributes:
        column: Name of the column.
        method: Strongest first: ``drop`` (the column goes), ``null``, ``constant``, ``hash`` (HMAC
            bound to the agreement), ``tokenise``; then ``redact_pii``, ``partial``, ``date_floor``
            and ``round``, none of which hides what another does. Of two masks for a column the
            stronger stands; equally strong ones that differ become ``null``, which is at least as
            strong as either.
        params: Parameters of the method, for example ``{"keep": 4}``.
    """

    column: Name
    method: MaskMethod
    params: dict[Name, Scalar]


Junction.model_rebuild()
Negation.model_rebuild()
