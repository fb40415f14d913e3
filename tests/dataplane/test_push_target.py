"""Reading and writing where a push goes."""

from __future__ import annotations

from typing import Any

import pytest

from trustspace.dataplane.push_target import (
    EDC,
    FORM,
    MEDIA_TYPE,
    PARQUET,
    PushTarget,
    sink_address,
    without_secrets,
)
from trustspace.errors import ConfigurationError, RemoteProtocolError
from trustspace.model.data_address import DataAddress

HTTP = "https://w3id.org/idsa/v4.1/HTTP"


def address(endpoint: str | None = "https://sink.example/x", **named: str) -> DataAddress:
    properties = [
        {"@type": "EndpointProperty", "name": name, "value": value} for name, value in named.items()
    ]
    document: dict[str, Any] = {"@type": "DataAddress", "endpointType": HTTP}
    if endpoint is not None:
        document["endpoint"] = endpoint
    return DataAddress.model_validate(document | {"endpointProperties": properties})


def test_what_is_written_is_read_again() -> None:
    made = sink_address(
        "https://sink.example/x", authorization="Bearer s3cret", form="table", media_type=PARQUET
    )
    target = PushTarget.of(made)
    assert (target.url, target.method, target.form) == ("https://sink.example/x", "PUT", "table")
    assert (target.headers, target.media_type) == ({"Authorization": "Bearer s3cret"}, PARQUET)
    assert "s3cret" not in repr(made)
    assert "s3cret" not in repr(target)
    assert "s3cret" not in without_secrets(made).model_dump_json()


def test_an_address_of_an_existing_connector_is_read() -> None:
    found = PushTarget.of(
        address(
            None,
            **{
                EDC + "type": "HttpData",
                EDC + "baseUrl": "https://edc.example/in",
                EDC + "authKey": "X-Api-Key",
                EDC + "authCode": "k3y",
            },
        )
    )
    assert (found.url, found.method) == ("https://edc.example/in", "POST")
    assert found.headers == {"X-Api-Key": "k3y"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"endpoint": None}, "sink.malformed"),
        ({"method": "DELETE"}, "sink.malformed"),
        ({FORM: "rows"}, "sink.malformed"),
        ({MEDIA_TYPE: "text/csv"}, "sink.malformed"),
        ({"authKey": "Host", "authCode": "x"}, "sink.malformed"),
        ({"authKey": "Content-Range", "authCode": "x"}, "sink.malformed"),
        ({"authKey": "A\r\nB", "authCode": "x"}, "sink.malformed"),
        ({"authCode": "x"}, "sink.malformed"),
        ({"authorization": "Bearer x\r\nHost: y"}, "sink.malformed"),
        ({"secretName": "provider-key"}, "sink.secret"),
        ({EDC + "secretName": "provider-key"}, "sink.secret"),
        ({"oauth2:clientSecretKey": "k"}, "sink.secret"),
        ({"oauth2:tokenUrl": "https://x"}, "sink.secret"),
    ],
)
def test_what_is_no_sink(given: dict[str, Any], code: str) -> None:
    endpoint = given.pop("endpoint", "https://sink.example/x")
    with pytest.raises(RemoteProtocolError) as refused:
        PushTarget.of(address(endpoint, **given))
    assert refused.value.reply[0] == code


def test_there_has_to_be_an_address() -> None:
    with pytest.raises(RemoteProtocolError):
        PushTarget.of(None)
    with pytest.raises(ConfigurationError):
        sink_address("https://sink.example", authorization="a\nb")
