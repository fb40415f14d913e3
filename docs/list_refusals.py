"""List every id of a refusal with what it means and what to do about it, in both languages.

Example::

    python docs/list_refusals.py     # writes docs/guide/refused.md and docs/guide/refused.zh.md
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trustspace.policy.decision import REASONS
from trustspace.policy.messages import LANGUAGES, Language, catalogue

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src" / "trustspace"
PAGES: dict[Language, Path] = {
    "en": HERE / "guide" / "refused.md",
    "zh": HERE / "guide" / "refused.zh.md",
}

HEADING = tomllib.loads((HERE / "refused.toml").read_text("utf-8"))["modules"]

_SPELLED = (
    re.compile(r'\bcode="([a-z_]+(?:\.[a-z_]+)+)"'),
    re.compile(r'Refusal\.of\(\s*"([a-z_.]+)"'),
    re.compile(
        r"^[A-Z_]+(?:: Final)? = "
        r'"((?:offer|negotiation|transfer|form|agreement|duty|pep)\.[a-z_]+)"',
        re.MULTILINE,
    ),
)
"""How the program spells the id of a refusal."""


def groups() -> dict[str, dict[str, Any]]:
    """Return what is said of each id, by group."""
    return tomllib.loads((HERE / "refusals.toml").read_text("utf-8")) | {"module": _modules()}


def _modules() -> dict[str, Any]:
    """Return what the message catalogue says of modules of rules and their signatures."""
    words = catalogue()
    group: dict[str, Any] = {"heading": HEADING}
    for name in words:
        advice = words.get(f"{name}.help")
        if name.startswith("module.") and advice is not None:
            group[name] = [["", "", advice[language]] for language in LANGUAGES]
    return group


def said() -> set[str]:
    """Return the ids that the pages list."""
    return {name for group in groups().values() for name in group if name != "heading"}


def raised() -> set[str]:
    """Return the ids that decisions and the program have."""
    found = set(REASONS) | {name for name in _modules() if name != "heading"}
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= {name for pattern in _SPELLED for name in pattern.findall(text)}
    return found


def page(language: Language) -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines(language))


def _lines(language: Language) -> Iterator[str]:
    around = tomllib.loads((HERE / "refused.toml").read_text("utf-8"))[language]
    place = LANGUAGES.index(language)
    yield around["introduction"]
    for group in groups().values():
        yield f"## {group['heading'][place]}\n"
        yield f"| {' | '.join(around['head'])} |"
        yield "|---|---|---|---|"
        for name, texts in group.items():
            if name != "heading":
                yield f"| `{name}` | {' | '.join(_cells(name, texts[place], language))} |"
        yield ""


def _cells(name: str, texts: list[str], language: Language) -> list[str]:
    """Return the cells of an id; the sentence of the message catalogue stands with its meaning."""
    meaning, *advice = texts
    words = catalogue().get(name, {}).get(language, "")
    sentence = re.sub(r"(?:\{\w+\})+", "…", words).replace("|", "\\|")
    if not sentence.strip("…"):
        return texts
    return [f"{meaning}<br>*{sentence}*" if meaning else sentence, *advice]


if __name__ == "__main__":
    for language, path in PAGES.items():
        path.write_text(page(language), encoding="utf-8")
