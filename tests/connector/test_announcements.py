"""What everybody may read: the versions spoken, also by whoever asks for another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.connector.party import Party, party

from trustspace.connector.home import init_home
from trustspace.errors import ConfigurationError

pytestmark = pytest.mark.anyio

VERSIONS = ".well-known/dspace-version"


@pytest.mark.parametrize(
    "path",
    ["2024-1/catalog/request", "v0.8/negotiations/x", "2024/1", "catalog/request", "2025-1x/y"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_another_version_is_answered_with_the_one_that_is_spoken(
    garden: Party, method: str, path: str
) -> None:
    url = f"{garden.address}/garden/dsp/{path}"
    answer = await garden.voice.request(method, url)
    assert answer.status_code == 404
    told = answer.json()
    assert told["code"] == "version.unspoken"
    assert "2025-1" in told["reason"][0]
    known = await garden.voice.get(f"{garden.address}/garden/{VERSIONS}")
    assert told["protocolVersions"] == known.json()["protocolVersions"]


@pytest.mark.parametrize("path", ["nobody/dsp/2024-1/x", "garden/dsp/2025-1/x", "garden/other/x"])
async def test_nothing_is_told_of_what_is_not_there(garden: Party, path: str) -> None:
    answer = await garden.voice.get(f"{garden.address}/{path}")
    assert (answer.status_code, b"protocolVersions" in answer.content) == (404, False)


async def test_nobody_has_no_documents(garden: Party) -> None:
    for path in (f"nobody/{VERSIONS}", "nobody/did.json"):
        answer = await garden.voice.get(f"{garden.address}/{path}")
        assert answer.status_code == 404


async def test_an_id_of_its_own_is_believed_only_where_everybody_is(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden", name="garden")
    file = home.path / "trustspace.toml"
    file.write_text('participant_id = "trustspace-garden"\n' + file.read_text())
    with pytest.raises(ConfigurationError) as caught:
        async with party(home.path, "garden"):
            pass
    assert caught.value.setting == "participant_id"


@pytest.mark.filterwarnings("ignore::trustspace.identity.identity_provider.UnsafeIdentityWarning")
async def test_an_id_that_is_no_did_has_no_document(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden", name="garden")
    file = home.path / "trustspace.toml"
    own = 'identity = "UnsafeClientId"\nparticipant_id = "trustspace-garden"\n'
    file.write_text(own + file.read_text())
    async with party(home.path, "garden") as garden:
        assert garden.id == garden.connector.home.id == "trustspace-garden"
        (entry,) = (await garden.voice.get(f"{garden.address}/{VERSIONS}")).json()[
            "protocolVersions"
        ]
        assert entry["serviceId"] == "trustspace-garden"
        assert not {"identifierType", "auth"} & set(entry)
        assert (await garden.voice.get(f"{garden.address}/garden/did.json")).status_code == 404
