"""Checks of Rego that OPA itself does not make, over what ``opa parse --format json`` prints.

A comprehension drops whatever is undefined, ``not`` over a call that is undefined is undefined,
and a batch runs the same rules over many requests: each has opened a door before. A site's rules
stand between the request and the answer of the core, which they may only make narrower.

Example::

    module = Module("site/acme.rego", ("site",), parsed)
    lint_modules([module])  # {'site/acme.rego': (Finding('rego.default', …),)}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trustspace.policy.linting.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = Mapping[str, Any]

ENTRY_FOLDER = "v1"
"""Last part of the package whose files may read ``input``."""

SITE = "trustspace.site"
"""Package of an operator's own rules."""

OPEN_TO_OTHERS: Mapping[str, str] = {
    "objections": "trustspace.v1",
    "narrowing": "trustspace.odrl",
    "masking": "trustspace.odrl",
}
"""What the core takes from a site's rules, and the package that does."""

KEPT = frozenset({"objections", "denying", "sound", "narrowing", "masking"})
"""Names of ``trustspace.site`` that only the core's own file defines: they hear every denial."""

_TOTAL = frozenset({"equal", "eq", "internal.print"})
"""Under these ``not`` of a missing member is true."""


@dataclass(frozen=True)
class Module:
    """A parsed file of Rego.

    Attributes:
        name: Name for the reader.
        folder: Names of the folders it is in, the last ones at least.
        parsed: What ``opa parse --format json`` prints, with or without locations.
        is_core: Whether it is an unchanged file of the core.
    """

    name: str
    folder: tuple[str, ...]
    parsed: Json
    is_core: bool = False
    aliases: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "aliases", dict(_imports(self.parsed)))

    @property
    def package(self) -> str:
        """Name of its package without ``data``."""
        return ".".join(str(part["value"]) for part in self.parsed["package"]["path"][1:])

    @property
    def rules(self) -> list[Json]:
        """Its rules."""
        return list(self.parsed.get("rules") or ())

    @property
    def is_test(self) -> bool:
        """Whether it holds tests, to which none of this applies."""
        return self.name.endswith("_test.rego")

    def full_name(self, reference: str) -> str:
        """Return the name of what a reference in this file refers to, without ``data``."""
        head, _, rest = reference.partition(".")
        if head == "data":
            return rest
        if head in self.aliases:
            return f"{self.aliases[head]}.{rest}" if rest else self.aliases[head]
        return f"{self.package}.{reference}"


def lint_modules(modules: Iterable[Module]) -> dict[str, tuple[Finding, ...]]:
    """Look parsed files over.

    Args:
        modules: All files that are evaluated together, the core's too.

    Returns:
        Findings by the name of the file; files without findings are left out.
    """
    every = [module for module in modules if not module.is_test]
    functions, total = _functions(every)
    found = {}
    for module in every:
        findings = (
            *_package(module),
            *_input(module),
            *_calls(module, functions, total),
            *_site(module),
        )
        if findings:
            found[module.name] = tuple(dict.fromkeys(findings))
    return found


def _imports(parsed: Json) -> Iterator[tuple[str, str]]:
    for one in parsed.get("imports") or ():
        parts = [str(part["value"]) for part in one["path"]["value"]]
        if parts[0] == "data" and len(parts) > 1:
            yield one.get("alias") or parts[-1], ".".join(parts[1:])


def _functions(modules: list[Module]) -> tuple[set[str], set[str]]:
    """Return the names of all functions, and of those with a default."""
    functions: set[str] = set()
    total: set[str] = set()
    for module in modules:
        for rule in module.rules:
            name = module.full_name(_head(rule))
            if rule["head"].get("args"):
                functions.add(name)
                if rule.get("default"):
                    total.add(name)
    return functions, total


def _head(rule: Json) -> str:
    head = rule["head"]
    return str(head.get("name") or _reference(head["ref"]))


