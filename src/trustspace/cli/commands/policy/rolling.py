"""What the commands on rules in force do; apart from them, because it takes long to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.cli.command import load as load_module
from trustspace.cli.commands.policy.building import compiled
from trustspace.cli.commands.policy.signing import read_bytes
from trustspace.client.rules import RuleComparison
from trustspace.errors import TransportError
from trustspace.policy.rollout.module import RuleModule
from trustspace.policy.rollout.shadow import compare, logged
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from pathlib import Path

    from trustspace.cli.connection import Connection
    from trustspace.cli.output import Output
    from trustspace.client import Client
    from trustspace.policy.messages import Language


def load(client: Client, file: Path | None, output: Output) -> None:
    """Have rules taken into force and show what they decide differently.

    Raises:
        PolicyError: They are refused.
    """
    if file is None:
        comparison = client.restore_rules()
    else:
        comparison = client.load_rules(read_bytes(file, "FILE"))
    in_force = client.rules()
    if output.json:
        output.document(comparison.to_wire() | {"rules": in_force.to_wire()})
        return
    waiting = "" if in_force.state == "in_force" else ", as soon as the OPA server has fetched them"
    output.lines(f"in force{waiting}: revision {comparison.revision}")
    _show(comparison, output)


def status(client: Client, output: Output) -> None:
    """Show the rules in force."""
    rules = client.rules()
    if output.json:
        output.document(rules.to_wire())
        return
    output.lines(
        f"revision {rules.revision} ({rules.engine}, {rules.state})",
        f"module {rules.module or 'shipped with the package'}",
    )
    if rules.serial is not None:
        output.lines(f"serial {rules.serial}, signature expires {rules.expires}")
    if rules.refused is not None:
        refused = rules.refused
        output.lines(f"refused at {refused.at}: {refused.message} ({refused.code})")


def shadow(
    source: tuple[Path, Path | None],
    last: int,
    language: Language,
    connection: Connection,
    output: Output,
) -> None:
    """Show what a module would decide differently.

    Args:
        source: The module or the folder, and the OPA program.
        last: How many logged requests.
        language: Of the summaries.
        connection: Whose log.
        output: Where to show.

    Raises:
        PolicyError: The module cannot be used.
    """
    path, opa = source
    content = compiled(path, opa).archive() if path.is_dir() else read_bytes(path, "BUNDLE")
    try:
        with connection.client() as client:
            comparison = client.shadow_rules(content, last=last, language=language)
    except TransportError:
        if connection.home is None:
            raise
        comparison = _of_home(connection.home, content, last, language)
    if output.json:
        output.document(comparison.to_wire())
    else:
        _show(comparison, output)


def _of_home(home: Path, content: bytes, last: int, language: Language) -> RuleComparison:
    local = load_module("trustspace.local.decision_log", feature="a home", extra="connector")
    log = local.logged(home, last=last)
    module = RuleModule.read(content)
    requests, unreadable = logged(log.requests)
    old = WasmEngine() if log.module is None else log.module.engine()
    told = compare(requests, old, module.engine(), language=language)
    return RuleComparison.read(told | {"unreadable": unreadable, "revision": module.revision})


def _show(comparison: RuleComparison, output: Output) -> None:
    output.lines(f"{comparison.changed} of {comparison.inputs} decisions differ")
    for before, counts in comparison.effects.items():
        for after, number in counts.items():
            output.lines(f"  {before} -> {after}: {number}")
    for one in comparison.examples:
        output.lines(
            f"  {one.point} {one.subject} {one.action} {one.dataset}: "
            f"{one.before['summary']} -> {one.after['summary']}"
        )
    if comparison.faults:
        output.note(f"the rules failed {comparison.faults} times")
    if comparison.unreadable:
        output.note(f"{comparison.unreadable} logged requests are of another version")
