"""What a message is held to: the official schemas, and the context rules beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.schemas import CONTEXT, NAMES, Schemas

ACKNOWLEDGEMENT: dict[str, Any] = {
    "@context": [CONTEXT],
    "@type": "ContractNegotiation",
    "providerPid": "p",
    "consumerPid": "c",
    "state": "REQUESTED",
}
WITHOUT = Schemas(None)


@pytest.fixture(scope="module")
def schemas(dsp_schemas: Path) -> Schemas:
    return Schemas(dsp_schemas)


def test_a_proper_message_has_no_faults(schemas: Schemas) -> None:
    assert schemas.are_there
    assert schemas.faults(ACKNOWLEDGEMENT) == []
    assert schemas.faults(ACKNOWLEDGEMENT | {"https://example.org/more": 1}) == []


def test_every_official_example_is_proper(schemas: Schemas, dsp_schemas: Path) -> None:
    seen = set()
    for path in dsp_schemas.glob("*/example/*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("@type") in NAMES:
            assert schemas.faults(document) == [], path.name
            seen.add(document["@type"])
    assert len(seen) >= 16
    versions = json.loads((dsp_schemas / "common/example/protocol-version.json").read_text())
    assert schemas.version_faults(versions) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "requested"},
        {"state": "https://w3id.org/dspace/2025/1/REQUESTED"},
        {"providerPid": None},
        {"@type": "SomethingElse"},
    ],
)
def test_what_the_schemas_refuse(schemas: Schemas, changed: dict[str, Any]) -> None:
    assert schemas.faults(ACKNOWLEDGEMENT | changed)


@pytest.mark.parametrize(
    "context",
    [
        CONTEXT,
        [],
        None,
        [{"@vocab": "https://example.org/"}, CONTEXT],
        [CONTEXT, "https://w3id.org/edc/dspace/v0.0.1"],
    ],
    ids=["string", "empty", "none", "inline", "unknown"],
)
def test_the_context_is_an_array_of_known_strings(context: Any) -> None:
    assert WITHOUT.faults(ACKNOWLEDGEMENT | {"@context": context})


def test_without_schemas_the_rules_beside_them_hold() -> None:
    assert not WITHOUT.are_there
    assert WITHOUT.faults(ACKNOWLEDGEMENT) == []
    assert WITHOUT.faults(ACKNOWLEDGEMENT | {"@type": ["ContractNegotiation"]})
    assert WITHOUT.faults([ACKNOWLEDGEMENT])
    assert WITHOUT.version_faults({}) == []


def test_a_folder_that_lacks_schemas_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"catalog/catalog-schema\.json"):
        Schemas(tmp_path)