def _package(module: Module) -> Iterator[Finding]:
    package = tuple(module.package.split("."))
    length = min(len(package), len(module.folder))
    if not length or package[-length:] != module.folder[-length:]:
        fields = {"package": module.package, "folder": "/".join(module.folder) or "."}
        yield Finding("rego.package", line=_line(module.parsed["package"]), fields=fields)


def _input(module: Module) -> Iterator[Finding]:
    if module.package.rpartition(".")[2] == ENTRY_FOLDER:
        return
    for node in _nodes(module.rules):
        if node.get("type") == "var" and node.get("value") == "input":
            yield Finding("rego.input", line=_line(node))


def _calls(module: Module, functions: set[str], total: set[str]) -> Iterator[Finding]:
    for rule in module.rules:
        for name, node in _called(rule, inside=False):
            full = module.full_name(name)
            if full in functions - total:
                fields = {"name": name, "short": name.rpartition(".")[2]}
                yield Finding("rego.default", line=_line(node), fields=fields)
        for expression in _nodes(rule):
            terms = expression.get("terms")
            if expression.get("negated") and isinstance(terms, list):
                yield from _negated(terms, _line(expression))


def _negated(terms: list[Json], line: int) -> Iterator[Finding]:
    name = _reference(terms[0]["value"])
    members = [_reference(term["value"]) for term in terms[1:] if _is_member(term)]
    if members and name not in _TOTAL:
        fields = {"name": name.replace("internal.member_2", "in"), "member": members[0]}
        yield Finding("rego.negation", line=line, fields=fields)


def _is_member(term: Json) -> bool:
    """Return whether a term is a member of a variable, which may be missing."""
    if term.get("type") != "ref" or len(term["value"]) < 2:
        return False
    return bool(term["value"][0].get("type") == "var" and term["value"][0]["value"] != "data")


def _called(value: Any, *, inside: bool) -> Iterator[tuple[str, Json]]:  # noqa: ANN401 - any JSON value
    """Yield what is called inside comprehensions."""
    if isinstance(value, Mapping):
        if inside:
            terms = value.get("value") if value.get("type") == "call" else value.get("terms")
            if isinstance(terms, list) and terms[0].get("type") == "ref":
                yield _reference(terms[0]["value"]), terms[0]
        inside = inside or str(value.get("type", "")).endswith("comprehension")
    for item in _items(value):
        yield from _called(item, inside=inside)


def _site(module: Module) -> Iterator[Finding]:
    if module.package == SITE:
        yield from _redefined(module)
        return
    for node in _nodes(module.rules):
        if node.get("type") != "ref" or node["value"][0].get("type") != "var":
            continue
        full = module.full_name(_reference(node["value"]))
        if full != SITE and not full.startswith(f"{SITE}."):
            continue
        name = full.removeprefix(SITE).strip(".").partition(".")[0]
        if OPEN_TO_OTHERS.get(name) != module.package:
            why = f"{module.package} reads site.{name or '*'}"
            yield Finding("rego.site", line=_line(node), fields={"why": why})


def _redefined(module: Module) -> Iterator[Finding]:
    if module.is_core:
        return
    for rule in module.rules:
        name = _head(rule)
        if name in KEPT:
            why = f"{name} is defined again, with which a denial could be lost"
            yield Finding("rego.site", line=_line(rule["head"]), fields={"why": why})


def _reference(parts: list[Json]) -> str:
    """Return a reference up to its first part that is not a name."""
    names = [str(parts[0]["value"])]
    for part in parts[1:]:
        if part.get("type") != "string":
            break
        names.append(str(part["value"]))
    return ".".join(names)


def _line(node: Json) -> int:
    return int((node.get("location") or {}).get("row", 0))


def _nodes(value: Any) -> Iterator[Json]:  # noqa: ANN401 - any JSON value
    """Yield every object."""
    if isinstance(value, Mapping):
        yield value
    for item in _items(value):
        yield from _nodes(item)


def _items(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        yield from (item for name, item in value.items() if name != "location")
    elif isinstance(value, list):
        yield from value
