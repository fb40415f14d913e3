"""The doctor at home: settings, files, database, the own address, what is stuck.

It works beside a running connector and without one, reads the database only, and changes nothing.

Example::

    examine_home(Path("garden-home"), listener=print)
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustspace.connector.doctor.findings import Finding
from trustspace.connector.doctor.own_address import look_from_outside, look_whether_it_runs
from trustspace.connector.doctor.own_files import look_at_clock, look_at_disk, look_at_files
from trustspace.connector.doctor.own_store import look_at_store
from trustspace.connector.home import open_home
from trustspace.connector.outward import authorities
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def examine_home(path: Path, *, listener: Callable[[Finding], None]) -> None:
    """Examine a home.

    Args:
        path: Its folder.
        listener: Called with each finding as it comes.
    """
    heard: list[str] = []

    def tell(finding_id: str, **facts: object) -> None:
        heard.append(finding_id)
        listener(Finding(finding_id, facts))

    try:
        home = open_home(path)
        trusted = authorities(home)
    except ConfigurationError as error:
        tell("settings.invalid", reason=error, hint=error.hint)
        return
    tell("settings.ok", did=home.id, address=home.address)
    if home.development:
        tell("settings.development")
    runs = look_whether_it_runs(home, tell)
    look_at_disk(home, tell)
    look_at_clock(home, tell)
    report = look_at_store(home, tell, runs=runs, now=datetime.now(UTC))
    look_at_files(home, report.participants or [home.name], tell)
    if runs:
        look_from_outside(home, tell, trusted=trusted)
    else:
        tell("public.not_checked", address=home.address)
    if not any(finding.startswith("time.") for finding in heard):
        tell("time.ok")
