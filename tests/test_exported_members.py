"""The public names at the root are what ``__all__`` says, sorted, documented, and load lazily."""

import inspect
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import trustspace
import trustspace.cli.app

HEAVY = (
    "polars",
    "pyarrow",
    "sqlalchemy",
    "fastapi",
    "starlette",
    "uvicorn",
    "wasmtime",
    "httpx",
    "typer",
)


def test_names_are_sorted_and_exist() -> None:
    assert list(trustspace.__all__) == sorted(set(trustspace.__all__))
    for name in trustspace.__all__:
        assert getattr(trustspace, name) is not None
    assert set(trustspace.__all__) <= set(dir(trustspace))


def test_every_public_class_and_function_is_documented() -> None:
    for name in trustspace.__all__:
        member = getattr(trustspace, name)
        if inspect.isclass(member) or inspect.isfunction(member):
            assert inspect.getdoc(member), f"trustspace.{name} has no docstring"


def test_an_unknown_name_is_an_attribute_error() -> None:
    name = "no_such_name"
    with pytest.raises(AttributeError, match=name):
        getattr(trustspace, name)


@pytest.mark.parametrize("module", ["trustspace", "trustspace.errors"])
def test_importing_the_root_pulls_nothing(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(run.stdout.split())
    assert loaded.isdisjoint((*HEAVY, "pydantic"))
    ours = {name for name in loaded if name.startswith("trustspace.")}
    assert ours <= {"trustspace._version", "trustspace.errors"}


@pytest.mark.parametrize(
    ("absent", "name", "said"),
    [
        ("uvicorn", "Connector", "pip install 'trustspace[connector]'"),
        ("httpx", "Client", "ModuleNotFoundError"),
    ],
)
def test_a_missing_extra_gives_its_install_line(absent: str, name: str, said: str) -> None:
    program = f"""
import sys
sys.modules[{absent!r}] = None
import trustspace
try:
    trustspace.{name}
except Exception as error:
    print(getattr(error, "hint", type(error).__name__))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == said


def test_the_module_and_the_command_are_one_program() -> None:
    (script,) = entry_points(group="console_scripts", name="trustspace")
    assert script.load() is trustspace.cli.app.main
