"""What a site's rules may be, checked over what ``opa parse --format json`` prints.

They may deny (``conditions`` with ``holds``), narrow rows (``filters`` with ``filter``), strengthen
masks (``masks`` with ``mask``) and know left operands of their own (``known`` with ``fact``, in the
package of the operands). Each clause is for a name that is written out, so that it can be told what
it is for. Whatever else could reach into the answer of the core is refused: another package, a name
that is the core's, the core's operands, ``input``, ``with``, the entry points.

Example::

    check_site({"site/acme.rego": parsed}, core=parsed_core)  # ('acme:reactorClass',)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.policy.rollout.refusal import refused
from trustspace.policy.vocabulary import NAMESPACES, compact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trustspace.errors import PolicyError

Json = dict[str, Any]

SITE = "trustspace.site"
OPERANDS = "trustspace.operands"

_HOOKS: dict[str, dict[str, int]] = {
    SITE: {"holds": 2, "filter": 2, "mask": 2},
    OPERANDS: {"fact": 3},
}
"""Functions that get clauses, with the number of their arguments; the first is a name."""

_SETS: dict[str, frozenset[str]] = {
    SITE: frozenset({"conditions", "filters", "masks"}),
    OPERANDS: frozenset({"known", "clocks"}),
}
"""Sets that get members."""

_MISLEADING = frozenset({"allow", "allowed", "decide", "decision", "grant", "granted", "permit"})
"""Names of rules that would be taken for a grant, though nothing reads them."""

_READABLE = frozenset({"meta", "odrl", "operands", "own", "points", "site"})
"""Parts of ``data.trustspace`` that a site's rules may read."""


def check_site(site: Mapping[str, Json], *, core: Iterable[Json]) -> tuple[str, ...]:
    """Check the rules of a site.

    Args:
        site: Parsed files by name, tests left out.
        core: Parsed files of the core.

    Returns:
        The left operands that the site knows beside those of the core, sorted.

    Raises:
        PolicyError: A file has what a site may not have, code ``module.grants``.
    """
    taken = _taken(core)
    own: set[str] = set()
    for name in sorted(site):
        own.update(_checked(name, site[name], taken))
    for name in sorted(site):
        for rule in _rules(site[name]):
            if _package(site[name]) == OPERANDS and _is_clause(rule, "fact"):
                operand = rule["head"]["args"][0]["value"]
                if operand not in own:
                    raise _wrong(name, f"fact({operand!r}, …) without: known contains {operand!r}")
    return tuple(sorted(own))


def _taken(core: Iterable[Json]) -> dict[str, frozenset[str]]:
    """Return the names of rules that the core defines, by package."""
    found: dict[str, set[str]] = {SITE: set(), OPERANDS: set()}
    for module in core:
        names = found.setdefault(_package(module), set())
        names.update(_name(rule) for rule in _rules(module))
    return {package: frozenset(names) for package, names in found.items()}


def _checked(name: str, module: Json, taken: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Check one file; yields the operands it makes known."""
    package = _package(module)
    if package not in _HOOKS:
        raise _wrong(name, f"package {package}; a site's are {SITE} and {OPERANDS}")
    for found in _reaching(module):
        raise _wrong(name, f"it uses {found}")
    for rule in _rules(module):
        rule_name = _name(rule)
        if rule_name in _SETS[package]:
            member = _member(name, rule)
            if package == OPERANDS:
                _own(name, member)
                if rule_name == "known":
                    yield member
        elif rule_name in _HOOKS[package]:
            _clause(name, rule, _HOOKS[package][rule_name])
        elif rule_name in taken[package]:
            raise _wrong(name, f"{rule_name} is the core's own")
        elif rule_name in _MISLEADING:
            raise _wrong(name, f"a rule called {rule_name}: nothing grants here")


def _member(name: str, rule: Json) -> str:
    head = rule["head"]
    key = head.get("key")
    is_member = key is not None and "value" not in head and len(head["ref"]) == 1
    if not is_member or key["type"] != "string":
        raise _wrong(name, f'{_name(rule)} may only get members: {_name(rule)} contains "a:name"')
    return str(key["value"])


def _clause(name: str, rule: Json, arguments: int) -> None:
    function = _name(rule)
    if not _is_clause(rule, function) or len(rule["head"]["args"]) != arguments:
        raise _wrong(name, f'{function} may only get clauses for a name: {function}("a:name", …)')


def _is_clause(rule: Json, function: str) -> bool:
    arguments = rule["head"].get("args") or [{"type": "none"}]
    return _name(rule) == function and not rule.get("default") and arguments[0]["type"] == "string"


def _own(name: str, operand: str) -> None:
    prefix, colon, rest = operand.partition(":")
    if not (colon and rest) or prefix in NAMESPACES or compact(operand) != operand:
        raise _wrong(name, f"the operand {operand!r}; it needs a prefix of its own")


def _reaching(node: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield what reaches past the site's hooks, anywhere in a file."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
            continue
        if not isinstance(part, dict):
            continue
        if part.get("with"):
            yield "with"
        if part.get("type") == "ref":
            yield from _reference(part["value"])
        elif part.get("type") == "var" and part.get("value") == "input":
            yield "input; the request is the argument q"
        stack += part.values()


def _reference(path: list[Json]) -> Iterator[str]:
    if path[0] != {"type": "var", "value": "data"}:
        return
    steps = [str(step["value"]) if step["type"] == "string" else "?" for step in path[1:3]]
    if len(steps) < 2 or steps[0] != "trustspace" or steps[1] not in _READABLE:
        yield ".".join(["data", *steps])


def _package(module: Json) -> str:
    return ".".join(str(part["value"]) for part in module["package"]["path"][1:])


def _rules(module: Json) -> list[Json]:
    return list(module.get("rules") or ())


def _name(rule: Json) -> str:
    return str(rule["head"]["ref"][0]["value"])


def _wrong(name: str, what: str) -> PolicyError:
    return refused("module.grants", location=name, file=name, what=what)
