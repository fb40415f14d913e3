"""``trustspace keys …``: the keys that everything delivered to a participant is sealed under."""

import os
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from trustspace.usage.rotation import Rotated
    from trustspace.usage.sealed_home import SealedHome

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Home of a connector (or TRUSTSPACE_HOME).")
]
ParticipantOption = Annotated[
    str | None, typer.Option("--participant", help="One participant; all of the home without.")
]

keys: typer.Typer = typer.Typer(
    name="keys",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List and rotate the keys that deliveries are sealed under.",
)


@command
def list_(
    home: HomeOption = None, participant: ParticipantOption = None, *, output: Output
) -> None:
    """List each participant's keys, and how many data keys of agreements each one wraps.

    The connector need not run.
    """
    opened, rotation = _opened(home), _rotation()
    found: list[dict[str, Any]] = []
    for name in _names(opened, participant):
        with opened.store(name) as store:
            provider = store.keys.provider
            used = rotation.Rotation([store], provider).users()
            current, ids = provider.current, rotation.key_ids(provider)
        found += [
            {"participant": name, "key": key, "current": key == current, "data_keys": used[key]}
            for key in dict.fromkeys((*ids, *sorted(used)))
        ]
    if output.json:
        output.document(found)
        return
    output.table(
        ("participant", "key", "", "data keys"),
        [
            (one["participant"], one["key"], "current" if one["current"] else "", one["data_keys"])
            for one in found
        ],
    )


@command
def rotate(
    home: HomeOption = None, participant: ParticipantOption = None, *, output: Output
) -> None:
    """Make a new key and wrap every data key by it; the data is not touched.

    What was interrupted is finished by the next run. Where the key comes from the environment or an
    agent, make it there first; this command then wraps everything by the one that is current.
    """
    opened = _opened(home)
    done: dict[str, Rotated] = {}
    for name in _names(opened, participant):
        with opened.store(name) as store:
            done[name] = _rotation().Rotation([store], store.keys.provider).run()
    if output.json:
        output.document([{"participant": name, **asdict(one)} for name, one in done.items()])
        return
    for name, one in done.items():
        output.lines(
            f"{name}: {one.current} wraps now; data keys wrapped anew: {one.wrapped_anew}; "
            f"keys that are gone: {', '.join(one.retired) or 'none'}"
        )


keys.command("list")(list_)
keys.command("rotate")(rotate)


def _rotation() -> Any:  # noqa: ANN401 - a module
    # Loaded when it is needed: the help of every command would pay for it.
    return import_module("trustspace.usage.rotation")


def _opened(home: Path | None) -> "SealedHome":
    path = home or (Path(given) if (given := os.environ.get("TRUSTSPACE_HOME")) else None)
    if path is None or not path.is_dir():
        msg = "no home is named" if path is None else f"there is no home {path}"
        raise ConfigurationError(msg, setting="--home", hint="give --home HOME")
    opened: SealedHome = import_module("trustspace.usage.sealed_home").SealedHome(path)
    return opened


def _names(home: "SealedHome", participant: str | None) -> tuple[str, ...]:
    names = home.names()
    if participant is None:
        if names:
            return names
        msg = f"nothing has been sealed in {home.path}, so there is no key yet"
        raise ConfigurationError(msg, setting="--home", hint="name another home")
    if participant not in names:
        raise ConfigurationError(
            f"{participant!r} has no key in {home.path}",
            setting="--participant",
            hint=f"there are: {', '.join(names) or 'none'}",
        )
    return (participant,)
