"""What the commands on policies do; apart from them, because what it needs takes long to import."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from trustspace.errors import ConfigurationError, PolicyError, RemoteProtocolError
from trustspace.model import strict_json
from trustspace.policy.odrl.cases import every_atom
from trustspace.policy.odrl.evaluation import evaluate, refused
from trustspace.policy.odrl.reader import read_policy
from trustspace.policy.operands import declared, label_of
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from pathlib import Path

    from trustspace.cli.output import Output
    from trustspace.policy.messages import Language


def read_json(path: Path, option: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read a JSON file; ``-`` is standard input.

    Raises:
        ConfigurationError: It cannot be read.
        PolicyError: It is not JSON, code ``policy.malformed``.
    """
    try:
        text = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", setting=option, hint="check the path"
        ) from error
    return parsed(text)


def parsed(text: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Read JSON strictly.

    Raises:
        PolicyError: It is not JSON, has a member twice or is too deep, code ``policy.malformed``.
    """
    try:
        return strict_json.loads(text)
    except RemoteProtocolError as error:
        raise PolicyError(str(error), code="policy.malformed", location="") from error


def evaluate_one(
    policy: Path, request: Path, world: Path | None, operands: list[str], output: Output
) -> None:
    """Evaluate one request and show what came of it."""
    _show(_answer((policy, request, world), operands), output)


def explain_one(
    files: tuple[Path, Path, Path | None], operands: list[str], language: Language, output: Output
) -> None:
    """Evaluate one request and say in words why it came out so.

    Args:
        files: Of the policy, the request and the world.
        operands: Declared operands.
        language: Of the sentences.
        output: Where to show.
    """
    found = _answer(files, operands, language)
    if output.json:
        output.document(
            {
                name: found.get(name)
                for name in ("decision", "refused", "summary", "sentences", "reasons")
            }
        )
    elif found["refused"] is not None:
        _show(found, output)
    else:
        output.lines(found["summary"], *(f"- {sentence}" for sentence in found["sentences"]))


def _answer(
    files: tuple[Path, Path, Path | None], operands: list[str], language: Language | None = None
) -> dict[str, Any]:
    policy, request, world = files
    known = declared(operands)
    try:
        line = {
            "policy": read_json(policy, "--policy"),
            "request": read_json(request, "--request"),
            "world": {} if world is None else read_json(world, "--world"),
        }
    except PolicyError as error:
        return refused(None, error)
    return evaluate(WasmEngine(), line, operands=known, language=language)


def evaluate_batch(operands: list[str], output: Output) -> None:
    """Evaluate one question per line of standard input, one answer per line."""
    known, engine = declared(operands), WasmEngine()
    for text in sys.stdin.buffer:
        if not text.strip():
            continue
        try:
            line = parsed(text)
        except PolicyError as error:
            found = refused(None, error)
        else:
            found = evaluate(engine, line, operands=known)
        output.document(found)


def check(file: Path, operands: list[str], output: Output) -> None:
    """Read a policy and show its rules and terms.

    Raises:
        PolicyError: It is not understood.
    """
    document = read_policy(read_json(file, "FILE"), operands=declared(operands))
    terms = [
        {"pointer": atom.src, "term": atom.left, "enforcement": label_of(atom.left)}
        for rule in document.rules
        for atom in every_atom(rule)
    ]
    rules = [{"rule": rule.uid, "kind": rule.kind} for rule in document.rules]
    if output.json:
        output.document({"policy": document.uid, "rules": rules, "terms": terms})
        return
    output.lines(f"{document.uid}: {len(rules)} rules, understood")
    output.table(
        ("pointer", "term", "enforcement"),
        [(one["pointer"], one["term"], one["enforcement"]) for one in terms],
    )


def _show(found: dict[str, Any], output: Output) -> None:
    if output.json:
        output.document(found)
        return
    if found["refused"] is not None:
        why = found["refused"]
        output.lines(f"refused: {why['message']} ({why['code']} at {why['pointer'] or '/'})")
        return
    output.lines(found["decision"])
    for rule in found["rules"]:
        state = "active" if rule["active"] else "not active"
        output.lines(f"  {rule['kind']} {rule['rule']}: {state}")
        for name, value in rule["constraints"].items():
            output.lines(f"    {name}: {str(value).lower()}")
        for duty in rule["duties"]:
            output.lines(f"    duty {duty['duty']} ({duty['action']}): {duty['state']}")
    output.lines(*(f"  {sentence}" for sentence in found["sentences"]))
