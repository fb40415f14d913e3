"""A real OPA server that loads its rules over the bundle interface, and servers that misbehave."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TOKEN = "rules-may-be-read-with-this"  # noqa: S105 - of a server of this test
"""Bearer token of the bundle interface."""


def find_opa() -> Path:
    """Return OPA: from ``$OPA``, the PATH or Go's folder; absent it skips, and fails in CI."""
    go = Path.home() / "go" / "bin" / "opa"
    found = next(
        (p for n in (os.environ.get("OPA"), "opa", str(go)) if n and (p := shutil.which(n))), None
    )
    if found is None:
        reason = "OPA is not installed: not in $OPA, on the PATH or in ~/go/bin"
        if (
            os.environ.get("CI") == "true"
            and "opa" not in os.environ.get("TRUSTSPACE_WITHOUT", "").split()
        ):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(found)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def serving(handler: type[socketserver.BaseRequestHandler]) -> Iterator[str]:
    """Serve in a thread; yields the root URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def bundles(content: bytes) -> type[http.server.BaseHTTPRequestHandler]:
    """Return what answers with a bundle to whoever has the token."""

    class Bundles(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            self.send_response(200 if known else 401)
            self.send_header("Content-Type", "application/gzip")
            self.send_header("Content-Length", str(len(content) if known else 0))
            self.end_headers()
            if known:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Bundles


def answering(
    answer: Callable[[http.server.BaseHTTPRequestHandler], None],
) -> type[http.server.BaseHTTPRequestHandler]:
    """Return what answers every question in one way."""

    class Odd(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Odd


@contextlib.contextmanager
def opa_server(opa: Path, bundle: bytes, folder: Path) -> Iterator[str]:
    """Run OPA, which fetches the bundle by itself; yields its URL once the rules are active."""
    with serving(bundles(bundle)) as source:
        service = {"url": source, "credentials": {"bearer": {"token": TOKEN}}}
        config = {
            "services": {"rules": service},
            "bundles": {"trustspace": {"service": "rules", "resource": "bundle.tar.gz"}},
        }
        file = folder / "opa.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        port = free_port()
        address = f"127.0.0.1:{port}"
        command = [str(opa), "run", "--server", "--addr", address, "--config-file", str(file)]
        process = subprocess.Popen(
            [*command, "--log-level", "error", "--disable-telemetry"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(f"http://{address}/health?bundles")
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(10)


def _wait(url: str) -> None:
    for _ in range(200):
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(url, timeout=2),  # noqa: S310 - our own server
        ):
            return
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")
