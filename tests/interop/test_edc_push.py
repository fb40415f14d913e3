"""Pushes between us and an Eclipse connector: its sink is any HTTP server, its pushes are POST."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.connector.party import Party
from tests.interop.conftest import ROSES
from tests.interop.edc import DATA, edc
from tests.interop.edc_meaning import EDC_NS

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings(
        "ignore::trustspace.identity.identity_provider.UnsafeIdentityWarning"
    ),
]

OURS = "trustspace-garden"
PUSH = "HttpData-PUSH"


async def test_we_push_to_the_sink_of_an_eclipse_consumer(garden: Party, roses: Path) -> None:
    await garden.publish(roses, policy={"permission": [{"action": "use"}]})
    async with edc(id="edc-consumer") as peer:
        base = garden.hosted.dsp_url
        (dataset,) = (await peer.catalog(base))["dataset"]
        agreed = await peer.negotiate(base, OURS, "roses", dataset["hasPolicy"][0])
        await agreed.until("FINALIZED")
        told = {"baseUrl": f"{peer.url}/store", "authKey": "x-key", "authCode": "sesame"}
        sink = {
            "@type": "DataAddress",
            # A plain string, which the term of this name cannot carry.
            "dspace:endpointType": "HttpData",
            "endpointProperties": [
                {"@type": "EndpointProperty", "name": EDC_NS + name, "value": value}
                for name, value in told.items()
            ],
        }
        transfer = await peer.transfer(
            base, OURS, agreed.agreement["@id"], format=PUSH, dataAddress=sink
        )
        assert await transfer.until("COMPLETED", "TERMINATED") == "COMPLETED", transfer
        assert peer.stored == [ROSES.encode()]


async def test_an_eclipse_provider_pushes_to_our_sink(garden: Party) -> None:
    async with edc(id="edc-provider") as peer:
        begun = await garden.post("negotiations", address=peer.root, dataset="roses")
        ended = await garden.negotiation(begun["id"])
        order = {"agreement": ended["agreement"], "format": PUSH}
        transfer = await garden.post("transfers", **order)
        done = await garden.until(f"transfers/{transfer['id']}", "COMPLETED")
        assert done["state"] == "COMPLETED", [one.dead for one in peer.processes.values()]
        arrived = await garden.events()
        (event,) = [one for one in arrived if one.kind == "delivery.arrived"]
        assert event.body["bytes"] == len(DATA)
