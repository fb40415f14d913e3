"""The message catalogue: every reason id and every word of a constraint, in English and Chinese.

The engine and the wire carry ids and data only; people read what ``messages.toml`` makes of them.
A template's fields are ``{wanted}`` (what the policy asks for), ``{actual}`` (what was found),
``{expected}`` and ``{term}``. The tests hold the table to every id of
`trustspace.policy.decision.REASONS`.

Example::

    phrase("odrl.no_permission", "en")  # 'no permission covers this action, dataset and party'
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "zh"]
"""A language of the catalogue."""

LANGUAGES: tuple[Language, ...] = ("en", "zh")


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Return the templates by id and language, read once."""
    text = resources.files("trustspace.policy").joinpath("messages.toml").read_text("utf-8")
    return tomllib.loads(text)


def is_known(name: str) -> bool:
    """Tell whether the catalogue has a template of this id."""
    return name in catalogue()


def phrase(name: str, language: Language, /, **fields: str) -> str:
    """Return a template of the catalogue with its fields filled in.

    Args:
        name: Id of the template; unknown ids read as ``refused: <id>``.
        language: ``en`` or ``zh``.
        fields: Texts for the template's fields.
    """
    templates = catalogue()
    template = templates.get(name) or templates["unknown"]
    return template[language].format(**{"id": name} | fields)
