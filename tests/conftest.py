"""What every test shares: one event loop, seeded examples, no network."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
IN_CI = os.environ.get("CI") == "true"

settings.register_profile("default", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("soak", deadline=None, database=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "default"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of every ``anyio`` test."""
    return "asyncio"


@pytest.fixture(scope="session")
def dsp_schemas() -> Path:
    """Folder of the official DSP 2025-1 JSON schemas: ``$SCHEMAS``, else beside the project."""
    folder = Path(os.environ.get("SCHEMAS", ROOT.parent / "shared" / "spec" / "dsp-2025-1"))
    if not folder.is_dir():
        reason = f"the official schemas are not at {folder}; name their folder in SCHEMAS"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Refuse connections that would leave the machine, so that no test depends on a network."""
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise AssertionError(
                f"a test tried to connect to {address[0]}; only loopback is allowed"
            )
        real_connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
