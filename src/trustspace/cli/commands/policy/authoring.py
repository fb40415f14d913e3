"""What the commands for policy authors do; apart from them, because it takes long to import."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trustspace.errors import ConfigurationError
from trustspace.policy.templates import TEMPLATES, template

if TYPE_CHECKING:
    from pathlib import Path

    from trustspace.cli.output import Output


def list_templates(output: Output) -> None:
    """Show every template with its parameters."""
    if output.json:
        output.document(
            [
                {
                    "template": one.name,
                    "title": dict(one.title),
                    "parameters": [
                        {
                            "name": blank.name,
                            "kind": blank.kind,
                            "meaning": dict(blank.meaning),
                            "example": blank.example,
                            "optional": blank.optional,
                        }
                        for blank in one.parameters
                    ],
                }
                for one in TEMPLATES.values()
            ]
        )
        return
    output.table(
        ("template", "title", "标题", "example"),
        [
            (
                one.name,
                one.title["en"],
                one.title["zh"],
                " ".join(f"--set '{name}={value}'" for name, value in one.example.items()),
            )
            for one in TEMPLATES.values()
        ],
    )


def new(name: str, settings: list[str], to: Path | None, output: Output) -> None:
    """Fill in a template.

    Raises:
        ConfigurationError: A setting is not of the form NAME=VALUE, or the file is there already.
        PolicyError: There is no such template, or a value does not fit.
    """
    found = template(name)
    given: dict[str, str] = {}
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or key in given:
            raise ConfigurationError(
                f"{setting!r} sets no parameter" if not sign else f"{key} is set twice",
                setting="--set",
                hint="write --set NAME=VALUE, once for each parameter",
            )
        given[key] = value
    policy = found.policy(given)
    if to is None:
        output.lines(json.dumps(policy, indent=None if output.json else 2, ensure_ascii=False))
        return
    try:
        with to.open("x", encoding="utf-8") as file:
            file.write(json.dumps(policy, indent=2, ensure_ascii=False) + "\n")
    except FileExistsError as error:
        raise ConfigurationError(
            f"{to} exists", setting="--output", hint="choose another name, or remove it first"
        ) from error
    told = {language: found.words(given, language) for language in ("en", "zh")}
    if output.json:
        output.document({"file": str(to), "policy": policy["@id"], "words": told})
        return
    output.lines(f"{to}: {told['en']}", told["zh"])
