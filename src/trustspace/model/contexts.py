"""JSON-LD contexts: which a document may name, and what the one of Eclipse connectors shortens.

A message may name further contexts beside the protocol's. Any remote one is ignored, because the
protocol's context is protected: no other one can give its terms another meaning (JSON-LD 1.1,
"Protected Term Definitions"). A context written inline is refused, and none is ever fetched.

Example::

    check_contexts({"@context": {"action": "https://attacker.example/"}}, RemoteProtocolError)
    # RemoteProtocolError: unknown @context: a context written inline
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from trustspace.errors import ProtocolError, RemoteProtocolError
from trustspace.model import strict_json

DSP_CONTEXT: Final = "https://w3id.org/dspace/2025/1/context.jsonld"
"""Context of every message (DSP 2025-1, "Serialization of Messages")."""

ODRL_PROFILE_CONTEXT: Final = "https://w3id.org/dspace/2025/1/odrl-profile.jsonld"
"""The part of it that is about policies."""

EDC_CONTEXT: Final = "https://w3id.org/edc/dspace/v0.0.1"
"""What Eclipse connectors add; it defines members of their own only."""

EDC_NAMESPACE: Final = "https://w3id.org/edc/v0.0.1/ns/"
"""Namespace of what Eclipse connectors add; its prefix is ``edc:``."""

KNOWN_CONTEXTS: Final = frozenset({DSP_CONTEXT, ODRL_PROFILE_CONTEXT, EDC_CONTEXT})
"""Contexts whose terms are known."""

_REMOTE = re.compile(r"https?://[^\s]{1,2000}", re.IGNORECASE)
_LEFT_OPERAND: Final = frozenset(
    {"leftOperand", "odrl:leftOperand", "http://www.w3.org/ns/odrl/2/leftOperand"}
)
_RIGHT_OPERAND: Final = frozenset(
    {"rightOperand", "odrl:rightOperand", "http://www.w3.org/ns/odrl/2/rightOperand"}
)
_LITERAL: Final = frozenset({"@value", "@type", "@language"})
_EDC_PREFIX: Final = "edc:"
_EDC_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {name: EDC_NAMESPACE + name for name in ("inForceDate", "id", "description", "isCatalog")}
)
"""Terms of the Eclipse context, by which it shortens the names of left operands."""


def check_contexts(
    node: Mapping[str, Any], error: type[ProtocolError], *, foreign: bool = False
) -> None:
    """Hold the contexts of one object to remote ones.

    Args:
        node: The object.
        error: Class of the error to raise.
        foreign: Whether remote contexts may be named that are not known.

    Raises:
        ProtocolError: Of class ``error``, code ``message.context``.
    """
    for context in named_contexts(node):
        is_remote = isinstance(context, str) and _REMOTE.fullmatch(context) is not None
        if not is_remote or not (foreign or context in KNOWN_CONTEXTS):
            found = context[:200] if isinstance(context, str) else "a context written inline"
            raise error(
                f"unknown @context: {found}",
                code="message.context",
                hint=f"known are {', '.join(sorted(KNOWN_CONTEXTS))}",
            )


def named_contexts(node: Mapping[str, Any]) -> list[Any]:
    """Return what an object names as its contexts."""
    if "@context" not in node:
        return []
    found = node["@context"]
    return list(found) if isinstance(found, list | tuple) else [found]


def with_edc_names(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Write out what Eclipse connectors shorten or wrap in the operands of policies.

    The short names of their context in a left operand; in a right operand a list, which they write
    as one string that holds its JSON.

    Args:
        value: A document that names that context, of limited depth.
    """
    if isinstance(value, list | tuple):
        return [with_edc_names(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {key: _with_edc_operand(key, part) for key, part in value.items()}


def _with_edc_operand(key: str, part: Any) -> Any:  # noqa: ANN401 - any JSON value
    if key in _LEFT_OPERAND and isinstance(part, str):
        return _EDC_NAMES.get(part, part)
    if key in _RIGHT_OPERAND:
        return _unwrapped(part)
    return with_edc_names(part)


def _unwrapped(operand: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the list, or the IRI, whose JSON an operand holds as a string; else the operand."""
    text = operand
    if isinstance(operand, Mapping) and set(operand) == {"@value"}:
        text = operand["@value"]
    if not isinstance(text, str) or not text.startswith(("[{", '{"@id"')):
        return operand
    try:
        found = strict_json.loads(text.encode())
    except RemoteProtocolError:
        return operand
    items = found if isinstance(found, list) else [found]
    return found if all(_is_expanded(item) for item in items) else operand


def _is_expanded(item: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Say whether something is a literal or an IRI in the expanded form of JSON-LD."""
    if not isinstance(item, Mapping):
        return False
    names = set(item)
    if names == {"@id"}:
        return isinstance(item["@id"], str)
    told = (item[name] for name in names - {"@value"})
    return (
        {"@value"} <= names <= _LITERAL
        and isinstance(item["@value"], str | int | float)
        and all(isinstance(each, str) for each in told)
    )


def without_edc_prefix(name: str) -> str:
    """Return a name with the prefix of Eclipse connectors written out, others as they are."""
    if name.startswith(_EDC_PREFIX):
        return EDC_NAMESPACE + name.removeprefix(_EDC_PREFIX)
    return name
