"""The official schemas and examples, loaded without a network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft201909Validator
from referencing import Registry, Resource

from trustspace.model.contexts import DSP_CONTEXT

BASE = "https://w3id.org/dspace/2025/1/"

# Schema of each message; the others are named after the class.
SCHEMAS = {
    "CatalogRequestMessage": "catalog/catalog-request-message-schema.json",
    "DatasetRequestMessage": "catalog/dataset-request-message-schema.json",
    "Catalog": "catalog/catalog-schema.json",
    "Dataset": "catalog/dataset-schema.json",
    "CatalogError": "catalog/catalog-error-schema.json",
    "ContractRequestMessage": "negotiation/contract-request-message-schema.json",
    "ContractOfferMessage": "negotiation/contract-offer-message-schema.json",
    "ContractAgreementMessage": "negotiation/contract-agreement-message-schema.json",
    "ContractAgreementVerificationMessage": (
        "negotiation/contract-agreement-verification-message-schema.json"
    ),
    "ContractNegotiationEventMessage": "negotiation/contract-negotiation-event-message-schema.json",
    "ContractNegotiationTerminationMessage": (
        "negotiation/contract-negotiation-termination-message-schema.json"
    ),
    "ContractNegotiation": "negotiation/contract-negotiation-schema.json",
    "ContractNegotiationError": "negotiation/contract-negotiation-error-schema.json",
    "TransferRequestMessage": "transfer/transfer-request-message-schema.json",
    "TransferStartMessage": "transfer/transfer-start-message-schema.json",
    "TransferSuspensionMessage": "transfer/transfer-suspension-message-schema.json",
    "TransferCompletionMessage": "transfer/transfer-completion-message-schema.json",
    "TransferTerminationMessage": "transfer/transfer-termination-message-schema.json",
    "TransferProcess": "transfer/transfer-process-schema.json",
    "TransferError": "transfer/transfer-error-schema.json",
    "VersionResponse": "common/protocol-version-schema.json",
}


@pytest.fixture(scope="session")
def assert_official(dsp_schemas: Path) -> Callable[[dict[str, Any]], None]:
    """Return a check of an emitted document against the official schema of its class."""
    registry: Registry[Any] = Registry().with_resources(
        (f"{BASE}{path.relative_to(dsp_schemas).as_posix()}", _schema(path))
        for path in sorted(dsp_schemas.glob("*/*-schema.json"))
    )
    validators = {
        name: Draft201909Validator({"$ref": BASE + path}, registry=registry)
        for name, path in SCHEMAS.items()
    }

    def check(document: dict[str, Any]) -> None:
        name = document.get("@type", "VersionResponse")
        validators[name].validate(document)
        if name != "VersionResponse":
            assert document["@context"] == [DSP_CONTEXT]

    return check


@pytest.fixture(scope="session")
def official_examples(dsp_schemas: Path) -> dict[str, Any]:
    """Return the official example messages by file name; those of DID services are no messages."""
    return {
        path.name: json.loads(path.read_bytes())
        for path in sorted(dsp_schemas.glob("*/example/*.json"))
        if not path.name.endswith("did-service.json")
    }


def _schema(path: Path) -> "Resource[Any]":
    text = path.read_text("utf-8")
    # Three transfer schemas refer to definitions without the slash that makes a JSON pointer.
    return Resource.from_contents(json.loads(text.replace("#definitions/", "#/definitions/")))
