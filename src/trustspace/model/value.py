"""What every value of the field shares: frozen, wire names as aliases, unknown members kept.

Example::

    class Distribution(Value):
        format: str
        access_service: str = Field(alias="accessService")

    Distribution.read({"format": "HttpData-PULL", "accessService": "urn:uuid:s1", "x": 1}).to_wire()
    # {'format': 'HttpData-PULL', 'accessService': 'urn:uuid:s1', 'x': 1}
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Self

import rfc8785
from pydantic import (
    BaseModel,
    ConfigDict,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from trustspace.errors import RemoteProtocolError

MAX_SAFE_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 7493, section 2.2)."""

JsonObject = dict[str, Any]
"""A decoded JSON object."""


_BY_WIRE_NAMES: dict[str, Any] = {"by_alias": True, "by_name": False}


class Value(BaseModel):
    """A frozen value whose members carry the wire's names as aliases."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="allow",
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
        # As null, a number that JSON lacks would pass unnoticed.
        ser_json_inf_nan="constants",
    )

    @model_serializer(mode="wrap")
    def _leave_out_what_is_empty(
        self, handler: SerializerFunctionWrapHandler, _info: SerializationInfo
    ) -> JsonObject:
        """Drop absent members: the schemas want a key omitted rather than null or ``[]``."""
        optional, further = _optional_names(type(self)), self.model_extra or ()
        return {
            key: value
            for key, value in handler(self).items()
            # Nearly every value is true of itself, which is the cheapest to find out.
            if value
            or key not in optional
            or key in further
            or not (value is None or value in ((), []))
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Read a value from decoded JSON in wire names.

        Raises:
            RemoteProtocolError: The document does not have the shape; names the first member.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            pointer = "".join(f"/{part}" for part in first["loc"])
            raise RemoteProtocolError(
                f"{cls.__name__} is malformed at {pointer or '/'}: {first['msg']}",
                code="message.malformed",
            ) from error

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:  # noqa: ANN401 - pydantic's own
        """Validate an object by wire names alone.

        A peer's unknown member may be spelled like one of our attributes (``id`` beside ``@id``,
        ``constraints`` beside ``constraint``); reading by attribute names as well would take it for
        the real one.

        Raises:
            pydantic.ValidationError: The object does not have the shape.
        """
        return super().model_validate(obj, **(_BY_WIRE_NAMES | options))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:  # noqa: ANN401 - pydantic's own
        """Read back what ``model_dump_json()`` wrote, by wire names alone.

        Raises:
            pydantic.ValidationError: The body is not one of ours.
        """
        return super().model_validate_json(json_data, **(_BY_WIRE_NAMES | options))

    def to_wire(self) -> JsonObject:
        """Return the value as JSON in wire names, without absent members."""
        return self.model_dump(mode="json", by_alias=True)


@cache
def _optional_names(value_type: type[Value]) -> frozenset[str]:
    """Return the names, on the wire and in Python, of the members that may be absent."""
    return frozenset(
        spelling
        for name, field in value_type.model_fields.items()
        if not field.is_required()
        for spelling in (name, field.alias or name)
    )


def canonical(document: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the JSON Canonicalization Scheme form of a JSON value (RFC 8785)."""
    if _needs_no_care(document):
        try:
            return json.dumps(
                document, ensure_ascii=False, separators=(",", ":"), sort_keys=True
            ).encode()
        except UnicodeEncodeError:
            pass  # A lone surrogate, which the careful writer refuses in its own words.
    return rfc8785.dumps(document)


def _needs_no_care(document: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Say whether the standard writer gives the canonical form of a value, ten times as fast.

    It differs in floating-point numbers, in integers beyond 2^53 - 1, which are refused, and in the
    order of names beyond the basic plane; names that are ASCII sort alike in both.
    """
    stack = [document]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            for name, value in item.items():
                if not (isinstance(name, str) and name.isascii()):
                    return False
                if type(value) is not str:
                    stack.append(value)
        elif isinstance(item, list | tuple):
            stack.extend(item)
        elif (
            isinstance(item, float)
            or (isinstance(item, int) and abs(item) > MAX_SAFE_INTEGER)
            or not (item is None or isinstance(item, str | int))
        ):
            return False
    return True


def digest(document: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return ``sha256:<hex>`` of the canonical form of a JSON value."""
    return "sha256:" + hashlib.sha256(canonical(document)).hexdigest()
