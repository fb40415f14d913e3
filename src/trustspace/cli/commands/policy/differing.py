"""Comparing two policies from files; apart from the command, because it takes long to import."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trustspace.cli.commands.policy.running import read_json
from trustspace.policy.odrl.difference import difference
from trustspace.policy.operands import declared
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from pathlib import Path

    from trustspace.cli.output import Output
    from trustspace.policy.messages import Language

_DECISIONS = {
    "en": {"permit": "permit", "deny": "deny"},
    "zh": {"permit": "允许", "deny": "拒绝"},
}
_NOTHING = {
    "en": "no request was found that they answer differently",
    "zh": "未发现两份策略判定不同的请求",
}
_SAMPLE = {
    "en": "{tried} requests of many were tried: others may be answered differently",
    "zh": "仅抽样检查了 {tried} 个请求; 其他请求的判定仍可能不同",
}


def diff(
    before: Path, after: Path, operands: list[str], language: Language, output: Output
) -> None:
    """Show how two policies differ.

    Raises:
        PolicyError: One is not understood.
    """
    policies = read_json(before, "A"), read_json(after, "B")
    found = difference(WasmEngine(), *policies, operands=declared(operands))
    if output.json:
        output.document(found)
        return
    output.lines(*(f"- {words[language]}" for words in found["removed"]))
    output.lines(*(f"+ {words[language]}" for words in found["added"]))
    said = _DECISIONS[language]
    for one in found["examples"]:
        question = {name: value for name, value in one["world"].items() if value} | one["request"]
        told = f"A {said[one['before']]}, B {said[one['after']]}"
        output.lines(f"{told}: {json.dumps(question, ensure_ascii=False)}")
    if not found["examples"]:
        output.lines(_NOTHING[language])
    if not found["complete"]:
        output.note(_SAMPLE[language].format(tried=found["tried"]))
