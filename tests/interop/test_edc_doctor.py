"""The doctor examines an Eclipse connector where everybody is believed."""

from __future__ import annotations

import anyio.to_thread
import pytest
from tests.connector.doctor.test_doctor import consult, ids
from tests.connector.party import Party
from tests.interop.edc import edc

from trustspace.connector.doctor.findings import Finding
from trustspace.connector.doctor.home import examine_home

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings(
        "ignore::trustspace.identity.identity_provider.UnsafeIdentityWarning"
    ),
]


@pytest.mark.parametrize("address", ["root", "base"])
async def test_an_eclipse_connector_is_well(garden: Party, address: str) -> None:
    async with edc(id="edc-provider") as peer:
        peer.policies["roses"] = {"permission": [{"action": "use"}]}
        where = peer.root if address == "root" else peer.base
        shown = await consult(garden, where, negotiate=True)
    assert shown["well"], shown
    told = {each["id"]: each["found"] for each in shown["findings"]}
    assert told["dialect.known"] == "edc"
    assert "edc-provider" in told["participant.believed"]
    assert "dry_run.ok" in ids(shown), shown
    assert ("version.assumed" in told) is (address == "base")


async def test_the_own_home_is_well(garden: Party) -> None:
    found: list[Finding] = []
    path = garden.connector.home.path
    await anyio.to_thread.run_sync(lambda: examine_home(path, listener=found.append))
    assert "public.ok" in [finding.id for finding in found]
    assert not [finding for finding in found if finding.severity == "error"]
