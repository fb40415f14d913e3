"""Each dialect has example messages, written by hand from the specifications."""

import json
from pathlib import Path
from typing import Any

import pytest

from trustspace.dsp.dialects import (
    DIALECTS,
    EDC,
    STRICT,
    as_text,
    query_of_page,
    recognise,
    recognise_address,
    recognise_versions,
)
from trustspace.dsp.messages import (
    CatalogRequestMessage,
    ContractAgreementMessage,
    ContractNegotiationTerminationMessage,
    ContractRequestMessage,
    ProtocolVersion,
    TransferStartMessage,
)
from trustspace.dsp.wire import emit, parse, parse_any
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model.contexts import DSP_CONTEXT, EDC_CONTEXT, EDC_NAMESPACE
from trustspace.model.data_address import DataAddress
from trustspace.model.dataset import Catalog, Dataset

EXAMPLES = {path.stem: path for path in sorted(Path(__file__).parent.glob("dialects/*.json"))}


def example(name: str) -> Any:
    return json.loads(EXAMPLES[name].read_text())


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_read_and_shows_its_dialect(name: str) -> None:
    told = example(name)
    message = parse_any(told["message"])
    assert message.to_wire() == told["reads"]
    dialect = DIALECTS[name.partition("-")[0]]
    assert (recognise(told["message"]) or STRICT) is dialect


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_was_read_is_written_so_that_it_is_read_alike(name: str) -> None:
    message = parse_any(example(name)["message"])
    written = emit(message, dialect=EDC)
    assert written.pop("@context") == [DSP_CONTEXT]
    assert written == message.to_wire()
    assert parse_any(written | {"@context": [DSP_CONTEXT]}) == message


def test_every_dialect_has_examples() -> None:
    assert {name.partition("-")[0] for name in EXAMPLES} == set(DIALECTS)
    assert all(name == dialect.name for name, dialect in DIALECTS.items())


@pytest.mark.parametrize("document", [None, [], {}, {"@context": None}, {"@context": [None]}])
def test_what_names_no_context_shows_no_dialect(document: Any) -> None:
    assert recognise(document) is None


@pytest.mark.parametrize(
    ("entry", "dialect"),
    [
        ({"path": "/2025-1"}, EDC),
        ({"path": "/2025-1", "binding": "HTTPS"}, EDC),
        ({"path": "/2025-1", "serviceId": "did:web:provider.example"}, None),
        ({"path": "/2025-1", "identifierType": "did:web"}, None),
        ({"path": "/2025-1", "auth": {"protocol": "DCP", "version": "1.0"}}, None),
        ({"path": "/dsp/2025-1"}, None),
    ],
)
def test_a_version_document_shows_its_dialect(entry: Any, dialect: Any) -> None:
    version = ProtocolVersion.read({"version": "2025-1"} | entry)
    assert recognise_versions([version]) is dialect
    assert recognise_versions([]) is None


def test_a_data_address_shows_its_dialect() -> None:
    message = parse(example("edc-transfer-start")["message"], TransferStartMessage)
    address = message.data_address
    assert address is not None
    assert recognise_address(address) is EDC
    assert address.url == address.property("endpoint") == "http://localhost:8285/api/public"
    named = address.model_copy(update={"endpoint": "https://provider.example/data"})
    assert recognise_address(named) is None
    assert named.url == "https://provider.example/data"
    bare = DataAddress(endpoint_type="https://w3id.org/idsa/v4.1/HTTP")
    assert recognise_address(bare) is None
    assert bare.url is None


def _request() -> ContractRequestMessage:
    told = example("strict-contract-request")["message"]
    told["offer"].pop("permission")
    return parse(told, ContractRequestMessage)


def test_a_policy_without_rules_is_sent_only_where_it_is_asked_for() -> None:
    catalog = parse(example("edc-catalog")["message"], Catalog)
    agreement = example("edc-contract-agreement")["message"]
    agreement["agreement"].pop("permission")
    for message in (
        catalog,
        catalog.datasets[0],
        parse(agreement, ContractAgreementMessage),
        _request(),
    ):
        with pytest.raises(LocalProtocolError, match="without any rule") as caught:
            emit(message)
        assert caught.value.code == "message.malformed"
        assert "permission" not in emit(message, dialect=EDC)


def test_a_dataset_with_rules_is_sent_to_everybody() -> None:
    catalog = parse(example("edc-catalog")["message"], Catalog)
    message = catalog.datasets[1]
    assert parse(emit(message), Dataset) == message


REASONS: dict[str, tuple[Any, str]] = {
    "text": ("no", "no"),
    "told": ({"id": "offer.wider", "text": "'count' is missing"}, "'count' is missing"),
    "constraint": (
        {"id": "permission.constraint", "left": "odrl:spatial", "op": "eq", "expected": "CN"},
        "permission.constraint: odrl:spatial eq CN",
    ),
    "named": ({"id": "agreement.revoked", "expected": None}, "agreement.revoked"),
    "wrong text": ({"id": "x", "text": 3}, "x"),
    "nothing": ({}, ""),
    "number": (3, "3"),
}


@pytest.mark.parametrize("name", REASONS)
def test_reasons_are_text_where_that_is_asked_for(name: str) -> None:
    reason, text = REASONS[name]
    assert as_text(reason) == text
    message = ContractNegotiationTerminationMessage(
        consumer_pid="urn:c", provider_pid="urn:p", code="x", reasons=(reason,)
    )
    assert emit(message)["reason"] == [reason]
    assert emit(message, dialect=EDC)["reason"] == [text]
    silent = message.model_copy(update={"reasons": ()})
    assert "reason" not in emit(silent, dialect=EDC)


def test_a_page_is_asked_for_in_names_written_out() -> None:
    message = CatalogRequestMessage(filter=(query_of_page(50, 25),))
    assert emit(message)["filter"] == [
        {
            "@type": f"{EDC_NAMESPACE}QuerySpec",
            f"{EDC_NAMESPACE}offset": 50,
            f"{EDC_NAMESPACE}limit": 25,
        }
    ]


def test_an_inline_context_beside_the_known_ones_is_refused() -> None:
    document = example("edc-contract-request")["message"]
    document["@context"] = [DSP_CONTEXT, EDC_CONTEXT, {"action": "https://attacker.example/"}]
    with pytest.raises(RemoteProtocolError) as caught:
        parse_any(document)
    assert caught.value.code == "message.context"
