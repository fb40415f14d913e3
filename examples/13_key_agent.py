"""The participant's key in a process of its own: a stand-in for a PKCS#11 token or a key service.

Run: python examples/13_key_agent.py

The agent holds the key and wraps and unwraps data keys; the key itself never leaves it. A store of
sealed data asks it over a Unix socket. When the agent is gone, so is the data, until it is back.
"""

import base64
import json
import os
import socketserver
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, cast

from trustspace.errors import ConfigurationError, IntegrityError
from trustspace.usage.agent_keys import AgentKeys
from trustspace.usage.key_provider import Secrets, WrappedKey, key_id_of
from trustspace.usage.sealed_store import SealedStore

AGREEMENT = "urn:uuid:d2d1b7a6-3f9b-4a53-9b38-0f7c1a4e9c55"


class Agent(socketserver.ThreadingUnixStreamServer):
    """Answers wrap and unwrap with a key that stays here.

    A real one would open a session with its token instead of making a key.
    """

    def __init__(self, path: Path, secret: bytes) -> None:
        self.secrets = Secrets({key_id_of(secret): secret}, key_id_of(secret))
        # Made for nobody else, before it can be reached.
        before = os.umask(0o077)
        try:
            super().__init__(str(path), Answer)
        finally:
            os.umask(before)

    def answer(self, request: dict[str, str]) -> dict[str, str]:
        """Answer one request."""
        match request["op"]:
            case "current":
                return {"key": self.secrets.current}
            case "wrap":
                wrapped = self.secrets.wrap(read(request["secret"]), context=context(request))
                return {"key": wrapped.key_id, "data": write(wrapped.data)}
            case "unwrap":
                given = WrappedKey(request["key"], read(request["data"]))
                return {"secret": write(self.secrets.unwrap(given, context=context(request)))}
        return {"error": "unknown-operation"}


class Answer(socketserver.StreamRequestHandler):
    """Reads a line, writes a line."""

    def handle(self) -> None:
        """Answer one connection; a fault is told by its code, never by its content."""
        agent = cast("Agent", self.server)
        try:
            answer = agent.answer(json.loads(self.rfile.readline(64 * 1024)))
        except IntegrityError:
            answer = {"error": "not-authentic"}
        except ConfigurationError:
            answer = {"error": "unknown-key"}
        except (ValueError, LookupError, TypeError):
            answer = {"error": "malformed"}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def context(request: dict[str, str]) -> bytes:
    """Return the context of a request."""
    return read(request["context"])


def read(text: str) -> bytes:
    """Read base64."""
    return base64.b64decode(text, validate=True)


def write(data: bytes) -> str:
    """Write base64."""
    return base64.b64encode(data).decode()


def serve(path: Path) -> None:
    """Be the agent; its key comes from its standard input and is nowhere else."""
    with Agent(path, base64.b64decode(sys.stdin.readline())) as agent:
        agent.serve_forever()


def started(path: Path, key: str) -> subprocess.Popen[str]:
    """Start an agent and wait until it listens."""
    path.unlink(missing_ok=True)
    agent = subprocess.Popen(
        [sys.executable, __file__, str(path)], stdin=subprocess.PIPE, text=True
    )
    stdin = cast("IO[str]", agent.stdin)
    stdin.write(key + "\n")
    stdin.close()
    end = time.monotonic() + 30
    while not path.exists():
        if agent.poll() is not None or time.monotonic() > end:
            sys.exit("the agent did not start")
        time.sleep(0.02)
    return agent


def stop(agent: subprocess.Popen[str]) -> None:
    """End an agent."""
    agent.terminate()
    agent.wait(timeout=10)


def main() -> None:
    """Seal and open with an agent, without it, and with it again."""
    key = write(os.urandom(32))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "agent.sock")
        agent = started(path, key)
        try:
            with SealedStore(
                Path(folder, "sealed"), participant="did:web:bank.example", keys=AgentKeys(path)
            ) as store:
                with store.writer(AGREEMENT, "roses") as sink:
                    sink.write(b"grade,price\nA,4.20\n")
                    sink.commit()
                wrapped_by = store.keys.record(AGREEMENT).wrapped_by
                print(f"sealed; the data key is wrapped by {wrapped_by}, which the agent holds")
                stop(agent)
                # Forget the data key too, as a program that starts anew has.
                store.close()
                try:
                    store.reader(AGREEMENT, "roses")
                except ConfigurationError as error:
                    print(f"without the agent: {error}")
                agent = started(path, key)
                with store.reader(AGREEMENT, "roses") as file:
                    print(f"with it again: {file.read().decode().splitlines()[1]}")
        finally:
            stop(agent)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(Path(sys.argv[1]))
    else:
        main()
