"""How a function becomes a command: grouped options are spread out, errors become exit codes.

A parameter annotated with a dataclass stands for the options that are its fields, so that every
command takes the same ones without repeating them.

Example::

    @command
    def unpublish(dataset: str, connection: Connection, output: Output) -> None:
        '''Withdraw a dataset from the catalogue.'''
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from trustspace.cli.exit_code import WRONG_USAGE, document, exit_code, words
from trustspace.cli.output import Output
from trustspace.errors import MissingDependencyError, TrustspaceError

if TYPE_CHECKING:
    from types import ModuleType

Command = Callable[..., None]


def command(function: Command) -> Command:
    """Return the function with its grouped options spread out and its errors turned to codes."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters = [
        spread
        for name, parameter in inspect.signature(function).parameters.items()
        for spread in (
            _options(groups[name])
            if name in groups
            else [parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)]
        )
    ]

    @functools.wraps(function)
    def run(**given: Any) -> None:  # noqa: ANN401 - typer passes what the signature says
        built = {
            name: kind(**{field.name: given.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        output = next((item for item in built.values() if isinstance(item, Output)), Output())
        try:
            function(**given, **built)
        except TrustspaceError as error:
            raise typer.Exit(_tell(error, output)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            output.note(f"{error}; check the path and its permissions")
            raise typer.Exit(WRONG_USAGE) from error

    signature = inspect.Signature(parameters, return_annotation=None)
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {item.name: item.annotation for item in parameters}
    return run


def load(module: str, *, feature: str, extra: str) -> ModuleType:
    """Import a module that needs an extra.

    Args:
        module: Its full name.
        feature: What the user asked for, in words.
        extra: The extra that brings what it imports.

    Raises:
        MissingDependencyError: The extra is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "trustspace":
            raise
        raise MissingDependencyError(feature, extra=extra) from error


def _tell(error: TrustspaceError, output: Output) -> int:
    for line in words(error):
        output.note(line)
    if output.json:
        output.document(document(error))
    return exit_code(error)


def _options(group: Any) -> list[inspect.Parameter]:  # noqa: ANN401 - a dataclass
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
