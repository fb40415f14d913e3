"""Whatever arrives is read or refused; no document makes the reader fail in any other way."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.dsp.messages import MESSAGE_TYPES, VersionResponse
from trustspace.dsp.wire import emit, parse, parse_any
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model.contexts import DSP_CONTEXT

CONSTRAINT = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["research"]}
RULES = {"permission": [{"action": "use", "constraint": [{"or": [CONSTRAINT, CONSTRAINT]}]}]}
OFFER = {"@id": "o1", "@type": "Offer", "target": "d1", **RULES}
REQUEST = {
    "@context": [DSP_CONTEXT],
    "@id": "m1",
    "@type": "ContractRequestMessage",
    "consumerPid": "c1",
    "offer": OFFER,
    "callbackAddress": "https://consumer.example",
}
AGREEMENT = {
    "@context": [DSP_CONTEXT],
    "@type": "ContractAgreementMessage",
    "consumerPid": "c1",
    "providerPid": "p1",
    "agreement": {
        **OFFER,
        "@type": "Agreement",
        "assigner": "did:web:a",
        "assignee": "did:web:b",
        "timestamp": "2026-11-24T10:00:00Z",
    },
}
CATALOG = {
    "@context": [DSP_CONTEXT],
    "@id": "c1",
    "@type": "Catalog",
    "participantId": "did:web:provider.example",
    "service": [{"@id": "s1", "@type": "DataService", "endpointURL": "https://p.example/dsp"}],
    "dataset": [
        {
            "@id": "d1",
            "@type": "Dataset",
            "hasPolicy": [{"@id": "o1", "@type": "Offer", **RULES}],
            "distribution": [
                {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "s1"}
            ],
        }
    ],
}
START = {
    "@context": [DSP_CONTEXT],
    "@type": "TransferStartMessage",
    "consumerPid": "c1",
    "providerPid": "p1",
    "dataAddress": {
        "@type": "DataAddress",
        "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
        "endpointProperties": [
            {"@type": "EndpointProperty", "name": "authorization", "value": "token"}
        ],
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=15,
)
VALID = [REQUEST, AGREEMENT, CATALOG, START]


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value of a document."""
    items: list[tuple[Any, Any]] = []
    if isinstance(document, dict):
        items = list(document.items())
    elif isinstance(document, list):
        items = list(enumerate(document))
    return [path, *(found for key, value in items for found in places(value, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """Valid messages with one value replaced, removed or wrapped."""
    document = copy.deepcopy(draw(st.sampled_from(VALID)))
    path = draw(st.sampled_from(places(document)[1:]))
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    old = holder.pop(path[-1])
    if draw(st.booleans()):
        new = draw(JSON | st.just([old]) | st.just({"@id": old}) | st.just({"@value": old}))
        if isinstance(holder, list):
            holder.insert(path[-1], new)
        else:
            holder[path[-1]] = new
    return document


def harmless(document: Any) -> None:
    try:
        message = parse_any(document)
    except RemoteProtocolError as error:
        assert error.code in {"message.context", "message.type", "message.malformed"}  # noqa: PT017
    else:
        assert parse(document, type(message)) == message
        try:
            emitted = emit(message)
        except LocalProtocolError:
            return  # read leniently, not good enough to be sent on
        assert parse_any(emitted) == message


@given(JSON)
def test_any_json_is_read_or_refused(document: Any):
    harmless(document)
    for name in MESSAGE_TYPES:
        head = {"@context": [DSP_CONTEXT], "@type": name}
        harmless(
            {**head, **document} if isinstance(document, dict) else {**head, "offer": document}
        )


@given(damaged())
def test_any_damage_is_read_or_refused(document: Any):
    harmless(document)


@given(JSON)
def test_any_json_as_a_version_document_is_read_or_refused(document: Any):
    for candidate in (document, {"protocolVersions": document}, {"protocolVersions": [document]}):
        try:
            parse(candidate, VersionResponse)
        except RemoteProtocolError as error:
            assert error.code == "message.malformed"  # noqa: PT017 - or no error


def test_a_deep_document_is_refused_without_a_stack_overflow():
    constraint: Any = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "x"}
    for _ in range(50_000):
        constraint = {"and": [constraint]}
    document = copy.deepcopy(REQUEST)
    document["offer"] = OFFER | {"permission": [{"action": "use", "constraint": [constraint]}]}
    with pytest.raises(RemoteProtocolError) as caught:
        parse_any(document)
    assert caught.value.code == "message.malformed"
    while isinstance(constraint, dict):  # freed level by level, not by recursion
        constraint = constraint.pop("and", [None]).pop()
