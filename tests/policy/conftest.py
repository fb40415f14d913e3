"""What the tests of the policy package share: one engine, and the OPA that compiled it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from trustspace.policy.wasm import WasmEngine


@pytest.fixture(scope="session")
def engine() -> WasmEngine:
    """The engine that ships."""
    return WasmEngine()


@pytest.fixture
def opa() -> Path:
    """OPA from ``$OPA``, the PATH or Go's folder; absent, skipped with the reason, failed in CI."""
    go = Path.home() / "go" / "bin" / "opa"
    found = next(
        (p for n in (os.environ.get("OPA"), "opa", str(go)) if n and (p := shutil.which(n))), None
    )
    if found is None:
        reason = "OPA is not installed: not in $OPA, on the PATH or in ~/go/bin"
        if (
            os.environ.get("CI") == "true"
            and "opa" not in os.environ.get("TRUSTSPACE_WITHOUT", "").split()
        ):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(found)
