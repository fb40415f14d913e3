"""Ids of participants: the DIDs of their addresses, or other ones where everybody is believed."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from trustspace.connector.app import Sockets, running
from trustspace.connector.home import Home, init_home
from trustspace.connector.listener import bind
from trustspace.errors import ConfigurationError
from trustspace.identity.identity_provider import UnsafeIdentityWarning

pytestmark = pytest.mark.anyio

IDS = {"garden": "CONNECTOR_UNDER_TEST"}


def _home(path: Path, identity: str) -> tuple[Home, Sockets]:
    sockets = Sockets(bind("127.0.0.1", 0), bind("127.0.0.1", 0))
    init_home(path, name="garden", port=sockets.public.getsockname()[1])
    file = path / "trustspace.toml"
    file.write_text(f'identity = "{identity}"\n' + file.read_text())
    return init_home(path), sockets


async def test_an_id_of_any_form_where_everybody_is_believed(tmp_path: Path) -> None:
    home, sockets = _home(tmp_path / "garden", "UnsafeClientId")
    async with running(home, sockets, ids=IDS) as connector, httpx.AsyncClient() as voice:
        hosted = connector.plane.context.participant("garden")
        assert hosted.id == IDS["garden"]
        with pytest.warns(UnsafeIdentityWarning):
            answer = await voice.post(
                f"{hosted.dsp_url}/catalog/request",
                json={
                    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
                    "@type": "CatalogRequestMessage",
                },
                headers={"Authorization": json.dumps({"clientId": "SOMEBODY"})},
            )
        assert answer.json()["participantId"] == IDS["garden"]
        document = await voice.get(f"{hosted.address}/garden/did.json")
        assert document.status_code == 404  # What is no DID has no DID document.
    # Agreements name the id under which they were made.
    with pytest.raises(ConfigurationError, match="CONNECTOR_UNDER_TEST"):
        async with running(home):
            raise AssertionError


async def test_no_such_id_where_identity_is_proven(tmp_path: Path) -> None:
    home, sockets = _home(tmp_path / "garden", "did:web")
    with pytest.raises(ConfigurationError, match="prove"):
        async with running(home, sockets, ids=IDS):
            raise AssertionError
