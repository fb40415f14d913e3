"""An interface of the provider that is called: every call passed on, nothing fixed in advance.

Such a source has no end and no digest. What a consumer may call is said at publication, methods and
paths, and is compared with a path that was decoded once and has one spelling only: whatever could
be read in two ways (an encoded slash, a dot segment, a second layer of encoding, a parameter behind
a semicolon) is no path at all. The server behind is called under that one spelling.

Headers pass by name, in both directions. A consumer's credentials end at the connector, the
provider's never leave it, and what a server behind a proxy believes (``X-Forwarded-For`` and its
like) nobody can say in its place.

Example::

    source = ApiSource.at("https://scores.internal/v1", paths=["/score", "/models/*"])
    source.target("/models/7", "lang=en")    # 'https://scores.internal/v1/models/7?lang=en'
    source.target("/admin", "")              # NotFoundError
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import quote, unquote_to_bytes

from pydantic import Field, ValidationError

from trustspace.dataplane.source_value import SourceValue, check_headers, check_url
from trustspace.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

METHODS: Final[frozenset[str]] = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})

PASSED_ON: Final = frozenset(
    {
        "accept",
        "accept-language",
        "content-language",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "prefer",
        "range",
    }
)
"""Headers of a call that reach the server behind."""

PASSED_BACK: Final = frozenset(
    {
        "accept-ranges",
        "allow",
        "content-disposition",
        "content-language",
        "content-length",
        "content-range",
        "content-type",
        "etag",
        "last-modified",
        "preference-applied",
        "retry-after",
    }
)
"""Headers of its answer that reach the consumer."""

MAX_QUERY: Final = 2_048
"""Characters of a query."""

MAX_PATH: Final = 1_024
"""Characters of a path."""

_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@%-]+")
"""RFC 3986, ``pchar`` without the semicolon, of which servers make parameters."""

_UNFIT: Final = re.compile(rb"[\x00-\x1f\x7f/\\%;]")
"""What a decoded segment does not hold: separators, controls, a second layer of encoding."""

_QUERY: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_PATTERN: Final = re.compile(r"/|(/[^/\s*?#%;\\]+)*(/|/\*)?")


class ApiSource(SourceValue):
    """An interface under one base URL.

    Attributes:
        url: Base URL; the consumer never learns it.
        headers: The provider's own headers for it, credentials included; never part of ``repr``.
        methods: What may be called.
        paths: Which paths below the base: exact ones, and ``/x/*`` for all below ``/x``.
        media_type: Of no meaning; each answer has its own.
    """

    kind: Literal["api"] = "api"
    url: str = Field(repr=False, max_length=1_024)
    headers: dict[str, str] = Field(default={}, repr=False)
    methods: tuple[Method, ...] = ("GET",)
    paths: tuple[str, ...] = ("/*",)
    media_type: str = "application/octet-stream"

    @classmethod
    def at(
        cls,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        methods: Iterable[str] = ("GET",),
        paths: Iterable[str] = ("/*",),
    ) -> Self:
        """Name an interface in order to publish it; nothing is called.

        Args:
            url: Base URL. Whether it may be called is the egress guard's to say.
            headers: Headers to send there, for example ``Authorization``.
            methods: HTTP methods that consumers may use.
            paths: Paths below the base that they may call: ``/score``, ``/models/*``.

        Raises:
            ConfigurationError: URL, header, method or path is malformed.
        """
        check_url(url)
        if "?" in url:
            raise ConfigurationError("The base URL of an interface has no query", setting="url")
        asked = _read(headers=headers or {}, methods=methods, paths=paths)
        check_headers(asked.headers)
        verbs = tuple(dict.fromkeys(method.upper() for method in asked.methods))
        unknown = [verb for verb in verbs if verb not in METHODS]
        if unknown or not verbs:
            raise ConfigurationError(
                f"no method to call an interface with: {', '.join(unknown) or 'none'}",
                setting="methods",
                hint=f"choose from {', '.join(sorted(METHODS))}",
            )
        patterns = tuple(dict.fromkeys(asked.paths))
        for pattern in patterns:
            if not pattern or not _PATTERN.fullmatch(pattern) or _has_dots(pattern):
                raise ConfigurationError(
                    f"{pattern!r} is not a path of an interface",
                    setting="paths",
                    hint="write /score for one path, /models/* for all below, /* for everything",
                )
        return cls.model_validate(
            {
                "url": url.rstrip("/"),
                "headers": asked.headers,
                "methods": verbs,
                "paths": patterns,
            }
        )

    @property
    def forms(self) -> tuple[Literal["api"], ...]:
        """The forms in which it can be delivered."""
        return ("api",)

    def target(self, path: str, query: str) -> str:
        """Return the URL that a call goes to.

        Args:
            path: Path of the call below the data endpoint as it came, percent-encoded; empty or
                ``/`` for the base itself.
            query: Its query as it came, without the question mark.

        Raises:
            NotFoundError: There is no such path, or it can be read in more than one way.
        """
        clean = one_spelling(path)
        if not any(_covers(pattern, clean) for pattern in self.paths):
            raise NotFoundError("the interface has no such path")
        if len(query) > MAX_QUERY or not _QUERY.fullmatch(query):
            raise NotFoundError("the query cannot be passed on")
        encoded = quote(clean, safe="/!$&'()*+,=:@~")
        below = "" if encoded == "/" and path in ("", "/") else encoded
        return self.url + below + (f"?{query}" if query else "")


class _Asked(SourceValue):
    headers: dict[str, str]
    methods: tuple[str, ...]
    paths: tuple[str, ...]


def _read(**given: object) -> _Asked:
    try:
        return _Asked.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise ConfigurationError(f"{name} of an interface: {first['msg']}", setting=name) from error


def one_spelling(path: str) -> str:
    """Return a path decoded, when it has one reading only.

    Raises:
        NotFoundError: It has several, or is none.
    """
    refused = NotFoundError("the interface has no such path")
    if len(path) > MAX_PATH:
        raise refused
    if path in ("", "/"):
        return "/"
    first, *segments = path.split("/")
    if first or not segments:
        raise refused
    trailing = "/" if segments[-1] == "" else ""
    return (
        "/"
        + "/".join(_decoded(one) for one in (segments[:-1] if trailing else segments))
        + (trailing)
    )


def _decoded(segment: str) -> str:
    refused = NotFoundError("the interface has no such path")
    if not _SEGMENT.fullmatch(segment) or re.search(r"%(?![0-9A-Fa-f]{2})", segment):
        raise refused
    raw = unquote_to_bytes(segment)
    if _UNFIT.search(raw) or raw in (b".", b".."):
        raise refused
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused from error


def _covers(pattern: str, path: str) -> bool:
    if pattern.endswith("/*"):
        return path.startswith(pattern[:-1]) or path == pattern[:-2]
    return path == pattern


def _has_dots(pattern: str) -> bool:
    return any(part in (".", "..") for part in pattern.split("/"))
