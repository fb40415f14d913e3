"""Where a push goes: a consumer's data address, read and written.

A consumer names a sink that it owns: a URL, a header that lets the writer in, and which form of the
data it wants. Existing connectors say the same in words of their own (``baseUrl``, ``authKey``,
``authCode``) and take a plain POST, so both are read, and both are written. Nothing in an address
may name a secret of the provider's: what a consumer says is a value, never a place to look one up.

Example::

    target = PushTarget.of(message.data_address)
    target.url, target.method      # ('https://bank.example/bank/sink/…', 'PUT')
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from trustspace.dataplane.arrow_stream import MEDIA_TYPE as ARROW_STREAM
from trustspace.dataplane.source_value import HEADER_NAME, HEADER_VALUE, OURS
from trustspace.errors import ConfigurationError, RemoteProtocolError
from trustspace.model.data_address import HTTP_ENDPOINT_TYPE, DataAddress, EndpointProperty

if TYPE_CHECKING:
    from collections.abc import Mapping

EDC: Final = "https://w3id.org/edc/v0.0.1/ns/"
"""Prefix of the names that existing connectors use."""

FORM: Final = "https://w3id.org/trustspace/ns#form"
"""Property with the wanted form: ``file`` or ``table``; without it, a file where that may leave."""

MEDIA_TYPE: Final = "https://w3id.org/trustspace/ns#mediaType"
"""Property with the wanted media type of a table: an Arrow stream, or Parquet."""

PARQUET: Final = "application/vnd.apache.parquet"

TABLE_TYPES: Final = frozenset({ARROW_STREAM, PARQUET})

SECRET_NAMES: Final = frozenset({"authorization", "authCode"})
"""Properties whose values are secrets, by the last segment of their name."""

_VAULT: Final = re.compile(r"secret|privatekey|keyname|oauth2|tokenurl|vault", re.IGNORECASE)
"""Names of properties that point into somebody's vault, or at somebody's token server."""

_FORWARDED: Final = OURS | {"content-range", "content-type", "content-encoding", "repr-digest"}
"""Headers of a push that its writer decides on."""


@dataclass(frozen=True)
class PushTarget:
    """A consumer's sink.

    Attributes:
        url: Where to write.
        method: ``PUT``, or ``POST`` as existing connectors take it.
        headers: What lets the writer in; the consumer's secret.
        form: The wanted form, or None for what the terms let leave.
        media_type: The wanted media type of a table.
    """

    url: str
    method: Literal["PUT", "POST"] = "PUT"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Literal["file", "table"] | None = None
    media_type: str = ARROW_STREAM

    @classmethod
    def of(cls, address: DataAddress | None) -> Self:
        """Read the data address of a request.

        Raises:
            RemoteProtocolError: It is no sink, code ``sink.malformed``; or it points to a secret of
                somebody's, code ``sink.secret``.
        """
        if address is None:
            raise _malformed("a push needs a dataAddress")
        for entry in address.properties:
            if _VAULT.search(re.split(r"[/#]", entry.name)[-1]):
                raise RemoteProtocolError(
                    f"a sink is given by values; {entry.name[:200]!r} names a secret",
                    code="sink.secret",
                )
        own = address.endpoint or address.property("endpoint")
        url = own or address.property("baseUrl")
        if url is None:
            raise _malformed("the dataAddress has no endpoint")
        form = address.property(FORM)
        media_type = address.property(MEDIA_TYPE) or ARROW_STREAM
        if form not in (None, "file", "table") or media_type not in TABLE_TYPES:
            raise _malformed("the wanted form is unknown")
        method = (address.property("method") or ("PUT" if own else "POST")).upper()
        if method not in ("PUT", "POST"):
            raise _malformed("a sink is written to with PUT or POST")
        return cls(
            url=url,
            method="PUT" if method == "PUT" else "POST",
            headers=_headers(address),
            form="table" if form == "table" else "file" if form == "file" else None,
            media_type=media_type,
        )


def sink_address(
    url: str,
    *,
    authorization: str | None = None,
    form: str | None = None,
    media_type: str | None = None,
    method: str | None = None,
) -> DataAddress:
    """Return the data address of a sink, in the words of this and of existing connectors.

    Args:
        url: Where to write.
        authorization: Value of the ``Authorization`` header, a secret; None for none.
        form: ``file`` or ``table``; None for what the terms let leave.
        media_type: Of a table: an Arrow stream, or Parquet.
        method: ``PUT`` or ``POST``; None for PUT, and POST by existing connectors.

    Raises:
        ConfigurationError: It is no sink.
    """
    named: dict[str, str | None] = {
        "authorization": authorization,
        FORM: form,
        MEDIA_TYPE: media_type,
        "method": method,
        EDC + "type": "HttpData",
        EDC + "baseUrl": url,
        EDC + "method": method,
    }
    if authorization is not None:
        named |= {EDC + "authKey": "Authorization", EDC + "authCode": authorization}
    address = DataAddress(
        endpoint_type=HTTP_ENDPOINT_TYPE,
        endpoint=url,
        properties=tuple(
            EndpointProperty(name=name, value=value)
            for name, value in named.items()
            if value is not None
        ),
    )
    try:
        PushTarget.of(address)
    except RemoteProtocolError as error:
        raise ConfigurationError(str(error), setting="sink") from error
    return address


def is_secret(name: str) -> bool:
    """Whether a property's value is a secret."""
    return name.rsplit("/", 1)[-1] in SECRET_NAMES


def without_secrets(address: DataAddress) -> DataAddress:
    """Return an address as it may be stored and shown."""
    kept = tuple(entry for entry in address.properties if not is_secret(entry.name))
    return address.model_copy(update={"properties": kept})


def _headers(address: DataAddress) -> dict[str, str]:
    value = address.property("authorization")
    name: Any = "Authorization"
    if value is None:
        name, value = address.property("authKey"), address.property("authCode")
    if value is None:
        return {}
    if name is None or not HEADER_NAME.fullmatch(name) or name.lower() in _FORWARDED:
        raise _malformed("the sink's header has no name that can be sent")
    if not HEADER_VALUE.fullmatch(value):
        raise _malformed("the sink's header has no value that can be sent")
    return {name: value}


def _malformed(message: str) -> RemoteProtocolError:
    return RemoteProtocolError(message, code="sink.malformed")
