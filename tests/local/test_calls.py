"""An interface published and called through the SDK and the command line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner

from trustspace.cli.app import app
from trustspace.errors import ConfigurationError, PolicyDeniedError, PolicyError
from trustspace.local import Connector
from trustspace.policy.terms import terms

pytestmark = pytest.mark.anyio


class _Scores(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        status = 404 if self.path.endswith("/missing") else 200
        said = json.dumps({"path": self.path, "method": self.command, "body": body}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = _answer  # noqa: N815 - the server's names

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def scores() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Scores) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(10)


def test_an_interface_is_called_by_both_faces(scores: str, tmp_path: Any) -> None:
    with (
        Connector.local("garden", home=tmp_path / "garden") as garden,
        Connector.local("bank", home=tmp_path / "bank") as bank,
    ):
        source = {"kind": "api", "url": scores, "methods": ["GET", "POST"], "paths": ["/s/*"]}
        info = garden.publish(source, id="scores", terms={"count": 4})
        assert info.forms == ("api",)
        agreement = bank.negotiate(garden.address, "scores")
        with agreement.open() as handle:
            answer = handle.call("GET", "/s/a b", params={"lang": ["en", "zh"]})
            assert answer.expect(200).json()["path"] == "/s/a%20b?lang=en&lang=zh"
            answer = handle.call("post", "/s/x", json={"a": 1})
            assert (answer.json()["method"], answer.json()["body"]) == ("POST", '{"a": 1}')
            # The interface's own 404 is an answer, the provider's is a refusal.
            assert handle.call("GET", "/s/missing").status == 404
            with pytest.raises(ConfigurationError, match="no such path"):
                handle.call("GET", "/other")
            with pytest.raises(ConfigurationError):
                handle.call("GET", "s/x")
            with pytest.raises(ConfigurationError):
                handle.call("POST", "/s/x", json=1, content=b"1")
            with pytest.raises(ConfigurationError, match="no such path"):
                handle.read()

        def run(home: str, *words: str) -> Any:
            return CliRunner().invoke(app, [*words, "--home", str(tmp_path / home)])

        done = run("bank", "call", agreement.id, "/s/y", "--param", "lang=en", "--json")
        assert done.exit_code == 0, done.output
        shown = json.loads(done.stdout)
        assert (shown["status"], shown["body"]["path"]) == (200, "/s/y?lang=en")
        denied = run("bank", "call", agreement.id, "/s/y", "--data", "{}")
        assert denied.exit_code == 3, denied.output
        with agreement.open() as handle, pytest.raises(PolicyDeniedError):
            handle.call("GET", "/s/y")

        published = run(
            "garden",
            *("publish", "--api", scores, "--id", "more", "--method", "GET", "--path", "/"),
            *("--header", "X-Key: 1"),
        )
        assert published.exit_code == 0, published.output
        assert published.stdout.startswith("published: more as api")
        other = bank.negotiate(garden.address, "more")
        plain = run("bank", "call", other.id)
        assert json.loads(plain.stdout)["path"] == "/"
        for words in (["publish", "--id", "x"], ["publish", "a", "--api", scores, "--id", "x"]):
            assert run("garden", *words).exit_code == 2
        for option in ("--header", "--path"):
            assert run("garden", "publish", "a", "--id", "x", option, "nocolon").exit_code == 2
        wrong = run("garden", "publish", "--api", scores, "--id", "x", "--header", "nocolon")
        assert wrong.exit_code == 2


async def test_an_interface_is_called_by_the_async_client(scores: str) -> None:
    async with Connector.local("garden") as garden, Connector.local("bank") as bank:
        await garden.publish({"kind": "api", "url": scores}, id="scores", terms={})
        agreement = await bank.negotiate(garden.address, "scores")
        async with agreement.open() as handle:
            answer = await handle.call("GET", "/x")
            assert answer.expect(200).json()["path"] == "/x"


def test_no_mask_is_promised_for_an_interface(scores: str, tmp_path: Any) -> None:
    """Publishing is refused; where the consumer asked for a mask, each call is denied."""
    with (
        Connector.local("garden", home=tmp_path / "garden") as garden,
        Connector.local("bank", home=tmp_path / "bank") as bank,
    ):
        source = {"kind": "api", "url": scores, "methods": ["GET"], "paths": ["/s/*"]}
        with pytest.raises(PolicyError, match="cannot be read as a table") as refused:
            garden.publish(source, id="masked", terms=terms(count=4, mask=["phone:redact_pii"]))
        assert refused.value.code == "pep.unenforceable"
        garden.publish(source, id="scores", terms=terms(count=4))
        narrower = terms(count=4, mask=["phone:tokenise"])
        agreement = bank.negotiate(garden.address, "scores", terms=narrower)
        with (
            pytest.raises(PolicyDeniedError) as denied,
            agreement.open() as handle,
        ):
            handle.call("GET", "/s/a")
        assert denied.value.reasons[0]["id"] == "pep.unenforceable"
