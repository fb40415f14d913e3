"""Reads JSON-LD as peers really send it into the one form that the values know.

The Dataspace Protocol lets a message be plain JSON or JSON-LD. Peers therefore write the same thing
in many ways: ``odrl:permission`` or the whole IRI, ``{"@id": "d1"}`` for ``"d1"``, one object where
a list is meant, ``{"@value": "x"}`` for ``"x"``. Full JSON-LD processing would cure this, and bring
remote contexts that may redefine any term, even ``action`` or ``assigner``. This reader knows the
protocol's terms as a table instead. It fetches nothing (`trustspace.model.contexts`) and turns
every spelling into the compact form: short names, arrays where the context says ``@set``, strings
where it says ``@id`` or ``@vocab``. Members that are not the protocol's stay as they are.

Names of ODRL that the protocol's context does not define (``odrl:purpose``) keep the spelling that
they came in: shortened, they would mean nothing to whoever gets them back and reads JSON-LD.

Example::

    read(
        {"odrl:permission": {"odrl:action": {"@id": "odrl:use"}}, "@id": "o1"},
        context_required=False,
    )
    # {'permission': [{'action': 'use'}], '@id': 'o1'}
"""

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from trustspace.errors import ProtocolError, RemoteProtocolError
from trustspace.model.contexts import (
    DSP_CONTEXT,
    EDC_CONTEXT,
    check_contexts,
    named_contexts,
    with_edc_names,
    without_edc_prefix,
)
from trustspace.model.odrl import ACTION_REFINEMENT, ASSETS, PARTIES

MAX_DEPTH: Final = 32
"""Levels of objects and arrays in a document; the same limit as for JSON text."""

# RFC 8785 (and I-JSON) know no larger integers; a document beyond them has no canonical form.
_MAX_INT = 2**53 - 1

_DSPACE = "https://w3id.org/dspace/2025/1/"
_ODRL = "http://www.w3.org/ns/odrl/2/"
_DCAT = "http://www.w3.org/ns/dcat#"
_DCT = "http://purl.org/dc/terms/"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_LOCAL_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_PREFIXES = {_DSPACE: "dspace:", _ODRL: "odrl:", _DCAT: "dcat:", _DCT: "dct:", _XSD: "xsd:"}


def read(document: object, *, context_required: bool = True) -> dict[str, Any]:
    """Read a JSON-LD document into the protocol's compact form.

    Args:
        document: Decoded JSON, an object.
        context_required: Whether ``@context`` must be there and name the protocol's; a policy on
            its own has none.

    Returns:
        The document without ``@context``.

    Raises:
        RemoteProtocolError: Code ``message.context`` for an inline context or a message without the
            protocol's, ``message.malformed`` for anything else that cannot be read.
    """
    if not isinstance(document, Mapping):
        raise _malformed(f"a JSON object is expected, found {type(document).__name__}")
    check(document, foreign_contexts=context_required)
    contexts = named_contexts(document)
    if context_required and DSP_CONTEXT not in contexts:
        raise RemoteProtocolError(
            "the message does not name the protocol's context",
            code="message.context",
            hint=f'"@context": ["{DSP_CONTEXT}"]',
        )
    return _read_node(with_edc_names(document) if EDC_CONTEXT in contexts else document)


def check(
    document: object,
    *,
    error: type[ProtocolError] = RemoteProtocolError,
    foreign_contexts: bool = False,
) -> None:
    """Hold a document to what can be read, canonicalised and sent on safely.

    Args:
        document: Decoded JSON.
        error: Class of the error to raise.
        foreign_contexts: Whether the document itself, not what is in it, may name remote contexts
            that are not known.

    Raises:
        ProtocolError: Of class ``error``; code ``message.context`` for a context that is not a
            known string, ``message.malformed`` for more than 32 levels, a number without a
            canonical form, a lone surrogate, or something that is not JSON.
    """
    # Not recursive: an attacker chooses the depth.
    pending: list[tuple[object, int]] = [(document, 1)]
    while pending:
        value, depth = pending.pop()
        if isinstance(value, dict | Mapping):
            check_contexts(value, error, foreign=foreign_contexts and depth == 1)
            parts = [*value, *value.values()]
        elif isinstance(value, list | tuple):
            parts = list(value)
        else:
            _check_scalar(value, error)
            continue
        if depth > MAX_DEPTH:
            raise error(f"the document has more than {MAX_DEPTH} levels", code="message.malformed")
        pending.extend(
            (part, depth + 1)
            for part in parts
            # Nearly everything is plain text, which needs no second look.
            if not (type(part) is str and part.isascii())
        )


