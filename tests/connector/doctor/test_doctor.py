"""The doctor tells a healthy peer from each of many broken ones by what it finds."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.connector.doctor.sick_peer import CONTEXT, LOGIN, SickPeer, answering, sick_peer, silent
from tests.connector.party import Party

from trustspace.connector.doctor import doctor
from trustspace.connector.listener import bind
from trustspace.connector.messaging.trace import REDACTED
from trustspace.dsp.binding import catalog_error

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

Json = dict[str, Any]


async def consult(party: Party, address: str, **order: Any) -> Json:
    """Let the doctor examine somebody to the end."""
    language = order.pop("language", "en")
    body = {"address": address} | order
    answer = await party.ask("POST", "doctor", body, params={"language": language})
    assert answer.status_code == 201, answer.text
    shown: Json = answer.json()
    findings = list(shown["findings"])
    while not shown["over"]:
        path = f"doctor/{shown['id']}"
        shown = await party.get(path, after=shown["next"], wait=20, language=language)
        findings += shown["findings"]
    return shown | {"findings": findings}


def ids(shown: Json, *severities: str) -> list[str]:
    return [
        each["id"] for each in shown["findings"] if not severities or each["severity"] in severities
    ]


async def test_a_healthy_peer_is_well(garden, bank):
    for address in (garden.address, garden.id):
        shown = await consult(bank, address)
        assert shown["well"], shown
        assert ids(shown, "warning", "error") == []
        assert set(ids(shown)) >= {
            "dns.ok", "egress.ok", "port.ok", "tls.none", "version.ok", "clock.ok", "did.ok",
            "participant.ok", "identity.accepted", "catalog.ok", "dataset.ok", "base.ok",
            "dialect.known", "dry_run.not_asked", "http.latency",
        }  # fmt: skip
    told = {each["id"]: each["found"] for each in shown["findings"]}
    assert told["dialect.known"] == "trustspace"
    assert "EdDSA" in told["did.ok"] or "Ed25519" in told["did.ok"]


async def test_a_healthy_consumer_is_well(bank, garden):
    shown = await consult(garden, bank.address, role="consumer")
    assert shown["well"]
    assert "base.ok" in ids(shown)
    assert not {"catalog.ok", "catalog.empty"} & set(ids(shown))


async def test_findings_are_told_in_chinese_too(garden, bank):
    shown = await consult(bank, garden.address, language="zh")
    assert shown["well"]
    for each in shown["findings"]:
        assert not each["expected"].isascii(), each


async def test_a_dry_run_leaves_nothing_running(garden, bank):
    shown = await consult(bank, garden.address, negotiate=True)
    assert shown["well"], shown
    assert "dry_run.ok" in ids(shown), shown
    states = {each["state"] for each in (await garden.get("negotiations"))["items"]}
    assert states <= {"TERMINATED", "FINALIZED"}
    assert (await bank.get("negotiations"))["items"] == []


# --- ten broken ones -----------------------------------------------------------------------------


def dated(peer: SickPeer, off: timedelta) -> Any:
    async def answer(_: Request) -> Response:
        date = format_datetime(datetime.now(UTC) + off, usegmt=True)
        return JSONResponse(peer.versions(), headers={"Date": date})

    return answer


@pytest.mark.parametrize(
    ("minutes", "finding", "words"),
    [(10, "clock.wrong", "ahead"), (-10, "clock.wrong", "behind"), (0.25, "clock.off", "ahead")],
)
async def test_a_wrong_clock(bank, minutes, finding, words):
    async with sick_peer(dates=False) as peer:
        peer.answers["versions"] = dated(peer, timedelta(minutes=minutes))
        shown = await consult(bank, peer.url)
    assert shown["well"] is (finding == "clock.off")
    assert ids(shown, "error", "warning") == [finding]
    assert words in next(each["found"] for each in shown["findings"] if each["id"] == finding)


async def test_a_clock_that_is_not_told(bank):
    async with sick_peer(dates=False) as peer:
        shown = await consult(bank, peer.url)
    assert shown["well"]
    assert "clock.unknown" in ids(shown, "note")


async def test_a_wrong_did(bank):
    async with sick_peer() as peer:
        peer.answers["document"] = answering(peer.document(id="did:web:other.example"))
        shown = await consult(bank, peer.url)
    assert ids(shown, "error") == ["did.mismatch"]
    assert not shown["well"]


@pytest.mark.parametrize(
    ("finding", "document", "status"),
    [
        ("did.missing", {}, 404),
        ("did.not_json", LOGIN, 200),
        ("did.malformed", [1], 200),
        ("did.no_key", {"authentication": [], "capabilityInvocation": []}, 200),
        ("did.foreign", {"service": []}, 200),
    ],
)
async def test_a_bad_did_document(bank, finding, document, status):
    async with sick_peer() as peer:
        answer = peer.document(**document) if isinstance(document, dict) else document
        peer.answers["document"] = answering(answer, status)
        for address in (peer.url, peer.id):
            shown = await consult(bank, address)
            assert ids(shown, "error") == [finding], shown


async def test_html_instead_of_json(bank):
    async with sick_peer() as peer:
        peer.answers["versions"] = answering(LOGIN)
        assert ids(await consult(bank, peer.url), "error") == ["version.html"]
        del peer.answers["versions"]
        peer.answers["catalogue"] = answering(LOGIN)
        assert ids(await consult(bank, peer.url), "error") == ["catalog.html"]


async def test_no_version_document(bank):
    async with sick_peer() as peer:
        peer.answers["versions"] = answering({}, 404)
        assert ids(await consult(bank, peer.url), "error") == ["version.missing"]


@pytest.mark.parametrize(
    ("finding", "document"),
    [
        ("version.not_json", Response(b"{")),
        ("version.malformed", {"protocolVersions": []}),
        ("version.unsupported", {"protocolVersions": [{"version": "0.8", "path": "/"}]}),
    ],
)
async def test_a_bad_version_document(bank, finding, document):
    async with sick_peer() as peer:
        peer.answers["versions"] = answering(document)
        assert ids(await consult(bank, peer.url), "error") == [finding]


async def test_a_refused_identity(bank):
    async with sick_peer() as peer:
        for status in (401, 403, 404):
            peer.answers["catalogue"] = answering(catalog_error("unauthorized", "who?"), status)
            shown = await consult(bank, peer.url)
            assert ids(shown, "error") == ["identity.refused"]
        peer.answers = {"negotiation": answering({}, 401)}
        assert ids(await consult(bank, peer.url), "error") == ["identity.refused"]
    assert "who?" in next(
        each["found"] for each in shown["findings"] if each["id"] == "identity.refused"
    )


@pytest.mark.parametrize(
    ("finding", "severity", "changed"),
    [
        ("catalog.malformed", "error", {"dataset": [{"@id": "roses", "@type": "Dataset"}]}),
        ("catalog.malformed", "error", {"@type": "Catalogue"}),
        ("catalog.lax", "warning", {"service": []}),
        ("catalog.other_participant", "warning", {"participantId": "did:web:other.example"}),
        ("catalog.empty", "note", {"dataset": []}),
    ],
)
async def test_a_schema_invalid_catalogue(bank, finding, severity, changed):
    async with sick_peer() as peer:
        peer.answers["catalogue"] = answering(peer.catalogue(**changed))
        shown = await consult(bank, peer.url)
    assert finding in ids(shown, severity)
    assert shown["well"] is (severity != "error")


async def test_a_catalogue_that_is_cut_or_fails(bank):
    async with sick_peer() as peer:
        peer.answers["catalogue"] = answering(Response(b'{"@type": "Cat'))
        assert ids(await consult(bank, peer.url), "error") == ["catalog.not_json"]
        peer.answers["catalogue"] = answering(catalog_error("internal"), 500)
        assert ids(await consult(bank, peer.url), "error") == ["catalog.refused"]


async def test_a_wrong_base_path(bank):
    async with sick_peer() as peer:
        shown = await consult(bank, f"{peer.url}/a/b")
        assert ids(shown, "error") == ["version.elsewhere"]
        assert f"give {peer.url} as" in shown["findings"][-2]["advice"]
        peer.answers["versions"] = answering(peer.versions(path="/wrong"))
        assert ids(await consult(bank, peer.url), "error") == ["base.not_found"]


async def test_a_closed_port(bank):
    with bind("127.0.0.1", 0) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        shown = await consult(bank, url)
    assert ids(shown, "error") == ["port.closed"]


async def test_a_self_signed_certificate(bank, self_signed):
    async with sick_peer(certificate=self_signed) as peer:
        shown = await consult(bank, peer.url)
    assert ids(shown, "error") == ["tls.self_signed"]
    assert "version.ok" not in ids(shown)


async def test_a_silent_peer(bank):
    async with sick_peer() as peer:
        peer.answers["catalogue"] = silent
        shown = await consult(bank, peer.url)
    assert ids(shown, "error") == ["http.no_answer"]


# --- and some more -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finding", "address"),
    [
        ("address.unreadable", "garden"),
        ("address.unreadable", "did:key:z6Mk"),
        ("address.denied", "https://user@garden.example"),
        ("egress.denied", "https://10.0.0.1"),
        ("dns.unresolved", "https://nowhere.invalid"),
    ],
)
async def test_an_address_that_leads_nowhere(bank, finding, address):
    assert ids(await consult(bank, address)) == [finding] or finding in ids(
        await consult(bank, address), "error"
    )


async def test_whose_connector_it_is_must_be_told(bank):
    async with sick_peer() as peer:
        entry = peer.versions()["protocolVersions"][0]
        other = entry | {"serviceId": "did:web:other.example"}
        for finding, entries, address in (
            ("participant.several", [entry, other], peer.url),
            ("participant.unnamed", [entry | {"serviceId": "x"}], peer.url),
            ("participant.elsewhere", [other], peer.id),
        ):
            peer.answers["versions"] = answering({"protocolVersions": entries})
            assert ids(await consult(bank, address), "error") == [finding]


async def test_a_dataset_that_is_not_served(bank):
    async with sick_peer() as peer:
        peer.answers["dataset"] = answering({}, 404)
        assert ids(await consult(bank, peer.url), "error") == ["dataset.refused"]
        peer.answers["dataset"] = answering({"@context": CONTEXT, "@type": "Dataset"})
        assert ids(await consult(bank, peer.url), "error") == ["dataset.malformed"]


async def test_an_odd_answer_to_an_unknown_negotiation(bank):
    async with sick_peer() as peer:
        peer.answers["negotiation"] = answering({}, 500)
        assert ids(await consult(bank, peer.url), "warning", "error") == ["base.odd"]


async def test_a_dialect_is_recognised(bank):
    async with sick_peer() as peer:
        contexts = [*CONTEXT, "https://w3id.org/edc/dspace/v0.0.1"]
        peer.answers["catalogue"] = answering(peer.catalogue(**{"@context": contexts}))
        shown = await consult(bank, peer.url)
    told = {each["id"]: each["found"] for each in shown["findings"]}
    assert "Eclipse" in told["dialect.known"] or "edc" in told["dialect.known"]


@pytest.mark.parametrize(
    ("finding", "endpoint", "answer"),
    [
        ("dry_run.ok", "nothing", {}),
        ("dry_run.refused", "request", JSONResponse({"code": "policy"}, 400)),
        ("dry_run.malformed", "request", {"@context": CONTEXT, "@type": "ContractNegotiation"}),
        ("dry_run.not_terminated", "termination", JSONResponse({}, 409)),
    ],
)
async def test_a_dry_run_tells_how_far_it_came(bank, finding, endpoint, answer):
    async with sick_peer() as peer:
        peer.answers[endpoint] = answering(answer)
        shown = await consult(bank, peer.url, negotiate=True)
        heard = [name for name, _ in peer.heard]
    assert finding in ids(shown), shown
    assert heard == ["request", "termination"] or finding != "dry_run.ok"


async def test_a_dry_run_needs_an_offer_that_can_be_kept(bank):
    async with sick_peer() as peer:
        peer.answers["catalogue"] = answering(peer.catalogue(dataset=[]))
        assert "dry_run.nothing" in ids(await consult(bank, peer.url, negotiate=True))
        offer = {"@id": "o1", "@type": "Offer", "permission": [{"action": "fly"}]}
        strange = peer.dataset() | {"hasPolicy": [offer]}
        peer.answers["catalogue"] = answering(peer.catalogue(dataset=[strange]))
        peer.answers["dataset"] = answering({"@context": CONTEXT} | strange)
        assert "dry_run.unsupported" in ids(await consult(bank, peer.url, negotiate=True))


async def test_an_examination_is_its_participant_s_alone(bank, garden):
    shown = await consult(bank, "garden")
    assert (await garden.ask("GET", f"doctor/{shown['id']}")).status_code == 404
    assert (await bank.ask("GET", "doctor/none")).status_code == 404


async def test_there_are_not_many_at_once(bank):
    async with sick_peer() as peer:
        peer.answers["versions"] = silent
        answers = [await bank.ask("POST", "doctor", {"address": peer.url}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [201] * 4 + [409]
        for answer in answers[:4]:
            await bank.get(f"doctor/{answer.json()['id']}", after=90, wait=20)


async def test_no_secret_is_told_or_traced(bank, garden):
    position = (await bank.get("messages"))["next"]
    shown = await consult(bank, garden.address, negotiate=True)
    page = await bank.get("messages", after=position)
    assert "ContractRequestMessage" in json.dumps(page)
    text = json.dumps(page) + json.dumps(shown)
    assert re.search('eyJ[^."]{20,}[.]eyJ', text) is None, re.findall(".{40}eyJ.{30}", text)
    assert bank.connector.home.management_token() not in text
    assert REDACTED not in json.dumps(shown)


async def test_a_slow_peer_is_told_though_it_works(bank, monkeypatch):
    monkeypatch.setattr(doctor, "SLOW", timedelta(milliseconds=100))

    async def late(_: Request) -> Response:
        await anyio.sleep(0.2)
        return JSONResponse(peer.versions())

    async with sick_peer() as peer:
        peer.answers["versions"] = late
        shown = await consult(bank, peer.url)
    assert shown["well"]
    assert ids(shown, "warning") == ["http.slow"]


async def test_a_fault_of_the_doctor_s_own_is_told(bank, monkeypatch, caplog):
    async def fail(_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(doctor, "find", fail)
    shown = await consult(bank, "https://garden.example")
    assert ids(shown) == ["deadline.failed"]
    assert "ZeroDivisionError" in caplog.text
