"""List every rule of ``trustspace policy lint``, from the table that it speaks from.

Example::

    python docs/list_lint.py     # writes docs/reference/policy-lint.md
"""

from collections.abc import Iterator
from pathlib import Path

from trustspace.policy.linting.finding import rules

PAGE = Path(__file__).parent / "reference" / "policy-lint.md"

INTRODUCTION = """\
# What `policy lint` finds

Listed by `docs/list_lint.py` from `trustspace/policy/linting/rules.toml`; a test holds
this page to it. Ids are stable.

| Severity | Meaning | Exit code |
|---|---|---|
| `error` | it cannot be meant so | 1 |
| `warning` | look again | 0; 1 with `--strict` |
| `note` | worth knowing | 0 |

Where Rego is to be checked and OPA is missing, nothing of it is run: the exit
code is 7, unless something else was found.
"""

HEADINGS = {"policy": "ODRL policies", "rego": "Rego"}


def page() -> str:
    """Return the page in Markdown."""
    return "\\n".join([INTRODUCTION, *_groups()])


def _groups() -> Iterator[str]:
    for group, heading in HEADINGS.items():
        yield f"## {heading}\\n"
        yield "| Rule | Severity | Words | 说明 |"
        yield "|---|---|---|---|"
        for name, rule in rules().items():
            if name.startswith("rego.") == (group == "rego"):
                cells = (f"`{name}`", rule["severity"], _plain(rule["en"]), _plain(rule["zh"]))
                yield f"| {' | '.join(cells)} |"
        yield ""


def _plain(template: str) -> str:
    """Return a template with its fields as words, safe in a table."""
    text = template.replace("{why_en}", "*why*").replace("{why_zh}", "*原因*")
    return text.replace("{", "*").replace("}", "*").replace("|", "\\\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