def _check_scalar(value: object, error: type[ProtocolError]) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        if value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value):
            return
        raise error("the document has text that is not Unicode", code="message.malformed")
    if isinstance(value, int) and abs(value) <= _MAX_INT:
        return
    if isinstance(value, float) and math.isfinite(value):
        return
    raise error(
        f"the document has a value without a canonical form, a {type(value).__name__}",
        code="message.malformed",
        hint="integers lie within ±(2^53-1), other numbers are finite",
    )


def _read_node(node: Mapping[str, Any]) -> dict[str, Any]:
    """Read an object whose class the protocol knows."""
    result: dict[str, Any] = {}
    seen: set[str] = set()
    kind = _read_type(node["@type"]) if "@type" in node else None
    terms = _REQUEST_TERMS if kind == "DatasetRequestMessage" else _TERMS
    for key, value in node.items():
        if key == "@context":
            continue
        term = terms.get(key)
        name = term.name if term else key
        if name in seen:
            raise _malformed(f"the member {name} is there more than once, in different spellings")
        seen.add(name)
        if key == "@type":
            result[key] = kind
        elif term is None:
            result[key] = value
        else:
            result[name] = term.read(value)
            if result[name] is None:  # null means absent in JSON-LD
                del result[name]
    return result


def _read_type(value: object) -> object:
    """Return the one class that the protocol knows, whatever else the node is too."""
    names = [_short_type(name) for name in _as_list(value)]
    known = [name for name in names if isinstance(name, str) and name in _TYPES]
    if len(known) > 1:
        raise _malformed(f"@type is ambiguous: {', '.join(known)}")
    if known:
        return known[0]
    return names[0] if len(names) == 1 and isinstance(names[0], str) else value


def _short_type(name: object) -> object:
    if not isinstance(name, str):
        return name
    namespace, local = _split(name)
    return local if _TYPES.get(local) == namespace else name


def _read_nodes(value: object) -> list[Any]:
    """Read what the context keeps as an array of objects."""
    return [_read_node(item) if isinstance(item, Mapping) else item for item in _as_list(value)]


def _read_one(value: object) -> object:
    """Read a single object."""
    item = _single(value)
    return _read_node(item) if isinstance(item, Mapping) else item


def _read_text(value: object) -> object:
    """Read a string, which may be wrapped as a literal or as an IRI."""
    item = _single(value)
    if isinstance(item, Mapping):
        for keyword in ("@value", "@id"):
            if isinstance(item.get(keyword), str):
                return item[keyword]
    return item


def _read_texts(value: object) -> object:
    """Read a string or an array of strings, in the shape it has."""
    if isinstance(value, list | tuple):
        return [_read_text(item) for item in value]
    return _read_text(value)


def _read_reference(value: object) -> object:
    """Read an object, or its ``@id`` where nothing else is said of it."""
    item = _single(value)
    if isinstance(item, Mapping):
        only_named = set(item) == {"@id"} and isinstance(item["@id"], str)
        return item["@id"] if only_named else _read_node(item)
    return item


def _read_odrl_name(value: object) -> object:
    """Read a name: bare where the protocol's context defines it, else as it is written."""
    name = _read_text(value)
    if not isinstance(name, str):
        return name
    short = _short_name(name, _ODRL)
    return short if short in _PROFILE_NAMES else without_edc_prefix(name)


def _read_state_name(value: object) -> object:
    """Read the name of a state or an event."""
    return _short_name(_read_text(value), _DSPACE)


def _short_name(name: object, namespace: str) -> object:
    if not isinstance(name, str):
        return name
    found, local = _split(name)
    return local if found == namespace else name


def _read_operand(value: object) -> object:
    """Read a right operand: plain strings as they are, everything else with its type."""
    if isinstance(value, list | tuple):
        return [_read_operand(item) for item in value]
    if isinstance(value, Mapping):
        return _read_typed(value)
    datatype = _DATATYPES.get(type(value))
    return value if datatype is None else {"@value": value, "@type": datatype}


def _read_typed(value: Mapping[str, Any]) -> object:
    """Read a right operand that is an object: a list, an IRI, a literal with its type."""
    members = set(value)
    if members in ({"@list"}, {"@set"}):
        return [_read_operand(item) for item in _as_list(value)]
    if members in ({"@id"}, {"@value"}):
        return _read_operand(next(iter(value.values())))
    if isinstance(value.get("@type"), str):
        return {**value, "@type": _prefixed(value["@type"])}
    return dict(value)


def _prefixed(iri: str) -> str:
    namespace, local = _split(iri)
    return f"{_PREFIXES[namespace]}{local}" if namespace else iri


def _split(name: str) -> tuple[str | None, str]:
    """Return namespace and local name of a prefixed name or IRI of one of the namespaces."""
    for namespace, prefix in _PREFIXES.items():
        for start in (prefix, namespace):
            local = name.removeprefix(start)
            # A short name that looks like an IRI again would mean something else.
            if local != name and _LOCAL_NAME.fullmatch(local):
                return namespace, local
    return None, name


