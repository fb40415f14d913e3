"""The participant's key with another program: it wraps and unwraps, and never gives it out."""

from __future__ import annotations

import importlib.util
import json
import os
import socketserver
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.usage.conftest import AGREEMENT, BANK

from trustspace.errors import ConfigurationError, IntegrityError
from trustspace.usage.agent_keys import AgentKeys
from trustspace.usage.key_provider import WrappedKey
from trustspace.usage.rotation import Rotation
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "13_key_agent.py"
SECRET = bytes(range(32))


def _example() -> Any:
    spec = importlib.util.spec_from_file_location("key_agent", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def socket_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # A socket's path may not be long.
    monkeypatch.chdir(tmp_path)
    return Path("agent.sock")


@pytest.fixture
def agent(socket_path: Path) -> Iterator[Any]:
    with _example().Agent(socket_path, SECRET) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("agent")
def test_what_is_wrapped_is_unwrapped(socket_path: Path) -> None:
    keys = AgentKeys(socket_path)
    wrapped = keys.wrap(b"d" * 32, context=b"mine")
    assert wrapped.key_id == keys.current
    assert keys.unwrap(wrapped, context=b"mine") == b"d" * 32
    with pytest.raises(IntegrityError):
        keys.unwrap(wrapped, context=b"another's")
    with pytest.raises(ConfigurationError, match="not there"):
        keys.unwrap(WrappedKey("k0", wrapped.data), context=b"mine")
    assert socket_path.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("agent")
def test_a_store_over_an_agent(tmp_path: Path, socket_path: Path) -> None:
    keys = AgentKeys(socket_path)
    with SealedStore(tmp_path / "sealed", participant=BANK, keys=keys) as store:
        with store.writer(AGREEMENT, "roses") as sink:
            sink.write(b"roses")
            sink.commit()
        store.close()
        with store.reader(AGREEMENT, "roses") as file:
            assert file.read() == b"roses"
        rotated = Rotation([store], keys).run()
    assert (rotated.is_new, rotated.wrapped_anew) == (False, 0)


def test_without_an_agent(socket_path: Path, tmp_path: Path) -> None:
    keys = AgentKeys(socket_path)
    with pytest.raises(ConfigurationError, match="does not answer"):
        _ = keys.current
    socket_path.write_text("")
    with pytest.raises(ConfigurationError, match="no socket"):
        _ = keys.current
    socket_path.unlink()
    socket_path.symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="no socket"):
        _ = keys.current


@pytest.mark.usefixtures("agent")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket away")
def test_an_agent_of_another_user_is_not_asked(socket_path: Path) -> None:
    os.chown(socket_path, 12345, -1)
    with pytest.raises(ConfigurationError, match="another user"):
        AgentKeys(socket_path).wrap(b"d" * 32, context=b"")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no json\n",
        b"[]\n",
        b"{}\n",
        b'{"key":1}\n',
        b'{"key":"k","data":"?"}\n',
        b"x" * 70_000,
    ],
)
def test_an_agent_that_talks_nonsense(socket_path: Path, answer: bytes) -> None:
    class Nonsense(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(answer)

    with socketserver.UnixStreamServer(str(socket_path), Nonsense) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(ConfigurationError) as caught:
            AgentKeys(socket_path).wrap(b"d" * 32, context=b"")
        thread.join()
    assert caught.value.setting == "keys"


def test_an_agent_that_hangs(socket_path: Path) -> None:
    with (
        socketserver.UnixStreamServer(str(socket_path), socketserver.BaseRequestHandler),
        pytest.raises(ConfigurationError, match="does not answer"),
    ):
        _ = AgentKeys(socket_path, deadline=timedelta(seconds=0.05)).current


def test_the_example_says_what_is_wrong(agent: Any) -> None:
    assert agent.answer({"op": "sing"}) == {"error": "unknown-operation"}
    assert json.dumps(agent.answer({"op": "current"}))
