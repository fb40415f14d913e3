"""What the documentation shows is true: its Python runs, its commands and its links exist."""

import inspect
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pytest_examples import CodeExample, EvalExample, find_examples
from typer.core import TyperGroup
from typer.main import get_command

from trustspace import errors
from trustspace.cli.app import app
from trustspace.cli.exit_code import CODES
from trustspace.connector.settings import Settings
from trustspace.local import Connector
from trustspace.policy.vocabulary import DUTIES, DUTY_OPERANDS, LEFT_OPERANDS, spelled

ROOT = Path(__file__).parent.parent
FRONT = [ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = FRONT + sorted((ROOT / "docs").rglob("*.md"))
EXAMPLES = list(find_examples(*PAGES))
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
FENCE = re.compile(r"^```(\w*).*?\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)

ROSES = """\
name,phone,region,grade,price,sold_on
Ada,030-1234567,north,A,12,2026-03-01
Bob,040-7654321,south,B,7,2026-03-02
Cyd,089-5550123,north,A,15,2026-03-02
"""


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_python_block_is_in_the_house_format(
    example: CodeExample, eval_example: EvalExample
) -> None:
    eval_example.set_config(
        line_length=100, target_version="py310", ruff_ignore=["ANN", "D", "S101", "T201"]
    )
    eval_example.lint(example)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_python_block_runs(example: CodeExample, tmp_path: Path) -> None:
    if example.prefix_settings().get("test") == "skip":
        pytest.skip("marked as a fragment")
    (tmp_path / "roses.csv").write_text(ROSES, encoding="utf-8")
    program = "\n" * example.start_line + example.source
    (tmp_path / "block.py").write_text(program, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", "block.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 0, f"{example}\n{run.stdout}\n{run.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_to_a_file(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_both_front_pages_show_the_same_blocks() -> None:
    english, chinese = (page.read_text(encoding="utf-8") for page in FRONT[:2])
    blocks = [
        match for match in FENCE.findall(english) if match[0] in ("python", "console", "bash")
    ]
    assert blocks, "the front page shows how it is used"
    assert blocks == [
        match for match in FENCE.findall(chinese) if match[0] in ("python", "console", "bash")
    ]


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f" {page.relative_to(ROOT / 'docs')}\n" in navigation


def commands() -> Iterator[tuple[Path, str]]:
    """Every line ``trustspace …`` of the pages' shell blocks, continued lines joined."""
    for page in PAGES:
        for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
            if language in ("bash", "console"):
                for line in block.replace("\\\n", " ").splitlines():
                    if line.removeprefix("$ ").startswith("trustspace "):
                        yield page, line.removeprefix("$ ")


@pytest.mark.parametrize(("page", "line"), list(commands()), ids=lambda value: str(value)[-60:])
def test_command_exists_with_its_options(page: Path, line: str) -> None:
    words = shlex.split(line.removesuffix("&"))[1:]
    command = get_command(app)
    while isinstance(command, TyperGroup):
        assert words[0] in command.commands, f"{page.name}: {line}"
        name, *words = words
        command = command.commands[name]
    parser = command.make_parser(command.context_class(command))
    _, left_over, _ = parser.parse_args(words)
    assert left_over == [], f"{page.name}: {line}"


def test_every_command_is_shown() -> None:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    assert set(root.commands) <= {shlex.split(line)[1] for _, line in commands()}


def page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_the_reference_lists_every_term_with_its_label() -> None:
    rows = page("terms.md").splitlines()
    operands = [*LEFT_OPERANDS.values(), *DUTY_OPERANDS.values()]
    labels = [(operand.name, operand.label) for operand in operands] + list(DUTIES.items())
    for name, label in labels:
        # One name may stand in two tables: of a permission's conditions and of a duty's.
        listed = [row for row in rows if row.startswith(f"| `{spelled(name)}` |")]
        assert any(row.endswith(f" {label} |") for row in listed), name


def test_the_reference_lists_every_setting() -> None:
    text = page("settings.md")
    for name, field in Settings.model_fields.items():
        section = field.annotation
        inner = getattr(section, "model_fields", None)
        for full in [f"{name}.{key}" for key in inner] if inner else [name]:
            assert f"`{full}`" in text, full


def test_the_reference_lists_every_error_and_exit_code() -> None:
    tree, codes = page("errors.md"), page("exit-codes.md")
    for name, member in vars(errors).items():
        if inspect.isclass(member) and issubclass(member, errors.TrustspaceError):
            assert re.search(rf"\b{name}\b", tree), name
    for kind, code in CODES:
        row = next(row for row in codes.splitlines() if row.startswith(f"| {code} |"))
        assert f"`{kind.__name__}`" in row, kind


def test_the_reference_lists_every_call_of_the_management_interface() -> None:
    text = page("management-api.md")
    with Connector.local("garden") as garden:
        token = {"Authorization": f"Bearer {garden.home.management_token()}"}
        running = json.loads(garden.home.running_file.read_text(encoding="utf-8"))
        url = f"{running['management_url']}/openapi.json"
        described = httpx.get(url, headers=token, trust_env=False).json()
    for path, methods in described["paths"].items():
        shown = path.replace("{participant}", "{p}").replace("{dataset_id}", "{id}")
        shown = re.sub(r"\{(pid|agreement_id|subject)\}", "{id}", shown)
        for method in methods:
            called = rf"`{method.upper()} {re.escape(shown)}`"
            both = rf"`{method.upper()}` and `\w+ {re.escape(shown)}`|`\w+` and {called}"
            assert re.search(f"{called}|{both}", text) or "{step}" in path, (method, path)
