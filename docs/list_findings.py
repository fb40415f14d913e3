"""List everything that the doctor can find, from the tables that it speaks from.

Example::

    python docs/list_findings.py     # writes docs/reference/doctor.md
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trustspace.connector.doctor.findings import catalogue

PAGE = Path(__file__).parent / "reference" / "doctor.md"

INTRODUCTION = """\
# What the doctor finds

Listed by `docs/list_findings.py` from the tables in `trustspace.connector.doctor`; a test holds
this page to them. Ids are stable. `--language zh` gives every finding in Chinese.

| Severity | Meaning |
|---|---|
| `ok` | as it should be |
| `note` | worth knowing; exchanges work |
| `warning` | exchanges work, but not always or not for long |
| `error` | an exchange would not work |

`trustspace doctor ADDRESS` exits with 0 when there is no error and with 4 when there is one;
`trustspace doctor --self` exits with 0 or 2. An examination takes half a minute at most; each
answer is waited for 6 s.
"""


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join([INTRODUCTION, *_groups()])


def _groups() -> Iterator[str]:
    for name, group in catalogue().items():
        yield f"## {name}\n\nExpected: {_plain(group['expected']['en'])}.\n"
        yield "| Finding | Severity | Found | What to do |"
        yield "|---|---|---|---|"
        for finding, entry in group.items():
            if finding != "expected":
                yield f"| `{name}.{finding}` | {_cells(entry)} |"
        yield ""


def _cells(entry: dict[str, Any]) -> str:
    advice = entry.get("advice", {}).get("en", "")
    return " | ".join((entry["severity"], _plain(entry["found"]["en"]), _plain(advice)))


def _plain(template: str) -> str:
    """Return a template with its fields as words, safe in a table."""
    return template.replace("{", "*").replace("}", "*").replace("_en*", "*").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
