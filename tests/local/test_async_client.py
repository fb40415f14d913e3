"""The async client does as the sync one does: catalogues, dialects, the end of agreements."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustspace.client import AsyncClient
from trustspace.errors import NotFoundError
from trustspace.local import Connector

pytestmark = pytest.mark.anyio


async def test_catalogues_dialects_and_endings(tmp_path: Path) -> None:
    file = tmp_path / "roses.csv"
    file.write_text("a\n1\n")
    with (
        Connector.local("garden", home=tmp_path / "garden") as garden,
        Connector.local("bank", home=tmp_path / "bank") as sync_bank,
    ):
        for name in ("roses", "lilies"):
            garden.publish(file, id=name, terms={"count": 3})
        async with AsyncClient.of_home(tmp_path / "bank") as bank:
            done = await bank.crawl([garden.address])
            assert done.catalogs[0].added == 2
            assert {one.id for one in await bank.search()} == {"roses", "lilies"}
            assert len(await bank.search(limit=1)) == 1
            (found,) = await bank.search("rose", provider=garden.id)
            assert found.participant_id == garden.id
            (source,) = await bank.sources()
            assert source == sync_bank.sources()[0]
            await bank.forget(source.source)
            assert await bank.search() == ()

            assert await bank.speak(garden.id, "edc") == "edc"
            assert await bank.spoken(garden.id) == sync_bank.spoken(garden.id) == "edc"
            assert await bank.speak(garden.id, None) == "strict"

            agreement = await bank.negotiate(garden.address, "roses")
            await bank.give_up(agreement, reason="no longer needed")
            assert (await bank.agreement(agreement.id)).state != "FINALIZED"
            for end in (bank.end, bank.reject_end):
                with pytest.raises(NotFoundError):
                    await end("urn:uuid:00000000-0000-4000-8000-000000000000")
