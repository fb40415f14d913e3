"""Settings of a connector: `trustspace.toml` in its home, overridden by the environment.

Example of a file; every name can also be given as ``TRUSTSPACE_<NAME>`` (nested with ``__``)::

    public_url = "https://provider.example"

    [listen]
    host = "127.0.0.1"
    port = 8080

    [management]
    port = 8081

    [delivery]
    token_seconds = 300
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

UNSAFE: Final = "UnsafeClientId"
"""The identity that believes everybody."""

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class _Section(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")


class Listen(_Section):
    """Address of the public listener (protocol and data endpoints); port 0 takes a free one.

    Attributes:
        certificate: PEM file with the certificate chain; empty where a reverse proxy speaks TLS.
        key: PEM file with its private key.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    certificate: str = ""
    key: str = ""


class Management(_Section):
    """Address of the management listener; only loopback hosts are accepted."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)

    @field_validator("host")
    @classmethod
    def _is_loopback(cls, host: str) -> str:
        if host not in LOOPBACK_HOSTS:
            msg = "the management listener binds to loopback only; put a reverse proxy before it"
            raise ValueError(msg)
        return host


class Delivery(_Section):
    """Limits of data delivery.

    Attributes:
        token_seconds: Life of an EDR token in seconds, at most 300.
        lease_seconds: How long one policy decision serves an open session, in seconds.
        push_hosts: Hosts, with or without a port, to which data may be pushed though the consumer
            does not announce them.
        source_hosts: Hosts of the owner's own network at which published URLs and interfaces are
            called though their addresses are private, on any port; ``http://name`` allows plain
            http too. What counterparties name is never called there.
        pushes: Pushes that one counterparty may have unfinished at a time.
        push_attempts: Attempts in a row without progress before a push is given up.
        push_idle_seconds: How long a push may stand still, in seconds.
        sink_bytes: Largest delivery that is taken in by push, in bytes; 0 takes none.
        call_seconds: How long the server behind a published interface may take to begin its answer.
    """

    push_hosts: tuple[str, ...] = ()
    source_hosts: tuple[str, ...] = ()
    pushes: int = Field(default=32, ge=1)
    push_attempts: int = Field(default=8, ge=1)
    push_idle_seconds: float = Field(default=30.0, gt=0)
    sink_bytes: int = Field(default=10 * 1024**3, ge=0)
    call_seconds: float = Field(default=30.0, gt=0, le=600)
    token_seconds: int = Field(default=300, ge=5, le=300)
    lease_seconds: int = Field(default=60, ge=1, le=60)


class Exchange(_Section):
    """Time limits of negotiations and transfers.

    Attributes:
        deadline_seconds: After this many seconds an unfinished negotiation, or an undelivered
            message, ends its process with a reason.
        approval_seconds: How long a negotiation waits for a person, ours or the counterparty's.
        message_seconds: How long one message is tried, in seconds; at most the deadline.
        answer_seconds: How long a counterparty may take to answer one request, in seconds; a
            message that is not answered is sent again.
        idle_seconds: After this many seconds without a data request a provider completes a running
            pull; 604,800 (a week) by default.
        sweep_seconds: Period in seconds of the sweep that picks up what a crash left.
    """

    deadline_seconds: int = Field(default=600, ge=1)
    approval_seconds: int = Field(default=7 * 24 * 60 * 60, ge=1)
    message_seconds: int = Field(default=600, ge=1)
    # Shorter than a lease, so that nobody else sends the same message meanwhile.
    answer_seconds: float = Field(default=10.0, gt=0, le=20)
    idle_seconds: int = Field(default=7 * 24 * 3600, ge=1)
    sweep_seconds: float = Field(default=2.0, gt=0)


class Negotiation(_Section):
    """What a consumer does with offers, and how long anybody may haggle.

    Attributes:
        on_counter_offer: What happens when a provider answers our request with other terms than
            we asked for and no program waits for them.
        on_offer: What happens to an offer that we did not ask for.
        rounds: How many offers of a provider one negotiation may see in answer to requests.
        waiting: How many negotiations of one counterparty may wait for a person at a time.
    """

    on_counter_offer: Literal["terminate", "approval"] = "terminate"
    on_offer: Literal["reject", "approval"] = "approval"
    rounds: int = Field(default=10, ge=0)
    waiting: int = Field(default=100, ge=1)


class Duties(_Section):
    """How duties are carried out.

    Attributes:
        notice_url: Where notices of uses go that agreements ask for; empty means to the
            counterparty's connector.
    """

    notice_url: str = Field(default="", max_length=2_000)


class FactEndpoint(_Section):
    """An HTTP endpoint that says facts about counterparties.

    Attributes:
        url: Where to ask: ``https``, or ``http`` on this machine.
        operands: Known left operands that it serves.
        declares: Operands of the owner's own that it serves, each with ``name``, ``kind``,
            ``operators``, ``deferred`` and ``label``.
        max_age_seconds: How long an answer stands, in seconds.
        deadline_seconds: How long an answer may take, in seconds; later ones make the fact unknown.
        token_file: File with the bearer token that it asks for; empty when it asks for none.
    """

    url: str
    operands: tuple[str, ...] = ()
    declares: tuple[dict[str, Any], ...] = ()
    max_age_seconds: int = Field(default=300, ge=1, le=30 * 24 * 3600)
    deadline_seconds: float = Field(default=2.0, gt=0, le=20)
    token_file: str = ""


class PolicyServer(_Section):
    """Which engine decides, and what may be offered.

    Attributes:
        engine: ``wasm`` is the module in process; ``opa`` an OPA server that holds the same rules.
        url: Root URL of the OPA server: ``https``, or ``http`` on this machine.
        token_file: File with the bearer token that the server asks for; empty when it asks for
            none.
        strict: Whether an offer is refused that has a term which would be a promise and nothing
            more, unless its owner accepts that term as one.
        lenient: Participants of this home whose offers are never refused for that.
        module: File with a rule module to take when it has changed, relative to the home.
        verification_key: File with the public key (PEM) by which modules have to be signed,
            relative to the home; empty takes unsigned ones from whoever manages the connector.
        scope: Scope that a module's signature has to state.
        log_inputs: How many decisions of each participant are kept with what was asked; 0 keeps
            none.
        clock: Where the clock is behind what was seen before the start, ``forward`` denies
            everything until it has caught up; ``UnsafeSetBack`` forgets what was seen, for a
            clock that had been ahead.
        facts: Endpoints that say facts, by a name of the owner's choice.
        site: Folder with the rules and operands of this site, below the home unless absolute.
    """

    engine: Literal["wasm", "opa"] = "wasm"
    url: str = ""
    token_file: str = ""
    strict: bool = True
    clock: Literal["forward", "UnsafeSetBack"] = "forward"
    lenient: tuple[str, ...] = ()
    module: str = ""
    verification_key: str = ""
    scope: str = ""
    log_inputs: int = Field(default=1_000, ge=0, le=1_000_000)
    facts: dict[str, FactEndpoint] = Field(default_factory=dict)
    site: str = "policies"

    def is_strict(self, participant: str) -> bool:
        """Say whether a participant has to accept contractual terms one by one."""
        return self.strict and participant not in self.lenient


class Sealing(_Section):
    """Where the key is that everything delivered to a participant is sealed under.

    Attributes:
        keys: ``file`` in the home, ``environment`` (``TRUSTSPACE_WRAPPING_KEYS``), or ``agent:``
            and the path of an agent's Unix socket.
    """

    keys: str = Field(default="file", pattern=r"^(file|environment|agent:.+)$")


class Limits(_Section):
    """Sizes that requests may have.

    Attributes:
        body_bytes: Largest protocol or management body in bytes.
        body_seconds: Longest wait for the next piece of a body, in seconds.
    """

    body_bytes: int = Field(default=1024 * 1024, ge=1024)
    body_seconds: float = Field(default=15.0, gt=0)


class Settings(BaseSettings):
    """Everything an owner can set.

    Attributes:
        participant: Short name of the home's first participant.
        public_url: Root URL under which others reach the public listener, without a trailing slash.
        development: Plain http and loopback addresses are allowed, outward and inward.
        identity: How participants prove who they are. ``UnsafeClientId`` believes everybody and is
            for tests against connectors of other projects, in development homes only.
        participant_id: Id of the home's first participant where everybody is believed; empty means
            the DID of its address.
        dialects: How counterparties speak, by the origin of their address or their id, where they
            do not show it themselves.
        database: SQLAlchemy URL; empty means the SQLite file in the home.
        trusted_authorities: PEM file with certificate authorities to trust beside the usual ones.
        synchronous: SQLite's durability of a commit.
        log_level: Level of the ``trustspace`` logger.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="TRUSTSPACE_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
    )

    participant: str = "main"
    public_url: str = ""
    development: bool = False
    identity: Literal["did:web", "UnsafeClientId"] = "did:web"
    participant_id: str = Field(default="", max_length=200)
    dialects: dict[str, Literal["strict", "edc"]] = Field(default_factory=dict)
    database: str = ""
    trusted_authorities: str = ""
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    listen: Listen = Listen()
    management: Management = Management()
    delivery: Delivery = Delivery()
    exchange: Exchange = Exchange()
    negotiation: Negotiation = Negotiation()
    limits: Limits = Limits()
    policy: PolicyServer = PolicyServer()
    duties: Duties = Duties()
    sealing: Sealing = Sealing()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, whose values arrive as arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @classmethod
    def load(cls, path: Path) -> Settings:
        """Read a settings file and the environment.

        Raises:
            ConfigurationError: The file cannot be read, or a setting is unknown or wrong.
        """
        try:
            values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"there is no settings file {path}",
                setting=str(path),
                hint=f"create the home with: trustspace init {path.parent}",
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{path} is not valid TOML: {error}", setting=str(path), hint="correct the file"
            ) from error
        return cls.of(values)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Settings:
        """Build settings from values and the environment.

        Raises:
            ConfigurationError: A setting is unknown or wrong; names it.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(
                f"setting {name}: {first['msg']}",
                setting=name,
                hint="see the settings reference for names and values",
            ) from error
