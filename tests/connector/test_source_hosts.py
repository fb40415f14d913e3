"""Sources in the owner's own network: called where the owner lists the host, nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustspace.connector.home import init_home, open_home
from trustspace.connector.outward import egress, source_egress
from trustspace.errors import EgressDeniedError
from trustspace.transport.guard import EgressPolicy


def policies(home: Path, hosts: str) -> tuple[EgressPolicy, EgressPolicy]:
    init_home(home, name="garden", public_url="https://garden.example")
    settings = home / "trustspace.toml"
    settings.write_text(settings.read_text() + f"\n[delivery]\nsource_hosts = {hosts}\n")
    opened = open_home(home)
    return source_egress(opened), egress(opened)


def allows(policy: EgressPolicy, url: str, address: str, host: str) -> bool:
    try:
        policy.check_url(url)
        policy.check_address(address, host=host)
    except EgressDeniedError:
        return False
    return True


def test_listed_hosts_may_be_private_for_sources_alone(tmp_path: Path) -> None:
    sources, others = policies(tmp_path / "h", '["Prices.internal", "http://old.internal"]')
    assert allows(sources, "https://prices.internal:9443/x", "10.0.0.7", "prices.internal")
    assert not allows(sources, "http://prices.internal/x", "10.0.0.7", "prices.internal")
    assert allows(sources, "http://old.internal:8080/", "192.168.1.4", "old.internal")
    assert not allows(sources, "https://other.internal/", "10.0.0.7", "other.internal")
    # The cloud's metadata is nobody's backend.
    assert not allows(sources, "https://prices.internal/", "169.254.169.254", "prices.internal")
    assert not allows(others, "https://prices.internal/", "10.0.0.7", "prices.internal")


@pytest.mark.parametrize("hosts", ["[]"])
def test_without_a_list_nothing_private_is_called(tmp_path: Path, hosts: str) -> None:
    sources, others = policies(tmp_path / "h", hosts)
    assert sources == others == EgressPolicy()
