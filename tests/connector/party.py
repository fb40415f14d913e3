"""One running connector as a test drives it: its owner's API, its voice to others, its database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from trustspace.connector.app import Running, Sockets, running
from trustspace.connector.context import Hosted
from trustspace.connector.deciding.high_water import KEY as CLOCK
from trustspace.connector.home import init_home
from trustspace.connector.listener import bind
from trustspace.connector.reaction import Reaction
from trustspace.dsp.messages import Message
from trustspace.dsp.wire import emit
from trustspace.identity.identity_provider import bearer_header
from trustspace.identity.token import issue
from trustspace.policy.fact_provider import FactProvider
from trustspace.store import EventRow, Store

Json = dict[str, Any]

UNCHANGED_BY_READING = ("tokens", "decisions")
"""Tables that a message of no effect may change."""


@dataclass(frozen=True)
class Party:
    """A participant on a connector of its own.

    Attributes:
        connector: The running connector.
        owner: Client of its management API, with the token.
        voice: Client for everything that is said to others.
    """

    connector: Running
    owner: httpx.AsyncClient
    voice: httpx.AsyncClient

    @property
    def hosted(self) -> Hosted:
        return self.connector.plane.context.hosted[self.connector.home.name]

    @property
    def name(self) -> str:
        return self.hosted.name

    @property
    def id(self) -> str:
        return self.hosted.id

    @property
    def address(self) -> str:
        return self.hosted.address

    @property
    def store(self) -> Store:
        return self.connector.plane.context.store

    # --- the owner ---------------------------------------------------------------------------

    async def ask(
        self, method: str, path: str, body: Json | None = None, **more: Any
    ) -> httpx.Response:
        """Call the management API below this participant."""
        url = f"/v1/participants/{self.name}/{path}"
        return await self.owner.request(method, url, json=body, **more)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self.ask("POST", path, body)
        assert answer.status_code in (200, 201, 204), answer.text
        return answer.json() if answer.content else None

    async def publish(
        self, path: Path | str, dataset: str = "roses", policy: Json | None = None, **more: Any
    ) -> Json:
        body = {
            "source": {"kind": "file", "path": str(path)},
            "policy": {"purpose": ["research", "teaching"]} if policy is None else policy,
        } | more
        answer = await self.ask("PUT", f"datasets/{quote(dataset, safe='')}", body)
        assert answer.status_code in (200, 201), answer.text
        shown: Json = answer.json()
        return shown

    async def negotiation(self, pid: str, *, wait: float = 10) -> Json:
        """Return a negotiation when it has ended."""
        shown: Json = await self.get(f"negotiations/{quote(pid, safe='')}", wait=wait)
        return shown

    async def negotiate(
        self, provider: Party, dataset: str = "roses", *, purpose: str | None = "research"
    ) -> Json:
        """Negotiate anew, to the end."""
        order = {"address": provider.address, "dataset": dataset, "purpose": purpose, "fresh": True}
        begun = await self.post("negotiations", **order)
        return await self.negotiation(begun["id"])

    async def agree(self, provider: Party, dataset: str = "roses", **more: Any) -> str:
        """Negotiate an agreement that both sides hold; return its id."""
        ended = await self.negotiate(provider, dataset, **more)
        assert ended["state"] == "FINALIZED", ended
        await provider.settled()
        return str(ended["agreement"])

    async def transfer(self, agreement: str) -> Json:
        """Ask for a transfer and wait for the provider's answer."""
        begun = await self.post("transfers", agreement=agreement)
        shown: Json = await self.get(f"transfers/{begun['id']}", wait=10)
        return shown

    async def until(self, path: str, wanted: str, *, seconds: float = 10) -> Json:
        """Return what the management API shows once its state is the wanted one."""
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        after = 0
        while True:
            shown: Json = await self.get(path)
            if shown["state"] == wanted:
                return shown
            assert datetime.now(UTC) < end, f"{wanted} did not come: {shown}"
            after = (await self.get("events", after=after, limit=1000, wait=0.5))["next"]

    async def events(self) -> tuple[EventRow, ...]:
        return await self.store.read(lambda tx: tx.events.after(self.name, 0, 1000))

    async def kinds(self) -> list[str]:
        return [event.kind for event in await self.events()]

    async def settled(self) -> None:
        """Wait until nothing waits to be sent."""
        while await self.store.read(lambda tx: tx.outbox.count(self.name)):
            await self.get("events", after=1_000_000, wait=0.02)

    # --- the voice ---------------------------------------------------------------------------

    def token(self, audience: str, **more: Any) -> str:
        """Return a fresh ``Authorization`` header of this participant's."""
        now = more.pop("now", datetime.now(UTC))
        return bearer_header(
            issue(self.hosted.key, issuer=self.id, audience=audience, now=now, **more)
        )

    async def say(
        self,
        to: Party,
        path: str,
        message: Message | Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Send a message to another participant's protocol endpoint; without one, ask (GET)."""
        headers = {"Authorization": token or self.token(to.id)} | more.pop("headers", {})
        url = f"{to.hosted.dsp_url}/{path}"
        if message is None and "content" not in more:
            return await self.voice.get(url, headers=headers, **more)
        body = None if message is None else message
        if body is not None and not isinstance(body, Mapping):
            body = emit(body)
        return await self.voice.post(url, json=body, headers=headers, **more)

    # --- the database ------------------------------------------------------------------------

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table but the used tokens and the latest time that was seen."""
        return stored(self.connector.home.path / "trustspace.db")


def stored(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of a database by table, but the used tokens and the latest time seen."""
    with contextlib.closing(
        sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    ) as connection:
        names = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            name: sorted(
                (
                    row
                    for row in connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
                    if CLOCK not in row
                ),
                key=repr,
            )
            for name in names
            if name not in UNCHANGED_BY_READING
        }


@contextlib.asynccontextmanager
async def party(
    path: Path,
    name: str,
    *,
    settings: str = "",
    reaction: Reaction | None = None,
    facts: Sequence[FactProvider] = (),
) -> AsyncIterator[Party]:
    """Run a connector in this loop; a second time on the same home it is the same participant.

    Args:
        path: Folder of its home; made when it is missing.
        name: Short name of its participant.
        settings: Further sections of its settings file, only when the home is new.
        reaction: Whether its processes go on by themselves.
        facts: Its providers of facts.
    """
    sockets = None
    if not (path / "trustspace.toml").exists():
        # Bound before the home is made, so that no other test takes the port meanwhile.
        sockets = Sockets(bind("127.0.0.1", 0), bind("127.0.0.1", 0))
        port = sockets.public.getsockname()[1]
        home = init_home(path, name=name, port=port)
        file = path / "trustspace.toml"
        if settings:
            file.write_text(file.read_text() + settings)
    home = init_home(path, name=name)
    async with (
        running(home, sockets, reaction=reaction, facts=facts) as connector,
        httpx.AsyncClient(
            base_url=connector.management_url,
            headers={"Authorization": f"Bearer {home.management_token()}"},
            timeout=70,
            trust_env=False,
        ) as owner,
        httpx.AsyncClient(timeout=20, trust_env=False) as voice,
    ):
        yield Party(connector, owner, voice)
