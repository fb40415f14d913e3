"""Secrets used in a run appear in no trace, no finding and no log."""

from __future__ import annotations

import json
import logging
from typing import Any

import anyio.to_thread
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.connector.doctor.test_doctor import consult
from tests.connector.pulling import started

from trustspace.connector.doctor.findings import Finding
from trustspace.connector.doctor.home import examine_home
from trustspace.connector.listener import Listener, bind
from trustspace.connector.messaging.authentication import Authentication

SESAME = "open-sesame-5ecret"


@pytest.mark.anyio
async def test_secrets_stay_where_they_are(garden, bank, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    issued = []
    issue = Authentication.issue

    def watched(self: Authentication, *arguments: Any, **named: Any) -> str:
        issued.append(issue(self, *arguments, **named))
        return issued[-1]

    monkeypatch.setattr(Authentication, "issue", watched)
    before = {one.name: (await one.get("messages"))["next"] for one in (garden, bank)}
    bound = bind("127.0.0.1", 0)
    url = f"http://localhost:{bound.getsockname()[1]}/x"
    routes = [Route("/x", lambda _: PlainTextResponse("data"), methods=["GET", "HEAD"])]
    async with Listener(Starlette(routes=routes), bound):
        source = {"kind": "http", "url": url, "headers": {"X-Api-Key": SESAME}}
        pull = await started(garden, bank, "", {}, source=source)
        assert (await pull.get()).text == "data"
    fresh = await bank.get(f"transfers/{pull.transfer}/edr", fresh=True)
    told = [
        await consult(bank, garden.address, negotiate=True),
        await consult(garden, bank.address, role="consumer"),
        *[await one.get("messages", after=before[one.name], limit=1000) for one in (garden, bank)],
    ]
    found: list[Finding] = []
    for one in (garden, bank):
        home = one.connector.home.path
        await anyio.to_thread.run_sync(lambda path: examine_home(path, listener=found.append), home)
    told += [finding.shown(language) for finding in found for language in ("en", "zh")]
    text = json.dumps(told, ensure_ascii=False) + caplog.text
    assert "TransferStartMessage" in text

    secrets = {SESAME, pull.edr["authorization"], fresh["authorization"], *issued}
    for one in (garden, bank):
        pem = one.hosted.key.to_pem().decode()
        secrets |= {one.connector.home.management_token(), pem.splitlines()[1]}
    assert len(secrets) > 15
    for secret in secrets:
        assert secret.removeprefix("Bearer ") not in text
