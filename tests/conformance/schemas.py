"""The official JSON schemas, and the rules beside them that the kit holds messages to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft201909Validator
from referencing import Registry, Resource

PREFIX = "https://w3id.org/dspace/2025/1/"
CONTEXT = f"{PREFIX}context.jsonld"
KNOWN_CONTEXTS = frozenset({CONTEXT, f"{PREFIX}odrl-profile.jsonld"})
"""Contexts that the kit has; any other cannot be expanded."""

FOLDERS = {"Catalog": "catalog", "Dataset": "catalog", "Contract": "negotiation"}
VERSIONS = "common/protocol-version"

NAMES = (
    *("Catalog", "Dataset", "CatalogError"),
    *("ContractRequestMessage", "ContractOfferMessage", "ContractAgreementMessage"),
    *("ContractAgreementVerificationMessage", "ContractNegotiationEventMessage"),
    *("ContractNegotiationTerminationMessage", "ContractNegotiation", "ContractNegotiationError"),
    *("TransferRequestMessage", "TransferStartMessage", "TransferSuspensionMessage"),
    *("TransferCompletionMessage", "TransferTerminationMessage", "TransferProcess"),
    "TransferError",
)
"""Everything that the connector sends in both roles, but the version document."""


class Schemas:
    """Validators of everything that the connector sends.

    Args:
        folder: Where the official schemas are; None where they are not, and then only the rules
            beside them are held.
    """

    def __init__(self, folder: Path | None) -> None:
        self._validators: dict[str, Draft201909Validator] = {}
        if folder is None:
            return
        registry: Registry[Any] = Registry().with_resources(
            (PREFIX + path.relative_to(folder).as_posix(), _schema(path))
            for path in sorted(folder.glob("*/*-schema.json"))
        )
        for name in (*NAMES, ""):
            path = f"{_path(name) if name else VERSIONS}-schema.json"
            if not (folder / path).is_file():
                raise FileNotFoundError(f"the official schemas have no {path} in {folder}")
            self._validators[name] = Draft201909Validator(
                {"$ref": PREFIX + path}, registry=registry
            )

    @property
    def are_there(self) -> bool:
        """Whether messages are validated at all."""
        return bool(self._validators)

    def faults(self, document: object) -> list[str]:
        """Return what is wrong with a message, shortly."""
        if not isinstance(document, Mapping):
            return ["it is not a JSON object"]
        kind = document.get("@type")
        if not isinstance(kind, str):
            return ["its @type is not one string"]
        found = list(_beside(document.get("@context")))
        if self._validators and kind not in self._validators:
            return [*found, f"nobody sends a {kind[:80]}"]
        return found + self._against(kind, document)

    def version_faults(self, document: object) -> list[str]:
        """Return what is wrong with a version document."""
        return self._against("", document)

    def _against(self, name: str, document: object) -> list[str]:
        validator = self._validators.get(name)
        errors = () if validator is None else validator.iter_errors(document)
        return [f"{error.json_path}: {error.message[:300]}" for error in errors]


def _beside(context: object) -> Iterator[str]:
    if not isinstance(context, list) or CONTEXT not in context:
        yield "its @context is not an array with the protocol's"
    elif not KNOWN_CONTEXTS.issuperset(map(str, context)):
        yield f"its @context has what the kit does not know: {context}"


def _path(name: str) -> str:
    folder = next((FOLDERS[start] for start in FOLDERS if name.startswith(start)), "transfer")
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return f"{folder}/{words.removeprefix('-')}"


def _schema(path: Path) -> Resource[Any]:
    # Three of the published schemas refer to a definition without the slash of a JSON pointer.
    text = path.read_text(encoding="utf-8").replace("#definitions/", "#/definitions/")
    return Resource.from_contents(json.loads(text))
