"""How far terms bind, as the clients show it: offered by us, offered by others, agreed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import trustspace as ts
from trustspace.errors import PolicyError

TERMS = ts.terms(count=2, purpose="research", prohibit=["distribute"])
PROVIDER = {
    "odrl:purpose": "attested",
    "odrl:count": "enforced",
    "odrl:distribute": "contractual",
}


@pytest.fixture
def roses(tmp_path: Path) -> Path:
    file = tmp_path / "roses.parquet"
    pl.DataFrame({"grade": ["A", "B"]}).write_parquet(file)
    return file


def test_terms_have_labels_wherever_they_are_shown(roses: Path) -> None:
    with ts.Connector.local("garden") as garden, ts.Connector.local("bank") as bank:
        with pytest.raises(PolicyError) as refused:
            garden.publish(roses, id="roses", terms=TERMS)
        assert (refused.value.code, refused.value.location) == (
            "policy.contractual",
            "/prohibition/0",
        )
        assert "accept_contractual=['distribute']" in refused.value.hint
        info = garden.publish(roses, id="roses", terms=TERMS, accept_contractual=["distribute"])
        assert {one.term: one.provider for one in info.terms} == PROVIDER
        assert {one.consumer for one in info.terms} == {"contractual"}
        (offered,) = bank.catalog(garden.address).datasets
        assert offered.terms == info.terms
        agreement = bank.negotiate(garden.address, "roses", purpose="research")
        assert {one.term: one.provider for one in agreement.terms} == PROVIDER
        assert garden.agreement(agreement.id).terms == agreement.terms
        told = bank.explain(agreement.id, language="zh").terms
        assert all(one.words for one in told)


@pytest.mark.anyio
async def test_the_async_client_accepts_promises_too(roses: Path) -> None:
    async with ts.Connector.local("garden") as garden:
        accepted = await garden.publish(
            roses, id="roses", terms=TERMS, accept_contractual=["distribute"]
        )
        assert accepted.accept_contractual == ("odrl:distribute",)
