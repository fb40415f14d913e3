"""How one JSON-LD document spells its terms: contexts, prefixes, keywords.

Nothing is fetched: a remote context adds nothing, and a term that only it defines is not known. An
inline context may declare prefixes, aliases and a vocabulary. Inside, terms of known namespaces
are prefixed (``odrl:use``) and all others absolute.

Example::

    names = Names.of({"@context": ["http://www.w3.org/ns/odrl.jsonld", {"ex": "http://e.org/"}]})
    names.term("permission"), names.term("ex:mood")  # 'odrl:permission', 'http://e.org/mood'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trustspace.errors import PolicyError
from trustspace.policy.constraint import pointer_part
from trustspace.policy.vocabulary import NAMESPACES, compact

RDF_VALUE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#value"

_COMMON_PREFIXES: Mapping[str, str] = {
    **NAMESPACES,
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "dc": "http://purl.org/dc/terms/",
    "dct": "http://purl.org/dc/terms/",
    "dcterms": "http://purl.org/dc/terms/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "schema": "https://schema.org/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "cc": "http://creativecommons.org/ns#",
    "tds": NAMESPACES["ts"],
    "cn": NAMESPACES["ts"],
}

DESCRIPTIVE = tuple(
    _COMMON_PREFIXES[prefix]
    for prefix in ("rdfs", "dct", "dcat", "skos", "schema", "vcard", "foaf")
)
"""Namespaces whose members describe and never rule."""

_KEYWORDS = {"uid": "@id", "id": "@id", "type": "@type"}

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Names:
    """The spelling of one document.

    Attributes:
        prefixes: Namespaces by prefix.
        aliases: Terms by alias.
        vocabulary: Namespace of bare terms that are not ODRL's, or ``None``.
    """

    prefixes: Mapping[str, str] = field(default_factory=lambda: dict(_COMMON_PREFIXES))
    aliases: Mapping[str, str] = field(default_factory=dict)
    vocabulary: str | None = None

    @classmethod
    def of(cls, document: Node) -> Names:
        """Read a document's ``@context``.

        Raises:
            PolicyError: A context is neither a URL nor an object (``policy.malformed``).
        """
        prefixes, aliases = dict(_COMMON_PREFIXES), dict[str, str]()
        vocabulary = None
        for context in _listed(document.get("@context")):
            if isinstance(context, Mapping):
                vocabulary = _declare(context, prefixes, aliases) or vocabulary
            elif not isinstance(context, str):
                raise _wrong("a context is a URL or an object", "/@context")
        return cls(prefixes, aliases, vocabulary)

    def term(self, text: str) -> str:
        """Return a term as it is named inside; a bare one is ODRL's."""
        text = self.aliases.get(text, text)
        if text.startswith("@"):
            return text
        if text in _KEYWORDS:
            return _KEYWORDS[text]
        if ":" not in text:
            return compact(self.vocabulary + text) if self.vocabulary else f"odrl:{text}"
        return self.identifier(text)

    def identifier(self, text: str) -> str:
        """Return the name of a thing: prefixed where its namespace is known, else absolute."""
        prefix, _, local = text.partition(":")
        if prefix in self.prefixes and not local.startswith("//"):
            return compact(self.prefixes[prefix] + local)
        return compact(text) if ":" in text else text

    def members(self, node: Node, src: str) -> Iterator[tuple[str, Any, str]]:
        """Yield name, value and pointer of every member but the context.

        Raises:
            PolicyError: Two members are spellings of one.
        """
        seen: dict[str, str] = {}
        for key, value in node.items():
            if key == "@context":
                continue
            name = self.term(key)
            if name in seen:
                raise _wrong(f"{key!r} and {seen[name]!r} are the same member", src)
            seen[name] = key
            yield name, value, f"{src}/{pointer_part(key)}"


def is_descriptive(name: str) -> bool:
    """Return whether a member only describes: titles, notes, contact data."""
    return name in ("@type", "@id", "@graph") or name.startswith(DESCRIPTIVE)


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    """Return a value as the list that it stands for, whatever container it comes in."""
    if isinstance(value, Mapping):
        for container in ("@list", "@set"):
            if set(value) == {container}:
                return listed(value[container])
    return _listed(value)


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _declare(context: Node, prefixes: dict[str, str], aliases: dict[str, str]) -> str | None:
    """Take an inline context in; return its vocabulary."""
    for name, given in context.items():
        target = given.get("@id") if isinstance(given, Mapping) else given
        if name.startswith("@") or not isinstance(target, str):
            continue
        if target.startswith("@"):
            aliases[name] = target
        elif target[-1:] in "/#:" and ":" in target:
            prefixes[name] = target
        else:
            aliases[name] = target
    vocabulary = context.get("@vocab")
    return vocabulary if isinstance(vocabulary, str) and vocabulary != NAMESPACES["odrl"] else None


def _wrong(message: str, src: str) -> PolicyError:
    return PolicyError(message, code="policy.malformed", location=src)
