"""Operands of an author's own: what they are called and what they are compared with.

A provider of facts declares them itself, or the Rego file that works their value out does, in the
annotations that OPA reads too::

    # METADATA
    # title: Class of a reactor
    # custom:
    #   operand: {"name": "acme:reactorClass", "kind": "string", "operators": ["eq", "isAnyOf"]}
    known contains "acme:reactorClass"

Example::

    own_operand({"name": "acme:reactorClass", "kind": "string"})
    declared_in(rego_text)   # (LeftOperand("acme:reactorClass", …),)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trustspace.errors import PolicyError, RemoteProtocolError
from trustspace.model.strict_json import loads
from trustspace.policy.left_operand import CODES, EQUALITY, ORDERED, Kind, LeftOperand, Point
from trustspace.policy.vocabulary import NAMESPACES, compact

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANNOTATION = re.compile(r"^#\s+operand:\s*(\{.*\})\s*$", re.MULTILINE)
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,40}:[^\s\x00-\x1f\"\\]{1,200}")
_ANCESTRY = frozenset({"odrl:isPartOf", "odrl:isA", "odrl:hasPart"})
_OPERATORS: Mapping[Kind, frozenset[str]] = {
    Kind.STRING: CODES | _ANCESTRY,
    Kind.IRI: CODES | _ANCESTRY,
    Kind.INTEGER: CODES | ORDERED,
    Kind.DATE_TIME: EQUALITY | ORDERED,
}
"""Operators that have a meaning with a kind."""


class _Declaration(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=250)
    kind: Literal["string", "iri", "integer", "dateTime"] = "string"
    operators: list[Annotated[str, Field(max_length=40)]] | None = Field(default=None, min_length=1)
    deferred: list[Literal["catalog", "negotiation"]] = ["catalog"]
    label: Literal["attested", "contractual"] = "attested"


def own_operand(declaration: Mapping[str, object]) -> LeftOperand:
    """Return the operand of a declaration.

    Args:
        declaration: ``name`` with a prefix of its own, ``kind`` (``string``, ``iri``, ``integer``,
            ``dateTime``), ``operators`` (by default all that have a meaning), ``deferred`` (points
            where it is not decided yet; by default the catalogue), ``label`` (``attested`` or
            ``contractual``: what others state is never enforced).

    Raises:
        PolicyError: It is malformed or names an operand of a known vocabulary, code
            ``operand.malformed``.
    """
    try:
        read = _Declaration.model_validate(dict(declaration))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _malformed(f"{where}: {first['msg']}") from error
    name = compact(read.name)
    if _NAME.fullmatch(name) is None or name.partition(":")[0] in NAMESPACES:
        raise _malformed(f"{name[:100]!r} has no prefix of its own")
    kind = Kind(read.kind)
    operators = frozenset(map(compact, read.operators)) if read.operators else _OPERATORS[kind]
    if not operators <= _OPERATORS[kind]:
        raise _malformed(f"{name}: {', '.join(sorted(operators - _OPERATORS[kind]))} with a {kind}")
    deferred: frozenset[Point] = frozenset(read.deferred)
    return LeftOperand(name, kind, read.label, operators, deferred, stated=True)


def declared_in(source: str) -> tuple[LeftOperand, ...]:
    """Return the operands that a Rego file declares in its annotations.

    Raises:
        PolicyError: A declaration is malformed, code ``operand.malformed``.
    """
    found = []
    for match in _ANNOTATION.finditer(source):
        try:
            found.append(own_operand(loads(match[1].encode())))
        except RemoteProtocolError as error:
            raise _malformed(str(error)) from error
    return tuple(found)


def _malformed(what: str) -> PolicyError:
    return PolicyError(f"the operand is not declared well: {what}", code="operand.malformed")
