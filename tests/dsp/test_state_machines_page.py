"""The drawn page is that of the tables."""

import importlib.util
from pathlib import Path
from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "docs" / "draw_state_machines.py"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_state_machines", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current():
    drawn = script()
    assert drawn.PAGE.read_text("utf-8") == drawn.page(), (
        "run `python docs/draw_state_machines.py` and commit the page"
    )


def test_the_page_has_both_machines():
    text = script().page()
    assert "    [*] --> REQUESTED: ContractRequest (C)" in text
    assert "    OFFERED --> ACCEPTED: event ACCEPTED (C)" in text
    assert "    VERIFIED --> TERMINATED: ContractNegotiationTermination (C or P)" in text
    assert "    STARTED --> SUSPENDED: TransferSuspension (C or P)" in text
    assert "    COMPLETED --> [*]" in text
