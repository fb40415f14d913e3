"""The program as it is started: quick, without a traceback, with tables and a bar on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trustspace._version import __version__
from trustspace.cli import app as app_module
from trustspace.cli.app import main
from trustspace.cli.exit_code import CODES
from trustspace.cli.progress import progress_bar

PROGRAM = (sys.executable, "-m", "trustspace")
HEAVY = ("pydantic", "httpx", "rich", "polars", "pyarrow", "sqlalchemy", "wasmtime", "anyio")

pytestmark = pytest.mark.timeout(90)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_help_names_every_command_and_loads_nothing_heavy():
    program = (
        "import sys\nfrom trustspace.cli.app import main\ntry: main()\nfinally: print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True
    )
    *words, modules = done.stdout.splitlines()
    for name in ("demo", "init", "serve", "publish", "negotiate", "open", "revoke", "explain"):
        assert any(line.strip().startswith(f"{name} ") for line in words)
    assert not any(line.endswith("...") for line in words[1:])
    assert set(modules.split()).isdisjoint(HEAVY)


def test_the_version_is_told_in_three_ways(alone):
    assert run("--version").stdout == f"{__version__}\n"
    assert alone("version").stdout == f"{__version__}\n"
    assert alone.json("version") == {"version": __version__}


def test_nothing_and_an_unknown_command_are_wrong_usage():
    assert run().returncode == 2
    done = run("publsh")
    assert done.returncode == 2
    assert "publish" in done.stderr


def test_no_connector_named_is_wrong_usage(alone):
    done = alone("agreements")
    assert done.exit_code == 2
    assert "--home" in done.stderr


def test_a_home_that_does_not_run_exits_4_with_the_command_that_starts_it(alone, tmp_path):
    made = alone.json("init", tmp_path / "home", "--name", "one")
    assert made["id"].endswith(":one")
    assert made["address"].startswith("http://localhost:")
    assert made["development"] is True
    done = alone("agreements", "--home", tmp_path / "home")
    assert done.exit_code == 4
    assert f"trustspace serve --home {tmp_path / 'home'}" in done.stderr


def test_init_says_what_comes_next_and_is_repeatable(alone, tmp_path):
    first = alone("init", tmp_path / "home", "--port", 45678)
    assert first.exit_code == 0
    assert "did:web:localhost%3A45678:main" in first.stdout
    assert "development home" in first.stdout
    assert f"trustspace serve --home {tmp_path / 'home'}" in first.stdout
    assert alone("init", tmp_path / "home").stdout == first.stdout
    public = alone("init", tmp_path / "public", "--public-url", "https://garden.example")
    assert "development" not in public.stdout


def test_a_home_that_cannot_be_made_is_wrong_usage(alone, tmp_path):
    assert alone("init", tmp_path, "--name", "No Name").exit_code == 2
    assert alone("serve", "--home", tmp_path / "absent").exit_code == 2


def test_a_wrong_token_is_wrong_usage(alone, services, monkeypatch):
    told = json.loads((services["bank"].home / "running.json").read_bytes())
    monkeypatch.setenv("TRUSTSPACE_TOKEN", "wrong")
    done = alone("agreements", "--url", told["management_url"])
    assert done.exit_code == 2
    assert "token" in done.stderr


def test_a_url_and_a_token_do_as_well_as_a_home(alone, services, monkeypatch):
    home = services["bank"].home
    told = json.loads((home / "running.json").read_bytes())
    monkeypatch.setenv("TRUSTSPACE_URL", told["management_url"])
    monkeypatch.setenv("TRUSTSPACE_TOKEN", (home / "management.token").read_text("ascii").strip())
    assert alone("agreements").exit_code == 0


def test_serve_tells_in_json_that_it_is_ready_and_hosts_many(alone, tmp_path):
    home = tmp_path / "home"
    made = alone.json("init", home)
    with subprocess.Popen(
        [*PROGRAM, "serve", "--home", str(home), "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert made["address"] in json.loads(process.stdout.readline())["ready"]
        assert [each["id"] for each in alone.json("participants", "--home", home)] == [made["id"]]
        assert alone.json("participants", "--host", "two", "--home", home)["name"] == "two"
        assert "\ntwo\t" in alone("participants", "--home", home).stdout
        # Several are hosted now, so that one has to be named.
        assert alone("agreements", "--home", home).exit_code == 2
        assert alone("agreements", "--home", home, "--participant", "two").exit_code == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0


def test_events_are_followed_until_an_interrupt(garden, services, tmp_path):
    (tmp_path / "x.csv").write_text("a\n1\n", encoding="utf-8")
    last = max((each["seq"] for each in garden.json("events")), default=0)
    follow = ("events", "--follow", "--json", "--after", str(last))
    with subprocess.Popen(
        [*PROGRAM, *follow, "--home", str(services["garden"].home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        garden.json("publish", tmp_path / "x.csv", "--id", tmp_path.name, "--count", 1)
        assert json.loads(process.stdout.readline())["seq"] == last + 1
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.parametrize("arguments", [["demo"], ["init", "x"], ["serve", "--home", "x"]])
def test_without_the_extra_its_install_line_is_told(arguments, tmp_path):
    program = (
        "import sys\n"
        "for name in ('starlette', 'sqlalchemy', 'pydantic_settings', 'uvicorn'):\n"
        "    sys.modules[name] = None\n"
        "from trustspace.cli.app import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert done.stderr.endswith("pip install 'trustspace[connector]'\n")
    assert list(tmp_path.iterdir()) == []


def test_an_open_that_was_killed_goes_on_as_the_same_use(garden, bank, address, services, tmp_path):
    source, target = tmp_path / "big.bin", tmp_path / "got.bin"
    source.write_bytes(os.urandom(1_000_000) * 96)
    garden.json("publish", source, "--id", tmp_path.name, "--count", 1)
    agreement = bank.json("negotiate", address, tmp_path.name)["agreement"]
    part = tmp_path / "got.bin.part"
    command = ("open", agreement, "-o", str(target), "--home", str(services["bank"].home))
    with subprocess.Popen([*PROGRAM, *command]) as process:
        while not (part.exists() and part.stat().st_size) and process.poll() is None:
            time.sleep(0.001)
        process.kill()
    assert not target.exists()
    left = part.stat().st_size
    assert 0 < left < source.stat().st_size
    saved = bank.json("open", agreement, "-o", target)
    assert saved["bytes"] == source.stat().st_size
    assert target.read_bytes() == source.read_bytes()
    (used,) = [each["used"] for each in garden.json("agreements") if each["id"] == agreement]
    assert list(used.values()) == [1]


def test_a_fault_of_ours_is_told_in_one_line(monkeypatch, capsys):
    def fail(**_options):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(app_module, "app", fail)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("ZeroDivisionError: division by zero; this is a fault of trustspace")
    assert told.count("\n") == 1
    monkeypatch.setenv("TRUSTSPACE_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main()


def test_every_exit_code_is_documented():
    text = Path(__file__).parents[2].joinpath("docs/reference/exit-codes.md").read_text("utf-8")
    for kind, code in CODES:
        row = next(line for line in text.splitlines() if line.startswith(f"| {code} |"))
        assert kind.__name__ in row


# On a terminal


def on_a_terminal(*arguments: object) -> str:
    """Run the program on a terminal of its own and return what it shows there."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "200"},
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65_536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
        assert process.wait(30) == 0, shown
    os.close(master)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def test_a_table_on_a_terminal_has_a_head(services):
    shown = on_a_terminal("participants", "--home", services["garden"].home)
    assert re.search(r"name +id +address", shown)
    assert services["garden"].id in shown


