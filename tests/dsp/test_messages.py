"""What a message must have for its receiver to understand it."""

from typing import Any

import pytest

from trustspace.dsp.messages import (
    MESSAGE_TYPES,
    ContractAgreementMessage,
    ContractNegotiationEventMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    TransferRequestMessage,
    TransferStartMessage,
    VersionResponse,
)
from trustspace.errors import RemoteProtocolError
from trustspace.model.value import Value

OFFER = {"@id": "o1", "@type": "Offer", "target": "d1", "permission": [{"action": "use"}]}
PIDS = {"consumerPid": "c1", "providerPid": "p1"}
AGREEMENT = OFFER | {
    "@type": "Agreement",
    "assigner": "did:web:a",
    "assignee": "did:web:b",
    "timestamp": "2026-11-24T10:00:00Z",
}
REQUEST = {"consumerPid": "c1", "offer": OFFER, "callbackAddress": "https://consumer.example"}
TRANSFER = {
    "consumerPid": "c1",
    "agreementId": "a1",
    "format": "HttpData-PULL",
    "callbackAddress": "https://consumer.example",
}


def refused(message_type: type[Value], document: dict[str, Any]) -> str:
    with pytest.raises(RemoteProtocolError) as caught:
        message_type.read(document)
    assert caught.value.code == "message.malformed"
    return str(caught.value)


def test_every_type_is_named_after_its_class():
    assert len(MESSAGE_TYPES) == 20
    for name, message_type in MESSAGE_TYPES.items():
        assert message_type.model_fields["type"].default == name


def test_an_initial_message_has_an_address_and_a_later_one_the_pid():
    assert ContractRequestMessage.read(REQUEST).is_initial
    assert not ContractRequestMessage.read(PIDS | {"offer": OFFER}).is_initial
    assert not ContractRequestMessage.read(REQUEST | PIDS).is_initial
    assert "callbackAddress" in refused(
        ContractRequestMessage, {"consumerPid": "c1", "offer": OFFER}
    )
    opening = {"providerPid": "p1", "offer": OFFER, "callbackAddress": "https://provider.example"}
    assert ContractOfferMessage.read(opening).is_initial
    assert not ContractOfferMessage.read(PIDS | {"offer": OFFER}).is_initial
    assert "callbackAddress" in refused(ContractOfferMessage, {"providerPid": "p1", "offer": OFFER})


@pytest.mark.parametrize("message_type", [ContractRequestMessage, ContractOfferMessage])
def test_the_offer_of_a_message_has_the_target_and_its_rules_none(message_type: type[Value]):
    without = {key: value for key, value in OFFER.items() if key != "target"}
    assert "target" in refused(message_type, PIDS | {"offer": without})
    twice = OFFER | {"prohibition": [{"action": "sell", "target": "d1"}]}
    assert "/prohibition/0" in refused(message_type, PIDS | {"offer": twice})


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-11-24T10:00:00Z",
        "2026-11-24T02:40:15.008665461Z",
        "2026-11-24T10:00:00+08:00",
        "2026-11-24T10:00:00-14:00",
        "2026-11-24T10:00:00",
        "2026-11-24T24:00:00Z",
        "12026-11-24T10:00:00.0Z",
    ],
)
def test_timestamps(timestamp: str):
    document = PIDS | {"agreement": AGREEMENT | {"timestamp": timestamp}}
    assert ContractAgreementMessage.read(document).agreement.timestamp == timestamp


@pytest.mark.parametrize(
    "timestamp",
    [
        None,
        "",
        "2026-11-24",
        "2026-11-24T10:00Z",
        "2026-11-24T10:00:00+15:00",
        "2026-11-24T25:00:00Z",
        "2026-13-24T10:00:00Z",
        " 2026-11-24T10:00:00Z",
        "2026-11-24T10:00:00Z\n",
        "2026-11-24T10:00:0\N{ARABIC-INDIC DIGIT ZERO}Z",
        "x2026-11-24T10:00:00Zx",
    ],
)
def test_other_timestamps_are_refused(timestamp: str | None):
    document = PIDS | {"agreement": AGREEMENT | {"timestamp": timestamp}}
    assert "timestamp" in refused(ContractAgreementMessage, document)


def test_the_rules_of_an_agreement_have_no_target():
    permission = [{"action": "use", "target": "d1"}]
    document = PIDS | {"agreement": AGREEMENT | {"permission": permission}}
    assert "/permission/0" in refused(ContractAgreementMessage, document)


@pytest.mark.parametrize("event", ["accepted", "dspace:ACCEPTED", "VERIFIED", "", None, 3])
def test_there_are_two_events(event: Any):
    assert "eventType" in refused(ContractNegotiationEventMessage, PIDS | {"eventType": event})


@pytest.mark.parametrize("pid", ["", "a\nb", "a\x00", "\x7f", "x" * 2049, 3, None, {"@id": "c1"}])
def test_a_pid_is_a_short_string_without_controls(pid: Any):
    assert "consumerPid" in refused(TransferRequestMessage, TRANSFER | {"consumerPid": pid})


def test_a_pid_may_be_any_other_text():
    for pid in ("urn:uuid:1", "玫瑰", "a b/c?d#e%", "x" * 2048):
        assert TransferRequestMessage.read(TRANSFER | {"consumerPid": pid}).consumer_pid == pid


@pytest.mark.parametrize(
    "address",
    [
        {},
        {"endpointType": 3},
        {"@type": "Other", "endpointType": "x"},
        {"endpointType": "x", "endpointProperties": [{"name": "a"}]},
        "https://data.example",
    ],
)
def test_a_data_address_has_a_type(address: Any):
    assert "dataAddress" in refused(TransferStartMessage, PIDS | {"dataAddress": address})


def test_entries_of_other_versions_are_read():
    document = {"protocolVersions": [{"version": "2024-1", "path": "/old"}]}
    assert VersionResponse.read(document).to_wire() == document
    refused(VersionResponse, {"protocolVersions": []})
    refused(VersionResponse, {})