def _single(value: object) -> object:
    """Unwrap an array of one, as the expanded form has it."""
    while isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    return value


def _as_list(value: object) -> list[Any]:
    """Return the items of an array, of ``@set`` or ``@list``, or the one value as a list."""
    if isinstance(value, Mapping):
        for keyword in ("@set", "@list"):
            if set(value) == {keyword}:
                return _as_list(value[keyword])
    return list(value) if isinstance(value, list | tuple) else [value]


def _malformed(message: str) -> RemoteProtocolError:
    return RemoteProtocolError(message, code="message.malformed")


class _Term(NamedTuple):
    """A member of the protocol: its short name and how its value is read."""

    name: str
    read: Callable[[object], object]


def _terms(namespace: str, names: Mapping[Callable[[object], object], str]) -> dict[str, _Term]:
    """Return the terms of a namespace under each of their spellings, prefixed ones never bare."""
    return {
        spelling: _Term(name, reader)
        for reader, listed in names.items()
        for name in listed.split()
        for local in (name.removeprefix(_PREFIXES[namespace]),)
        for spelling in (name, f"{_PREFIXES[namespace]}{local}", f"{namespace}{local}")
    }


# The value kinds are those of the 2025-1 context (dspace.jsonld) and its ODRL profile.
_TERMS: Final[Mapping[str, _Term]] = MappingProxyType(
    _terms(
        _DSPACE,
        {
            _read_text: "consumerPid providerPid participantId agreementId callbackAddress"
            " timestamp code endpointType endpoint name value",
            _read_state_name: "state eventType",
            _read_one: "offer agreement dataAddress",
            _read_nodes: "endpointProperties",
            _as_list: "reason filter",
        },
    )
    | _terms(_DCT, {_read_text: "format"})
    | _terms(
        _DCAT,
        {
            _read_nodes: "service dataset catalog distribution",
            _read_reference: "accessService",
            _read_text: "endpointURL endpointDescription",
        },
    )
    | _terms(
        _ODRL,
        {
            _read_nodes: "hasPolicy permission prohibition obligation duty constraint"
            " and or xone andSequence",
            _read_text: "target assigner assignee",
            _read_texts: "profile",
            _read_odrl_name: "action operator leftOperand",
            _read_operand: "rightOperand",
        },
    )
    # Terms of ODRL that the protocol's context does not define: bare they would mean nothing.
    | _terms(
        _ODRL,
        {
            _read_nodes: "odrl:remedy odrl:consequence odrl:refinement",
            _read_text: "odrl:unit odrl:source odrl:informedParty odrl:compensatedParty",
        },
    )
    | {ACTION_REFINEMENT: _Term(ACTION_REFINEMENT, _read_nodes)}
    | {name: _Term(name, _read_one) for name in (ASSETS, PARTIES)}
)

# The one short name that means two things: dcat:dataset in a catalogue, dspace:dataset here.
_REQUEST_TERMS: Final[Mapping[str, _Term]] = MappingProxyType(
    {**_TERMS, **_terms(_DSPACE, {_read_text: "dataset"})}
)

_OPERATORS = "eq neq gt gteq lt lteq isA hasPart isPartOf isAllOf isAnyOf isNoneOf term-lteq"
_PROFILE_NAMES: Final = frozenset({"use", *_OPERATORS.split()})
"""Actions and operators that the protocol's context defines; it defines no left operand."""

_DATATYPES: Final[Mapping[type, str]] = MappingProxyType(
    {bool: "xsd:boolean", int: "xsd:integer", float: "xsd:double"}
)
"""Datatype of a native JSON value (JSON-LD 1.1 API, "Data Round Tripping")."""

_DSPACE_TYPES = (
    "CatalogRequestMessage DatasetRequestMessage CatalogError ContractRequestMessage"
    " ContractOfferMessage ContractAgreementMessage ContractAgreementVerificationMessage"
    " ContractNegotiationEventMessage ContractNegotiationTerminationMessage"
    " ContractNegotiation ContractNegotiationError TransferRequestMessage TransferStartMessage"
    " TransferSuspensionMessage TransferCompletionMessage TransferTerminationMessage"
    " TransferProcess TransferError DataAddress EndpointProperty"
)
_DCAT_TYPES = ("Catalog", "Dataset", "Distribution", "DataService")
_ODRL_TYPES = ("Offer", "Agreement", "Set", "Permission", "Prohibition", "Duty", "Constraint")
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(_DSPACE_TYPES.split(), _DSPACE)
    | dict.fromkeys(_DCAT_TYPES, _DCAT)
    | dict.fromkeys(_ODRL_TYPES, _ODRL)
)
