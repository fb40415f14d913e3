"""Which providers of facts a connector has: installed ones, endpoints of its settings, given ones.

An installed package offers a provider under the entry point group ``trustspace.facts``: the object,
or a class or function that makes it. An endpoint is asked with one POST and answers with facts::

    > {"participant": "did:web:…", "counterparty": "did:web:…", "dataset": "…",
    >  "operands": ["acme:reactorClass"]}
    < {"facts": {"acme:reactorClass": "IIb"}}

An operand has one source: what a provider serves, the owner does not attest.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trustspace.connector.deciding.fact_desk import FactDesk, Source
from trustspace.connector.deciding.own_operands import OwnOperands, site_operands
from trustspace.connector.settings import LOOPBACK_HOSTS
from trustspace.errors import ConfigurationError, PolicyError, RemoteProtocolError
from trustspace.policy.fact_provider import GROUP, FactProvider
from trustspace.policy.own_operand import own_operand
from trustspace.policy.vocabulary import LEFT_OPERANDS, compact
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.message_client import MessageClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AsyncExitStack
    from datetime import datetime

    from trustspace.connector.deciding.policy_engine import EngineSlot
    from trustspace.connector.home import Home
    from trustspace.connector.settings import FactEndpoint
    from trustspace.policy.fact_provider import FactQuestion
    from trustspace.policy.left_operand import LeftOperand
    from trustspace.transport.http_client import GuardedClient

logger: logging.Logger = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024
"""Largest answer of an endpoint."""

MAX_KEYS = 2_000

SPATIAL = "odrl:spatial"


def may_be_stated(operand: LeftOperand) -> bool:
    """Say whether an operand's value may come from an owner's word or a provider."""
    return operand.stated or operand.name == SPATIAL


def egress_of(endpoints: Iterable[FactEndpoint]) -> EgressPolicy:
    """Return what may be called for facts: the hosts that the owner names, wherever they are."""
    hosts = {(urlsplit(one.url).hostname or "").lower() for one in endpoints}
    return EgressPolicy(
        allow_loopback=bool(hosts & LOOPBACK_HOSTS),
        allow_http=bool(hosts & LOOPBACK_HOSTS),
        ports=None,
        allow_hosts=frozenset(hosts),
        failure_floor=timedelta(0),
    )


@dataclass(frozen=True)
class HttpFacts:
    """A provider behind an HTTP endpoint.

    Attributes:
        name: Its name in the settings.
        client: Calls it.
        url: Where.
        operands: What it serves.
        max_age: How long an answer stands.
        deadline: How long an answer may take.
        token: Bearer token, or empty.
    """

    name: str
    client: GuardedClient
    url: str
    operands: Sequence[LeftOperand | str]
    max_age: timedelta
    deadline: timedelta
    token: str = ""

    @classmethod
    def of(cls, name: str, endpoint: FactEndpoint, client: GuardedClient) -> HttpFacts:
        """Return the provider of an endpoint.

        Raises:
            ConfigurationError: Its URL, operands or token file cannot be used.
        """
        setting = f"policy.facts.{name}"
        parts = urlsplit(endpoint.url)
        is_local = (parts.hostname or "") in LOOPBACK_HOSTS
        if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
            raise ConfigurationError(
                f"{endpoint.url!r} is neither https nor on this machine",
                setting=f"{setting}.url",
                hint="use https, or http on this machine",
            )
        try:
            declared = [own_operand(one) for one in endpoint.declares]
        except PolicyError as error:
            raise ConfigurationError(str(error), setting=f"{setting}.declares") from error
        return cls(
            name,
            client,
            endpoint.url,
            (*declared, *endpoint.operands),
            timedelta(seconds=endpoint.max_age_seconds),
            timedelta(seconds=endpoint.deadline_seconds),
            _token(endpoint.token_file, f"{setting}.token_file"),
        )

    async def facts(self, question: FactQuestion) -> Mapping[str, object]:
        """Ask the endpoint.

        Raises:
            TransportError: It does not answer in time, with too much, or not with 200.
            RemoteProtocolError: It does not answer with facts.
        """
        response = await self.client.request(
            "POST",
            self.url,
            headers={"authorization": f"Bearer {self.token}"} if self.token else {},
            json={
                "participant": question.participant,
                "counterparty": question.counterparty,
                "dataset": question.dataset,
                "operands": list(question.operands),
            },
            max_bytes=MAX_BYTES,
            deadline=self.deadline,
        )
        document = response.expect(200).json(max_keys=MAX_KEYS)
        facts = document.get("facts") if isinstance(document, dict) else None
        if not isinstance(facts, dict):
            raise RemoteProtocolError(
                f"{self.url} was expected to answer with facts", code="fact.malformed"
            )
        return facts


def sources_of(
    endpoints: Mapping[str, FactEndpoint],
    client: GuardedClient | None,
    given: Iterable[FactProvider] = (),
    declared: Iterable[LeftOperand] = (),
) -> tuple[Source, ...]:
    """Return every provider with what it serves.

    Args:
        endpoints: Those of the settings.
        client: Calls the endpoints.
        given: Providers that the program brings.
        declared: Operands that Rego files declare, which providers may name.

    Raises:
        ConfigurationError: One is malformed, or two serve the same operand.
    """
    found = [*_installed(), *((_name_of(one), one) for one in given)]
    if client is not None:
        found += [(name, HttpFacts.of(name, one, client)) for name, one in endpoints.items()]
    more = {operand.name: operand for operand in declared}
    served: dict[str, str] = {}
    sources = []
    for name, provider in found:
        operands = _operands(name, provider, more)
        for operand in operands:
            if operand in served:
                raise ConfigurationError(
                    f"{operand} has two sources of facts: {served[operand]} and {name}",
                    setting=f"policy.facts.{name}",
                    hint="let one of them serve it",
                )
            served[operand] = name
        sources.append(Source(name, provider, operands, _seconds(provider)))
    return tuple(sources)


async def fact_desk(
    home: Home,
    engine: EngineSlot,
    stack: AsyncExitStack,
    *,
    given: Iterable[FactProvider] = (),
    trusted: str | None = None,
    clock: Callable[[], datetime],
) -> FactDesk:
    """Return the desk of a home's providers; their own operands are understood from here on.

    Args:
        home: The home, with the endpoints of its settings and the Rego files of its site.
        engine: The rules that decide.
        stack: What has to be undone at the end goes onto it.
        given: Providers that the program brings.
        trusted: Further certificate authorities in PEM.
        clock: Returns the time.

    Raises:
        ConfigurationError: A provider or a declaration cannot be used.
    """
    endpoints = home.settings.policy.facts
    client: GuardedClient | None = None
    if endpoints:
        client = MessageClient(egress_of(endpoints.values()), trusted=trusted)
        await stack.enter_async_context(client)
    folder = home.path / home.settings.policy.site / "operands"
    sources = sources_of(endpoints, client, given, site_operands(folder))
    own = OwnOperands(engine, folder, [one for each in sources for one in each.operands.values()])
    stack.callback(own.withdraw)
    stack.callback(engine.on_change(own.follow))
    desk = FactDesk(sources, clock)
    stack.push_async_callback(desk.aclose)
    return desk


def _installed() -> Iterator[tuple[str, FactProvider]]:
    """Yield the providers of installed packages."""
    for entry in entry_points(group=GROUP):
        try:
            loaded: Any = entry.load()
            provider = loaded if hasattr(loaded, "facts") and not _makes(loaded) else loaded()
        except Exception as error:
            raise ConfigurationError(
                f"the provider of facts {entry.name} cannot be loaded: {error}",
                setting=f"entry point {entry.value}",
                hint="correct or uninstall its package",
            ) from error
        logger.info("facts are said by %s (%s)", entry.name, entry.value)
        yield entry.name, provider


def _makes(loaded: object) -> bool:
    return isinstance(loaded, type)


def _name_of(provider: FactProvider) -> str:
    return str(getattr(provider, "name", None) or type(provider).__name__)


def _operands(
    name: str, provider: FactProvider, more: Mapping[str, LeftOperand]
) -> dict[str, LeftOperand]:
    found: dict[str, LeftOperand] = {}
    for one in provider.operands:
        known: LeftOperand | None
        if isinstance(one, str):
            known = LEFT_OPERANDS.get(compact(one)) or more.get(compact(one))
        else:
            known = one
        if known is None or not may_be_stated(known):
            raise ConfigurationError(
                f"{one!r} is no operand whose facts a provider may say",
                setting=f"policy.facts.{name}.operands",
                hint="declare an operand of your own, or serve one that owners may attest",
            )
        found[known.name] = known
    return found


def _seconds(provider: FactProvider) -> float:
    deadline = getattr(provider, "deadline", None)
    return deadline.total_seconds() if isinstance(deadline, timedelta) else Source.seconds


def _token(path: str, setting: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}",
            setting=setting,
            hint="give the file with the bearer token of the endpoint",
        ) from error
