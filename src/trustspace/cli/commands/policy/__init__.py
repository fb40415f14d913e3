"""``trustspace policy …``: what policy authors do, without a running connector."""

from __future__ import annotations

import typer

from trustspace.cli.commands.policy.build import build
from trustspace.cli.commands.policy.bundle import bundle
from trustspace.cli.commands.policy.cases import coverage, run_cases
from trustspace.cli.commands.policy.check import check
from trustspace.cli.commands.policy.diff import diff
from trustspace.cli.commands.policy.eval import eval_
from trustspace.cli.commands.policy.explain import explain
from trustspace.cli.commands.policy.ledger import ledger
from trustspace.cli.commands.policy.lint import lint
from trustspace.cli.commands.policy.new import new
from trustspace.cli.commands.policy.rollout import load, log, shadow, status
from trustspace.cli.commands.policy.server_config import server_config
from trustspace.cli.commands.policy.sign import sign, verify

policy: typer.Typer = typer.Typer(
    name="policy",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write, check and evaluate usage policies.",
)
for _name, _function in {
    "new": new,
    "check": check,
    "test": run_cases,
    "coverage": coverage,
    "eval": eval_,
    "explain": explain,
    "diff": diff,
    "ledger": ledger,
    "lint": lint,
    "build": build,
    "bundle": bundle,
    "sign": sign,
    "verify": verify,
    "load": load,
    "status": status,
    "shadow": shadow,
    "log": log,
    "server-config": server_config,
}.items():
    policy.command(_name)(_function)
