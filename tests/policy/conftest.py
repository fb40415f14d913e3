"""What the tests of the policy package share: one engine, and the OPA that compiled it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.policy.opa_server import find_opa

from trustspace.policy.wasm import WasmEngine


@pytest.fixture(scope="session")
def engine() -> WasmEngine:
    """The engine that ships."""
    return WasmEngine()


@pytest.fixture
def opa() -> Path:
    """OPA, where it is installed."""
    return find_opa()
