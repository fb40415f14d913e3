"""Publishing: tried before it is offered, once for the same again, refused with a place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from tests.connector.conftest import CSV
from tests.connector.party import Json, Party

pytestmark = pytest.mark.anyio


def _file(path: Path | str) -> Json:
    return {"kind": "file", "path": str(path)}


async def _put(garden: Party, source: Json, policy: Json, dataset: str = "lilies") -> Any:
    return await garden.ask("PUT", f"datasets/{dataset}", {"source": source, "policy": policy})


async def test_what_is_published_is_shown(garden: Party, roses: Path) -> None:
    body = {"title": "Lilies", "source": _file(roses), "policy": {"count": 3}}
    answer = await garden.ask("PUT", "datasets/lilies", body)
    assert answer.status_code == 201
    shown = answer.json()
    assert shown["changed"] is True
    assert (shown["id"], shown["title"]) == ("lilies", "Lilies")
    assert shown["forms"] == ["file", "table"]
    assert shown["size"] == len(CSV)
    assert shown["sha256"] == hashlib.sha256(CSV.encode()).hexdigest()
    assert [column["name"] for column in shown["columns"]] == ["grade", "price", "phone"]
    assert shown["policy"]["@id"] == shown["offer"]
    assert shown["withdrawn_at"] is None
    assert shown["published_at"].endswith("Z")
    assert [term["provider"] for term in shown["terms"]] == ["enforced"]
    assert await garden.get("datasets/lilies") == shown | {"changed": False}
    events = [event for event in await garden.events() if event.body.get("dataset") == "lilies"]
    assert [event.kind for event in events] == ["dataset.published"]
    assert events[0].body["offer"] == shown["offer"]


async def test_the_same_again_changes_nothing(garden: Party, roses: Path) -> None:
    first = (await _put(garden, _file(roses), {"count": 3}, "tulips")).json()
    before = garden.stored()
    again = await _put(garden, _file(roses), {"count": 3}, "tulips")
    assert again.status_code == 200
    assert again.json() == first | {"changed": False}
    assert garden.stored() == before


async def test_other_terms_are_another_offer(garden: Party, roses: Path) -> None:
    first = (await _put(garden, _file(roses), {"count": 3}, "violets")).json()
    second = await _put(garden, _file(roses), {"count": 4}, "violets")
    assert second.status_code == 201
    assert second.json()["offer"] != first["offer"]
    # The same terms over another dataset are an offer of their own.
    other = (await _put(garden, _file(roses), {"count": 4}, "asters")).json()
    assert other["offer"] != second.json()["offer"]
    assert other["policy_digest"] == second.json()["policy_digest"]


async def test_what_was_withdrawn_can_be_offered_again(garden: Party, roses: Path) -> None:
    await _put(garden, _file(roses), {"count": 3}, "poppies")
    assert (await garden.ask("DELETE", "datasets/poppies")).status_code == 204
    assert (await garden.get("datasets/poppies"))["withdrawn_at"] is not None
    assert "poppies" not in [one["id"] for one in (await garden.get("datasets"))["items"]]
    again = await _put(garden, _file(roses), {"count": 3}, "poppies")
    assert (again.status_code, again.json()["changed"]) == (201, True)
    assert again.json()["withdrawn_at"] is None


async def test_the_list_goes_page_by_page(garden: Party, roses: Path) -> None:
    for index in range(3):
        await _put(garden, _file(roses), {"count": 3}, f"z{index}")
    first = await garden.get("datasets", after="y", limit=2)
    assert [one["id"] for one in first["items"]] == ["z0", "z1"]
    assert first["next"] == "z1"
    rest = await garden.get("datasets", after="z1", limit=2)
    assert ([one["id"] for one in rest["items"]], rest["next"]) == (["z2"], None)


async def test_terms_that_shape_leave_the_table_only(garden: Party, roses: Path) -> None:
    terms = {"where": 'grade = "A"', "drop": ["phone"]}
    shown = (await _put(garden, _file(roses), terms, "shaped")).json()
    assert shown["forms"] == ["table"]


async def test_a_url_is_published_unseen(garden: Party) -> None:
    source = {"kind": "http", "url": "http://localhost:1/x", "headers": {"X-Key": "secret"}}
    answer = await _put(garden, source, {"count": 3}, "remote")
    assert answer.status_code == 201
    assert answer.json()["forms"] == ["file"]
    assert "secret" not in answer.text
    assert "secret" not in (await garden.ask("GET", "datasets/remote")).text


UNKNOWN: dict[str, tuple[Json, str, str]] = {
    "operand": (
        {
            "@id": "urn:uuid:o",
            "@type": "Offer",
            "permission": [
                {
                    "action": "use",
                    "constraint": [
                        {"leftOperand": "moonPhase", "operator": "eq", "rightOperand": "full"}
                    ],
                }
            ],
        },
        "policy.unsupported",
        "/permission/0/constraint/0/leftOperand",
    ),
    "action": (
        {"@id": "urn:uuid:o", "@type": "Offer", "permission": [{"action": "levitate"}]},
        "policy.unsupported",
        "/permission/0/action",
    ),
    "keyword": ({"cuont": 3}, "policy.keyword", "/cuont"),
    "count": ({"count": 0}, "policy.datatype", "/count"),
    "time without zone": (
        {"until": "2027-01-01T00:00:00"},
        "policy.datetime.no_zone",
        "/until",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
async def test_terms_that_cannot_be_evaluated_are_refused_with_their_place(
    garden: Party, roses: Path, name: str
) -> None:
    policy, code, location = UNKNOWN[name]
    before = garden.stored()
    answer = await _put(garden, _file(roses), policy)
    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["code"], problem.get("location")) == (code, location)
    assert garden.stored() == before


@pytest.mark.parametrize(
    "terms",
    [
        {"where": "colour = 1"},
        {"drop": ["colour"]},
        {"columns": ["colour"]},
        {"mask": ["colour:hash"]},
        {"mask": ["name:round(step=10)"]},
        {"mask": ["price:redact_pii"]},
        {"mask": ["price:constant(value=cheap)"]},
        {"where": 'price = "x"'},
    ],
    ids=[
        "where",
        "drop",
        "columns",
        "mask",
        "no number",
        "no text",
        "no such value",
        "another type",
    ],
)
async def test_terms_that_do_not_fit_the_table_are_refused(
    garden: Party, roses: Path, terms: Json
) -> None:
    before = garden.stored()
    answer = await _put(garden, _file(roses), terms)
    assert answer.status_code in (403, 422)
    assert answer.json()["code"] == "pep.unenforceable"
    assert garden.stored() == before


async def test_terms_that_shape_need_a_table(garden: Party, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8")
    address = "http://localhost:1/x"
    for source in (_file(file), {"kind": "http", "url": address}, {"kind": "api", "url": address}):
        for terms in ({"drop": ["phone"]}, {"mask": ["phone:redact_pii"]}):
            answer = await _put(garden, source, terms)
            assert (answer.status_code, answer.json()["code"]) == (422, "pep.unenforceable")
            assert answer.json()["hint"]
    assert (await _put(garden, _file(file), {"count": 3})).json()["forms"] == ["file"]


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"kind": "ftp", "url": "ftp://a"},
        {"kind": "file"},
        {"kind": "file", "path": 3},
        {"kind": "file", "path": "/etc/hostname", "follow": True},
        {"kind": "http"},
        {"kind": "http", "url": "http://localhost:1/x", "verify": False},
        {"kind": "http", "url": "ftp://localhost/x"},
        {"kind": "http", "url": "http://localhost/x", "headers": {"X": "a\r\nY: b"}},
    ],
)
async def test_a_source_of_another_kind_is_refused(garden: Party, source: Json) -> None:
    before = garden.stored()
    answer = await _put(garden, source, {"count": 3})
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid"
    assert garden.stored() == before


async def test_what_is_no_file_is_refused(garden: Party, tmp_path: Path) -> None:
    before = garden.stored()
    for path in (tmp_path / "absent.csv", tmp_path, "/dev/zero", "relative.csv", "a\0b"):
        answer = await _put(garden, _file(path), {"count": 3})
        assert answer.status_code in (404, 422), answer.text
    assert garden.stored() == before


@pytest.mark.parametrize("dataset", ["x" * 513, "a%00b", "a%C2%85b"])
async def test_an_id_that_fits_no_url_is_refused(garden: Party, roses: Path, dataset: str) -> None:
    answer = await _put(garden, _file(roses), {"count": 3}, dataset)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert "cannot be a dataset id" in answer.json()["detail"]


async def test_what_is_not_there_is_not_shown(garden: Party) -> None:
    for method in ("GET", "DELETE"):
        answer = await garden.ask(method, "datasets/never-was")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