def test_a_transfer_on_a_terminal_has_a_bar_with_rate_and_time(
    garden, bank, address, services, tmp_path
):
    (tmp_path / "big.bin").write_bytes(os.urandom(3_000_000))
    garden.json("publish", tmp_path / "big.bin", "--id", tmp_path.name, "--count", 5)
    agreement = bank.json("negotiate", address, tmp_path.name)["agreement"]
    home = services["bank"].home
    shown = on_a_terminal("open", agreement, "-o", tmp_path / "got.bin", "--home", home)
    assert re.search(r"got\.bin .*3\.0/3\.0 MB .*/s", shown)
    assert f"{tmp_path / 'got.bin'}: 3000000 bytes in " in shown


def test_no_bar_where_nobody_would_see_it():
    with progress_bar("x") as advance:
        assert advance is None


# The demonstration


def test_the_demonstration_does_what_each_step_says(alone):
    shown = alone.json("demo")
    assert shown["ok"] is True
    assert [step["name"] for step in shown["steps"]] == [
        "published",
        "discovered",
        "refused",
        "agreed",
        "delivered",
        "exhausted",
        "revoked",
        "cut_off",
        "gone",
    ]
    assert all(step["ok"] and step["seconds"] >= 0 and step["detail"] for step in shown["steps"])


def test_the_demonstration_tells_its_steps_in_words(alone, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("name,size,last\na,1,x\nb,2,y\nc,3,z\n", encoding="utf-8")
    done = alone("demo", table)
    assert done.exit_code == 0
    assert re.search(r"published: done in \d+\.\d\d s", done.stdout)
    assert "event log of the" in done.stdout


def test_a_demonstration_that_cannot_be_is_wrong_usage(alone, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("name\na\nb\n", encoding="utf-8")
    done = alone("demo", table)
    assert done.exit_code == 2
    assert "--where" in done.stderr


def test_a_step_that_failed_makes_the_demonstration_fail(alone, monkeypatch):
    from trustspace import demo  # noqa: PLC0415 - only this test needs it

    class Failed:
        ok = False
        logs: dict[str, list[str]] = {}  # noqa: RUF012 - never changed

    def run(_file, *, say):
        say(demo.Step("published", ok=False, seconds=0.1, detail="no"))
        return Failed()

    monkeypatch.setattr(demo, "run", run)
    done = alone("demo")
    assert done.exit_code == 1
    assert done.stdout.startswith("published: FAILED in 0.10 s\nno\n")
