"""The kit's configuration fits the connector's place."""

from __future__ import annotations

import pytest

from trustspace.errors import ConfigurationError
from trustspace.testing.tck.place import Place, properties


def _read(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_the_kit_gets_whole_urls_without_a_slash_at_the_end() -> None:
    place = Place(port=4242, webhook_port=4343)
    found = _read(properties(place, kit="http://127.0.0.1:4444/", wait=7))
    connector = "dataspacetck.dsp.connector."
    assert found[f"{connector}http.url"] == "http://127.0.0.1:4242/connector/dsp/2025-1"
    assert found[f"{connector}http.base.url"] == "http://127.0.0.1:4242"
    assert found[f"{connector}agent.id"] == "did:web:127.0.0.1%3A4242:connector"
    assert found[f"{connector}http.headers.authorization"] == '{"clientId":"TCK_PARTICIPANT"}'
    assert found[f"{connector}negotiation.initiate.url"].startswith("http://127.0.0.1:4343/")
    assert found[f"{connector}transfer.initiate.url"].startswith("http://127.0.0.1:4343/")
    assert found["dataspacetck.callback.address"] == "http://127.0.0.1:4444"
    assert (found["dataspacetck.host"], found["dataspacetck.port"]) == ("127.0.0.1", "4444")
    assert found["dataspacetck.dsp.default.wait"] == "7"
    assert found["dataspacetck.dsp.local.connector"] == "false"


def test_every_case_has_its_ids() -> None:
    found = _read(properties(Place()))
    assert found["CN_02_07_DATASETID"] == "ACN0207"
    assert found["CN_02_07_OFFERID"] == "CD123:ACN0207:456"
    assert found["CN_C_03_06_DATASETID"] == "ACNC0306"
    assert "CN_C_03_06_OFFERID" not in found
    assert found["TP_C_01_05_AGREEMENTID"] == "ATPC0105"
    assert found["TP_C_01_05_FORMAT"] == "HttpData-PULL"
    assert found["CAT_01_03_DATASETID"] == "CAT0103"
    datasets = [key for key in found if key.endswith("_DATASETID")]
    agreements = [key for key in found if key.endswith("_AGREEMENTID")]
    assert (len(datasets), len(agreements)) == (34, 32)
    assert len({found[key] for key in (*datasets, *agreements)}) == 66


def test_an_id_is_written_as_java_reads_it() -> None:
    text = properties(Place(id="a\\b ü😀"))
    assert "agent.id=a\\\\b\\u0020\\u00fc\\ud83d\\ude00\n" in text
    assert text.isascii()


def test_a_host_that_cannot_be_a_did_needs_an_id() -> None:
    with pytest.raises(ConfigurationError):
        properties(Place(host="192.168.1.5"))
    assert "agent.id=X\n" in properties(Place(host="192.168.1.5", id="X"))
