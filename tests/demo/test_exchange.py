"""The demonstration: nine steps that do what they say, and a report that admits a failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trustspace.demo import Report, Step, exchange, run
from trustspace.demo.choice import Choice, choose
from trustspace.demo.exchange import STEPS
from trustspace.errors import ConfigurationError, TrustspaceError
from trustspace.local import Connector

pytestmark = pytest.mark.timeout(60)


def test_the_shipped_table_is_exchanged() -> None:
    said: list[Step] = []
    report = run(None, say=said.append)
    assert report.ok, [step.detail for step in report.steps if not step.ok]
    assert report.steps == said
    assert [step.name for step in said] == list(STEPS)
    assert all(step.seconds > 0 for step in said)
    detail = {step.name: step.detail for step in said}
    assert "569 rows" in detail["published"]
    assert "case_id hashed" in detail["published"]
    assert "marketing" in detail["refused"]
    assert "agreement urn:uuid:" in detail["agreed"]
    assert "of 569 rows" in detail["delivered"]
    assert "a third use was refused" in detail["exhausted"]
    assert "revoked" in detail["revoked"]
    assert "refused" in detail["cut_off"]
    assert any("agreement.revoked" in line for line in report.logs["hospital"])
    assert any("agreement.revoked" in line for line in report.logs["institute"])
    document = json.loads(json.dumps(report.to_json()))
    assert document["ok"] is True
    assert set(document["steps"][0]) == {"name", "ok", "seconds", "detail"}


def test_ones_own_table_is_exchanged(tmp_path: Path) -> None:
    file = tmp_path / "flowers.parquet"
    pl.DataFrame(
        {"height": [1.5, 2.5, 3.5, 4.5], "name": ["a", "b", "c", "d"], "note": ["x"] * 4}
    ).write_parquet(file)
    report = run(file, say=lambda _: None)
    assert report.ok, [step.detail for step in report.steps if not step.ok]
    assert "2 of 4 rows" in next(s.detail for s in report.steps if s.name == "delivered")


def test_a_table_that_does_not_fit_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "words.csv"
    file.write_text("a,b\nx,y\n")
    with pytest.raises(ConfigurationError, match="has no numeric column"):
        run(file, say=lambda _: pytest.fail("a step was taken"))


def test_a_step_that_did_not_happen_ends_it(tmp_path: Path) -> None:
    """The file vanishes after it was published: delivery fails, and so does the demonstration."""
    file = tmp_path / "flowers.csv"
    file.write_text("height,note\n1,x\n2,y\n")
    said: list[Step] = []

    def say(step: Step) -> None:
        said.append(step)
        file.unlink(missing_ok=True)

    report = run(file, say=say)
    assert not report.ok
    assert [step.ok for step in report.steps] == [True] * (len(said) - 1) + [False]
    assert said[-1].name == "delivered"
    assert said[-1].detail
    assert report.to_json()["ok"] is False


class _Loose(Choice):
    """Terms that bind nothing."""

    @property
    def keywords(self) -> dict[str, Any]:
        return {"count": 100}


def test_a_step_checks_what_came_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under terms that bind nothing, each step says that what it shows did not happen."""
    monkeypatch.setattr(exchange, "SETTLE_SECONDS", 0.0)
    file = tmp_path / "flowers.csv"
    file.write_text("height,note\n1,x\n2,y\n")
    chosen = choose(file)
    loose = _Loose(chosen.hashed, chosen.dropped, chosen.where, chosen.rows, chosen.total)
    with Connector.local("hospital") as hospital, Connector.local("institute") as institute:
        show = exchange._Exchange(hospital, institute, file, loose)
        show.published()
        with pytest.raises(TrustspaceError, match="a purpose that the terms exclude was agreed"):
            show.refused()
        show.agreed()
        with pytest.raises(TrustspaceError, match="no handle is open"):
            show.cut_off()
        with pytest.raises(TrustspaceError, match="expected that 1 rows arrive, found 2"):
            show.delivered()
        with pytest.raises(TrustspaceError, match="more uses than agreed were possible"):
            show.exhausted()
        with pytest.raises(TrustspaceError, match="data was delivered after the revocation"):
            show.cut_off()
        with pytest.raises(TrustspaceError, match="did not learn of the revocation in time"):
            show.revoked()
        show.close()


def test_a_report_of_too_few_steps_is_not_ok() -> None:
    report = Report(steps=[Step("published", ok=True, seconds=0.1, detail="")])
    assert not report.ok
