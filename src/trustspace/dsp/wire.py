"""Between JSON and messages: lenient when reading, strict when writing.

What peers send is read in any spelling that means a protocol message (``trustspace.model.jsonld``);
a member that the protocol does not know stays where it was. What we send is held to the official
schemas and to the prose that only a sender can observe, because a receiver may check either.

Example::

    message = parse(body, ContractRequestMessage)
    emit(message)
    # {'@context': ['https://w3id.org/dspace/2025/1/context.jsonld'], '@type': …, …}
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from trustspace.dsp.dialects import STRICT, Dialect, as_text
from trustspace.dsp.messages import (
    MESSAGE_TYPES,
    ContractAgreementMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    Identifier,
    Message,
    VersionResponse,
)
from trustspace.dsp.process import in_utc
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model import contexts, jsonld
from trustspace.model.dataset import Catalog, Dataset, Distribution
from trustspace.model.odrl import Offer, Policy
from trustspace.model.value import Value

M = TypeVar("M", bound=Value)

_IDENTIFIER: Final[TypeAdapter[str]] = TypeAdapter(Identifier)


def parse(document: object, expected: type[M]) -> M:
    """Read a document as the one message that is expected.

    Args:
        document: Decoded JSON.
        expected: Class of the message.

    Raises:
        RemoteProtocolError: Code ``message.context``, ``message.type`` (another message) or
            ``message.malformed``.
    """
    if issubclass(expected, VersionResponse):
        return _parse_version(document, expected)
    compact = jsonld.read(document)
    found = compact.get("@type")
    # A dataset's class is not in its schema, hence some leave it out.
    if found != expected.__name__ and not (found is None and issubclass(expected, Dataset)):
        raise RemoteProtocolError(
            f"{expected.__name__} is expected, found {_shown(found)}", code="message.type"
        )
    return expected.read(compact)


def parse_any(document: object) -> Message:
    """Read a document as the message that its ``@type`` names.

    Raises:
        RemoteProtocolError: As ``parse``; ``message.type`` when no message has this name.
    """
    compact = jsonld.read(document)
    found = compact.get("@type")
    message_type = MESSAGE_TYPES.get(found) if isinstance(found, str) else None
    if message_type is None:
        raise RemoteProtocolError(
            f"a message of the protocol is expected, found {_shown(found)}", code="message.type"
        )
    return message_type.read(compact)


def emit(message: Message | VersionResponse, *, dialect: Dialect = STRICT) -> dict[str, Any]:
    """Write a message as JSON that the official schemas accept.

    Args:
        message: What to send.
        dialect: How its receiver speaks; only what that asks for is written otherwise.

    Raises:
        LocalProtocolError: Code ``message.malformed`` when the message breaks a rule that its
            sender must observe, ``message.context`` when an unknown member brings a context.
    """
    rule = _RULES.get(type(message))
    problem = rule(message) if rule else None
    if not dialect.policies_without_rules:
        problem = problem or _lacks_rules(message)
    if problem:
        raise LocalProtocolError(f"{type(message).__name__} {problem}", code="message.malformed")
    document = message.to_wire()
    try:
        # A copy with changed members was never validated.
        type(message).read(document)
    except RemoteProtocolError as error:
        raise LocalProtocolError(str(error), code=error.code) from error
    if not isinstance(message, VersionResponse):
        document["@context"] = [contexts.DSP_CONTEXT]
    if dialect.text_reasons and "reason" in document:
        document["reason"] = [as_text(reason) for reason in document["reason"]]
    jsonld.check(document, error=LocalProtocolError)
    return document


def as_identifier(value: object) -> str | None:
    """Return a value that can be a pid or an id, or None: empty, endless, with controls, no text.

    Args:
        value: Any JSON value, of a document that was not read as a message.
    """
    try:
        return _IDENTIFIER.validate_python(value, strict=True)
    except ValidationError:
        return None


def timestamp(now: datetime) -> str:
    """Return a time as an agreement carries it: ``xsd:dateTime`` in UTC with ``Z``, to the second.

    Args:
        now: An aware time.
    """
    return in_utc(now).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse_version(document: object, expected: type[M]) -> M:
    """Read the version document, which is plain JSON whatever context older peers put there."""
    if not isinstance(document, Mapping):
        raise RemoteProtocolError("the version document is an object", code="message.malformed")
    plain = {key: value for key, value in document.items() if key != "@context"}
    jsonld.check(plain)
    return expected.read(plain)


def _shown(found: object) -> str:
    """Return what stands in ``@type``, cut to what an error can carry."""
    return found[:100] if isinstance(found, str) else "none that is one string"


def _lacks_rules(message: Message | VersionResponse) -> str | None:
    """A policy permits or prohibits something (``anyOf`` of the policy's schema)."""
    policies = [getattr(message, name, None) for name in ("offer", "agreement")]
    if isinstance(message, Catalog):
        policies += [offer for dataset in message.datasets for offer in dataset.offers]
    elif isinstance(message, Dataset):
        policies += message.offers
    lacking = (one for one in policies if isinstance(one, Policy) and one.is_empty)
    found = next(lacking, None)
    return None if found is None else f"has the policy {found.id} without any rule"


def _names_one_side(message: Any) -> str | None:  # noqa: ANN401 - two classes with equal names
    """An initial message has the address, a later one the pid (``oneOf`` of the schemas)."""
    if not message.is_initial and message.callback_address is not None:
        return "has a callbackAddress although both pids are known"
    return None


def _agreement_has_zone(message: ContractAgreementMessage) -> str | None:
    text = message.agreement.timestamp or ""
    zone = text.rpartition("T")[2]
    return None if zone.endswith("Z") or "+" in zone or "-" in zone else "has a time without a zone"


def _catalog_is_complete(catalog: Catalog) -> str | None:
    """DSP 2025-1, "Catalog": participant and services; policies belong to datasets."""
    if catalog.participant_id is None:
        return "has no participantId"
    return _catalog_is_well_formed(catalog)


def _catalog_is_well_formed(catalog: Catalog) -> str | None:
    if not catalog.services:
        return "has no service"
    if "hasPolicy" in (catalog.model_extra or {}):
        return "has a hasPolicy of its own"
    if any("servesDataset" in (service.model_extra or {}) for service in catalog.services):
        return "has a service with servesDataset, which the protocol's context does not know"
    problems = [_dataset_is_well_formed(dataset) for dataset in catalog.datasets]
    problems += [_distribution_is_well_formed(entry) for entry in catalog.distributions]
    problems += [_catalog_is_well_formed(nested) for nested in catalog.catalogs]
    return next(filter(None, problems), None)


def _dataset_is_well_formed(dataset: Dataset) -> str | None:
    problems = [_offer_has_no_target(offer) for offer in dataset.offers]
    problems += [_distribution_is_well_formed(entry) for entry in dataset.distributions]
    return next(filter(None, problems), None)


def _distribution_is_well_formed(distribution: Distribution) -> str | None:
    return next(filter(None, map(_offer_has_no_target, distribution.offers)), None)


def _offer_has_no_target(offer: Offer) -> str | None:
    """Inside a catalogue the dataset is the target (DSP 2025-1, "Offer")."""
    return None if offer.target is None else f"has the offer {offer.id} with a target"


def _versions_are_https(response: VersionResponse) -> str | None:
    if all(entry.binding == "HTTPS" for entry in response.protocol_versions):
        return None
    return "has an entry without the binding HTTPS"


_RULES: Final[Mapping[type, Callable[[Any], str | None]]] = MappingProxyType(
    {
        ContractRequestMessage: _names_one_side,
        ContractOfferMessage: _names_one_side,
        ContractAgreementMessage: _agreement_has_zone,
        Catalog: _catalog_is_complete,
        Dataset: _dataset_is_well_formed,
        VersionResponse: _versions_are_https,
    }
)
"""What the schemas and the prose ask of a sender beyond the classes' own checks."""
