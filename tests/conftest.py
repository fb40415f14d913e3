"""What every test shares: one event loop, seeded examples, no network, programs from outside."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
IN_CI = os.environ.get("CI") == "true"
OPA_VERSION = "1.22.2"

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


@pytest.fixture
def external_program() -> Callable[[str], Path]:
    """Find a program outside Python: absent, the test is skipped with the reason, and fails in CI.

    The environment variable ``TRUSTSPACE_WITHOUT`` (names with spaces between) lists programs that
    this machine cannot have; these are skipped in CI too.
    """

    def find(name: str) -> Path:
        found = shutil.which(name)
        if found is None:
            _absent(name, f"{name} is not on the PATH")
        return Path(found)

    return find


@pytest.fixture
def opa(external_program: Callable[[str], Path]) -> Path:
    """The OPA of the version that compiled the committed policy."""
    path = external_program("opa")
    told = subprocess.run([path, "version"], capture_output=True, text=True, check=True).stdout
    if f"Version: {OPA_VERSION}" not in told.splitlines():
        _absent("opa", f"{path} is not OPA {OPA_VERSION}")
    return path


@pytest.fixture(scope="session")
def dsp_schemas() -> Path:
    """Folder of the official DSP 2025-1 JSON schemas: ``$SCHEMAS``, else beside the project."""
    folder = Path(os.environ.get("SCHEMAS", ROOT.parent / "shared" / "spec" / "dsp-2025-1"))
    if not folder.is_dir():
        _absent(
            "schemas", f"the official schemas are not at {folder}; name their folder in SCHEMAS"
        )
    return folder


def _absent(name: str, reason: str) -> NoReturn:
    if IN_CI and name not in os.environ.get("TRUSTSPACE_WITHOUT", "").split():
        pytest.fail(reason)
    pytest.skip(reason)


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
