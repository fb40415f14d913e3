"""The two commands, as a kit's owner types them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.conformance.connector import free_ports

from trustspace.testing.tck.__main__ import main

COMMAND = (sys.executable, "-m", "trustspace.testing.tck")


def test_properties_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["properties", "--port", "4242", "--id", "CUT", "--wait", "3"]) == 0
    text = capsys.readouterr().out
    assert "dataspacetck.dsp.connector.agent.id=CUT\n" in text
    assert "dataspacetck.dsp.connector.http.base.url=http://127.0.0.1:4242\n" in text
    assert "dataspacetck.dsp.default.wait=3\n" in text


def test_a_host_that_cannot_be_used_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["properties", "--host", "10.0.0.1"]) == 2
    assert "DID" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["play"], ["serve", "--port", "x"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.timeout(60)
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_ready_and_stops_when_told(stop: signal.Signals) -> None:
    port, webhook_port = free_ports(2)
    options = ["--port", str(port), "--webhook-port", str(webhook_port), "--verbose"]
    with subprocess.Popen(
        [*COMMAND, "serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        found = httpx.get(f"http://127.0.0.1:{port}/.well-known/dspace-version", trust_env=False)
        assert found.json()["protocolVersions"][0]["path"] == "/connector/dsp/2025-1"
        process.send_signal(stop)
        assert process.stdout.read() == ""
    assert process.returncode == 0


@pytest.mark.timeout(60)
def test_serve_on_a_taken_port_is_wrong_usage() -> None:
    import socket  # noqa: PLC0415 - for this test only

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [*COMMAND, "serve", "--port", str(taken.getsockname()[1])],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot listen" in done.stderr


def test_properties_need_no_server(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from trustspace.testing.tck.__main__ import main\n"
        "main(['properties'])\n"
        "sys.exit('starlette' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False, stdout=-3)
    assert done.returncode == 0


def test_serve_without_its_extra_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "sys.modules['starlette'] = None\n"
        "from trustspace.testing.tck.__main__ import main\n"
        "sys.exit(main(['serve']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "trustspace[connector]" in done.stderr
