"""Reading what peers send in any spelling, refusing the rest; writing strictly."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from trustspace.dsp.messages import (
    CatalogRequestMessage,
    ContractAgreementMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    DatasetRequestMessage,
    ProtocolVersion,
    TransferProcess,
    TransferRequestMessage,
    TransferStartMessage,
    VersionResponse,
)
from trustspace.dsp.wire import as_identifier, emit, parse, parse_any, timestamp
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model.contexts import DSP_CONTEXT, EDC_CONTEXT
from trustspace.model.dataset import Catalog, Dataset
from trustspace.model.odrl import Offer

OFFER = {"@id": "o1", "@type": "Offer", "target": "d1", "permission": [{"action": "use"}]}
CATALOGUE_OFFER = {"@id": "o1", "@type": "Offer", "permission": [{"action": "use"}]}
REQUEST = {
    "@context": [DSP_CONTEXT],
    "@id": "m1",
    "@type": "ContractRequestMessage",
    "consumerPid": "c1",
    "offer": OFFER,
    "callbackAddress": "https://consumer.example",
}
AGREEMENT_MESSAGE: dict[str, Any] = {
    "@context": [DSP_CONTEXT],
    "@type": "ContractAgreementMessage",
    "consumerPid": "c1",
    "providerPid": "p1",
    "agreement": OFFER
    | {
        "@type": "Agreement",
        "assigner": "did:web:a",
        "assignee": "did:web:b",
        "timestamp": "2026-11-24T10:00:00Z",
    },
}
SERVICE = {"@id": "s1", "@type": "DataService", "endpointURL": "https://provider.example/dsp"}
DISTRIBUTION = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "s1"}
DATASET = {
    "@id": "d1",
    "@type": "Dataset",
    "hasPolicy": [CATALOGUE_OFFER],
    "distribution": [DISTRIBUTION],
}
CATALOG = {
    "@context": [DSP_CONTEXT],
    "@id": "c1",
    "@type": "Catalog",
    "participantId": "did:web:provider.example",
    "service": [SERVICE],
    "dataset": [DATASET],
}


def test_a_prefixed_message_is_the_same_message():
    document = {
        "@context": DSP_CONTEXT,
        "@id": "m1",
        "@type": ["dspace:ContractRequestMessage"],
        "dspace:consumerPid": {"@id": "c1"},
        "dspace:callbackAddress": {"@value": "https://consumer.example"},
        "https://w3id.org/dspace/2025/1/offer": {
            "@id": "o1",
            "@type": "odrl:Offer",
            "odrl:target": {"@id": "d1"},
            "odrl:permission": {"odrl:action": {"@id": "odrl:use"}},
        },
    }
    assert parse(document, ContractRequestMessage) == parse(REQUEST, ContractRequestMessage)
    assert emit(parse_any(document)) == REQUEST


def test_an_eclipse_catalogue_is_read():
    document = {
        "@context": [DSP_CONTEXT, EDC_CONTEXT],
        "@id": "c1",
        "@type": "Catalog",
        "participantId": "provider",
        "dataset": {
            "@id": "d1",
            "@type": "Dataset",
            "id": "d1",
            "edc:name": "roses",
            "hasPolicy": {
                "@id": "MQ==:ZDE=:YmQ=",
                "@type": "Offer",
                "permission": [],
                "prohibition": {
                    "action": "sell",
                    "constraint": {
                        "or": {"leftOperand": "purpose", "operator": "eq", "rightOperand": "x"}
                    },
                },
                "obligation": [],
            },
            "distribution": {
                "@type": "Distribution",
                "format": "HttpData-PULL",
                "accessService": SERVICE | {"endpointDescription": "dspace:connector"},
            },
        },
        "catalog": [],
        "distribution": [],
        "service": SERVICE | {"endpointDescription": "dspace:connector"},
        "originator": "http://provider.example/dsp",
    }
    catalog = parse(document, Catalog)
    assert catalog.services[0].endpoint_url == "https://provider.example/dsp"
    emitted = emit(catalog)
    assert emitted["originator"] == "http://provider.example/dsp"
    assert emitted["dataset"][0]["edc:name"] == "roses"
    assert emitted["dataset"][0]["id"] == "d1"
    constraint = emitted["dataset"][0]["hasPolicy"][0]["prohibition"][0]["constraint"][0]
    assert constraint["or"][0]["rightOperand"] == "x"


def test_an_eclipse_start_message_is_read():
    names = "https://w3id.org/edc/v0.0.1/ns/"
    document = {
        "@context": [DSP_CONTEXT, EDC_CONTEXT],
        "@id": "m1",
        "@type": "TransferStartMessage",
        "consumerPid": "c1",
        "providerPid": "p1",
        "dataAddress": {
            "@type": "DataAddress",
            "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
            "endpointProperties": [
                {"@type": "EndpointProperty", "name": names + name, "value": value}
                for name, value in (("endpoint", "https://data.example"), ("authorization", "t"))
            ],
        },
    }
    address = parse(document, TransferStartMessage).data_address
    assert address is not None
    assert address.endpoint is None
    assert address.property("endpoint") == "https://data.example"
    assert address.property("authorization") == "t"


def test_a_dataset_may_lack_its_class():
    document = {key: value for key, value in DATASET.items() if key != "@type"}
    assert parse({"@context": DSP_CONTEXT} | document, Dataset).id == "d1"
    with pytest.raises(RemoteProtocolError) as caught:
        parse_any({"@context": DSP_CONTEXT} | document)
    assert caught.value.code == "message.type"


@pytest.mark.parametrize(
    "found", ["TransferProcess", "dcat:ContractRequestMessage", None, 3, ["A", "B"], "x" * 1000]
)
def test_another_message_is_refused(found: Any):
    with pytest.raises(RemoteProtocolError) as caught:
        parse(REQUEST | {"@type": found}, ContractRequestMessage)
    assert caught.value.code == "message.type"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("found", ["Offer", "VersionResponse", None, 3, {}])
def test_what_is_no_message_is_refused(found: Any):
    with pytest.raises(RemoteProtocolError) as caught:
        parse_any(REQUEST | {"@type": found})
    assert caught.value.code == "message.type"


def test_the_version_document_is_plain_json():
    document = {
        "@context": "https://w3id.org/dspace/2024/1/context.json",
        "protocolVersions": [{"version": "2025-1", "path": "/dsp", "binding": "HTTPS"}],
    }
    response = parse(document, VersionResponse)
    assert response.protocol_versions[0].path == "/dsp"
    assert "@context" not in emit(response)
    refused: list[Any] = [None, [], "x", {}, {"protocolVersions": [3]}, {"x": float("nan")}]
    for malformed in refused:
        with pytest.raises(RemoteProtocolError) as caught:
            parse(malformed, VersionResponse)
        assert caught.value.code == "message.malformed"


# --- writing ---


def copied(document: dict[str, Any], **changes: Any) -> Any:
    return parse_any(document).model_copy(update=changes)


ADDRESSED = {"callback_address": "https://consumer.example"}
TARGETED = Offer.read(OFFER)
UNTARGETED = Offer.read(CATALOGUE_OFFER)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (copied(REQUEST, provider_pid="p1"), "both pids are known"),
        (copied(REQUEST, offer=UNTARGETED), "target"),
        (copied(REQUEST, consumer_pid=""), "consumerPid"),
        (
            ContractOfferMessage(provider_pid="p1", consumer_pid="c1", offer=TARGETED, **ADDRESSED),
            "both pids are known",
        ),
        (copied(CATALOG, participant_id=None), "participantId"),
        (copied(CATALOG, services=()), "no service"),
        (parse_any(CATALOG | {"service": [SERVICE | {"servesDataset": []}]}), "servesDataset"),
        (parse_any(CATALOG | {"hasPolicy": []}), "hasPolicy"),
        (parse_any(CATALOG | {"catalog": [{"@id": "c2", "@type": "Catalog"}]}), "no service"),
        (parse_any(CATALOG | {"dataset": [DATASET | {"hasPolicy": [OFFER]}]}), "target"),
        (
            parse_any(CATALOG | {"distribution": [DISTRIBUTION | {"hasPolicy": [OFFER]}]}),
            "the offer o1 with a target",
        ),
        (
            parse_any(
                {"@context": DSP_CONTEXT}
                | DATASET
                | {"distribution": [DISTRIBUTION | {"hasPolicy": [OFFER]}]}
            ),
            "the offer o1 with a target",
        ),
        (
            VersionResponse(protocol_versions=(ProtocolVersion(version="2025-1", path="/dsp"),)),
            "binding HTTPS",
        ),
    ],
)
def test_what_a_receiver_might_refuse_is_not_sent(message: Any, problem: str):
    with pytest.raises(LocalProtocolError, match=problem) as caught:
        emit(message)
    assert caught.value.code == "message.malformed"


@pytest.mark.parametrize(
    ("zone", "sent"), [("Z", True), ("+08:00", True), ("-05:00", True), ("", False)]
)
def test_the_time_of_an_agreement_is_sent_with_its_zone(zone: str, sent: bool):
    agreement = AGREEMENT_MESSAGE["agreement"] | {"timestamp": f"2026-11-24T10:00:00{zone}"}
    message = parse(AGREEMENT_MESSAGE | {"agreement": agreement}, ContractAgreementMessage)
    if sent:
        assert emit(message)["agreement"]["timestamp"] == agreement["timestamp"]
    else:
        with pytest.raises(LocalProtocolError, match="zone"):
            emit(message)


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        (({"@context": {"action": "https://attacker.example/"}},), "message.context"),
        ((float("nan"),), "message.malformed"),
        ((2**60,), "message.malformed"),
    ],
)
def test_nothing_is_sent_that_could_not_be_read(filters: Any, code: str):
    with pytest.raises(LocalProtocolError) as caught:
        emit(CatalogRequestMessage(filter=filters))
    assert caught.value.code == code


def test_a_context_among_the_unknown_members_does_not_replace_ours():
    message = CatalogRequestMessage.read({"@context": {"action": "https://attacker.example/"}})
    assert emit(message)["@context"] == [DSP_CONTEXT]


def test_the_dataset_request_is_a_message_too():
    message = DatasetRequestMessage(dataset="d1")
    assert parse_any(emit(message)) == message


def test_timestamps_are_utc_to_the_second():
    shanghai = datetime(2026, 11, 24, 18, 0, 1, 999, tzinfo=timezone(timedelta(hours=8)))
    assert timestamp(shanghai) == "2026-11-24T10:00:01Z"
    assert timestamp(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"
    with pytest.raises(ValueError, match="zone"):
        timestamp(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_secrets_of_an_address_are_not_shown():
    document = {
        "@context": [DSP_CONTEXT],
        "@type": "TransferRequestMessage",
        "consumerPid": "c1",
        "agreementId": "a1",
        "format": "HttpData-PUSH",
        "callbackAddress": "https://consumer.example",
        "dataAddress": {
            "@type": "DataAddress",
            "endpointType": "x",
            "endpointProperties": [
                {"@type": "EndpointProperty", "name": "authorization", "value": "hidden-token"}
            ],
        },
    }
    assert "hidden-token" not in repr(parse(document, TransferRequestMessage))
    with pytest.raises(RemoteProtocolError) as caught:
        parse(document, TransferProcess)
    assert "hidden-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("urn:uuid:1", "urn:uuid:1"),
        ("d 1", "d 1"),
        ("x" * 2_048, "x" * 2_048),
        ("x" * 2_049, None),
        ("", None),
        ("a\x00", None),
        ("a\n", None),
        (1, None),
        (["a"], None),
        (None, None),
    ],
)
def test_what_can_be_an_identifier(value: Any, found: str | None):
    assert as_identifier(value) == found
