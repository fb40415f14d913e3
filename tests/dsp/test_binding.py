"""Where messages go, and what lies where."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.dsp import binding
from trustspace.dsp.binding import ROUTES, base_of, path_of
from trustspace.dsp.messages import (
    CatalogRequestMessage,
    ContractAgreementMessage,
    ContractAgreementVerificationMessage,
    ContractNegotiationEventMessage,
    ContractNegotiationTerminationMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    NegotiationEvent,
    ProtocolVersion,
    TransferCompletionMessage,
    TransferRequestMessage,
    TransferStartMessage,
    TransferSuspensionMessage,
    TransferTerminationMessage,
)
from trustspace.errors import LocalProtocolError
from trustspace.model.odrl import Agreement, Offer
from trustspace.model.participant import Role

RULES = {"@id": "o1", "target": "d1", "permission": [{"action": "use"}]}
OFFER = Offer.read(RULES)
AGREEMENT = Agreement.read(
    RULES | {"assigner": "a", "assignee": "b", "timestamp": "2026-11-24T10:00:00Z"}
)
PIDS: dict[str, Any] = {"consumer_pid": "c1", "provider_pid": "p1"}
CALLBACK: dict[str, Any] = {"callback_address": "https://consumer.example"}
TRANSFER = TransferRequestMessage(consumer_pid="c1", agreement_id="a1", format="x", **CALLBACK)

OPENING = [
    (CatalogRequestMessage(), "catalog/request"),
    (
        ContractRequestMessage(consumer_pid="c1", offer=OFFER, **CALLBACK),
        "negotiations/request",
    ),
    (ContractOfferMessage(provider_pid="p1", offer=OFFER, **CALLBACK), "negotiations/offers"),
    (TRANSFER, "transfers/request"),
]
LATER = [
    (ContractRequestMessage(offer=OFFER, **PIDS), "negotiations/{}/request"),
    (ContractOfferMessage(offer=OFFER, **PIDS), "negotiations/{}/offers"),
    (ContractAgreementMessage(agreement=AGREEMENT, **PIDS), "negotiations/{}/agreement"),
    (
        ContractAgreementVerificationMessage(**PIDS),
        "negotiations/{}/agreement/verification",
    ),
    (
        ContractNegotiationEventMessage(event_type=NegotiationEvent.ACCEPTED, **PIDS),
        "negotiations/{}/events",
    ),
    (ContractNegotiationTerminationMessage(**PIDS), "negotiations/{}/termination"),
    (TransferStartMessage(**PIDS), "transfers/{}/start"),
    (TransferSuspensionMessage(**PIDS), "transfers/{}/suspension"),
    (TransferCompletionMessage(**PIDS), "transfers/{}/completion"),
    (TransferTerminationMessage(**PIDS), "transfers/{}/termination"),
]


@pytest.mark.parametrize(("message", "path"), OPENING)
def test_an_opening_message_goes_to_a_fixed_path(message: Any, path: str):
    assert path_of(message) == path
    with pytest.raises(LocalProtocolError, match="no pid yet"):
        path_of(message, "p1")


@pytest.mark.parametrize(("message", "path"), LATER)
def test_a_later_message_goes_to_the_receivers_pid(message: Any, path: str):
    assert path_of(message, "urn:uuid:p/1") == path.format("urn%3Auuid%3Ap%2F1")
    with pytest.raises(LocalProtocolError, match="pid is missing"):
        path_of(message)


def test_paths_to_read_from():
    assert binding.catalog_request_path() == "catalog/request"
    assert binding.dataset_path("urn:uuid:d/1") == "catalog/datasets/urn%3Auuid%3Ad%2F1"
    assert binding.negotiation_path("p 1") == "negotiations/p%201"
    assert binding.transfer_path("玫") == "transfers/%E7%8E%AB"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_any_id_is_one_segment(dataset_id: str):
    segments = binding.dataset_path(dataset_id).split("/")
    assert len(segments) == 3
    assert unquote(segments[2]) == dataset_id
    assert segments[2] not in (".", "..")
    assert not set("?#\\ ") & set(segments[2])


@pytest.mark.parametrize("base", ["https://p.example/dsp", "https://p.example/dsp/"])
@pytest.mark.parametrize("path", ["catalog/request", "/catalog/request"])
def test_a_slash_more_or_less_does_not_matter(base: str, path: str):
    assert binding.join(base, path) == "https://p.example/dsp/catalog/request"


def test_the_endpoints_are_those_of_the_specification():
    served = {role: sum(route.role is role for route in ROUTES) for role in Role}
    # 2 catalogue, 6 + 6 negotiation, 6 + 4 transfer; and the consumer's GET of a transfer.
    assert served == {Role.PROVIDER: 14, Role.CONSUMER: 11}
    assert len({(route.method, route.path, route.role) for route in ROUTES}) == len(ROUTES)
    assert {route.path for route in ROUTES if route.status == 201} == {
        "negotiations/request",
        "negotiations/offers",
        "transfers/request",
    }


def test_a_literal_path_comes_before_one_with_a_pid():
    paths = [route.path for route in ROUTES]
    assert paths.index("negotiations/request") < paths.index("negotiations/{pid}")
    assert paths.index("transfers/request") < paths.index("transfers/{pid}")


def test_every_message_is_served_by_its_receiver():
    for message, _ in OPENING + LATER:
        assert any(route.message is type(message) for route in ROUTES)
    for route in ROUTES:
        assert (route.method == "GET") is (route.message is None)


def test_the_version_document():
    entry = ProtocolVersion(
        version=binding.VERSION,
        path="/garden/dsp",
        binding="HTTPS",
        service_id="did:web:provider.example:garden",
    )
    assert binding.version_document([entry]) == {
        "protocolVersions": [
            {
                "version": "2025-1",
                "path": "/garden/dsp",
                "binding": "HTTPS",
                "serviceId": "did:web:provider.example:garden",
            }
        ]
    }
    with pytest.raises(LocalProtocolError):
        binding.version_document([])


def test_error_bodies():
    assert binding.negotiation_error(
        "negotiation.state", "not now", consumer_pid="c1", provider_pid="p1"
    ) == {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "ContractNegotiationError",
        "consumerPid": "c1",
        "providerPid": "p1",
        "code": "negotiation.state",
        "reason": ["not now"],
    }
    body = binding.transfer_error("transfer.state", consumer_pid="c1", provider_pid="p1")
    assert body["@type"] == "TransferError"
    assert "reason" not in body
    assert binding.catalog_error("catalog.filter", "x")["reason"] == ["x"]


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://a.example/dsp/catalog/request", "https://a.example/dsp"),
        (
            "https://a.example/negotiations/x/negotiations/p%2F1/events",
            "https://a.example/negotiations/x",
        ),
        ("https://a.example/catalog/dsp/transfers/request", "https://a.example/catalog/dsp"),
        ("https://a.example/elsewhere", "https://a.example/elsewhere"),
    ],
)
def test_the_base_of_an_endpoint(url: str, base: str) -> None:
    assert base_of(url) == base
