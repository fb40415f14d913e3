"""Terms in plain keywords: what a provider means, written as ODRL rules for the wire.

``terms`` is what publishers call; ``read_terms`` reads the same from a file, which holds either
an ODRL policy or these keywords. Both give rules without an id, because the offer that carries
them gets one when a dataset is published.

Example::

    terms(purpose="credit-scoring", until="2027-01-01", count=100, mask=["phone"])
    # {'permission': [{'action': 'use', 'constraint': [
    #     {'leftOperand': 'purpose', 'operator': 'isAnyOf', 'rightOperand': ['credit-scoring']}, …
    Offer.read({"@id": "urn:uuid:o1", "@type": "Offer", **terms(count=10)})
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from trustspace.errors import PolicyError, RemoteProtocolError
from trustspace.model.jsonld import read as read_json_ld
from trustspace.model.odrl import Offer
from trustspace.policy.lower import lower
from trustspace.policy.mask import format_mask, parse_mask
from trustspace.policy.right_operand import iso_duration, seconds_of, typed
from trustspace.policy.row_filter import format_where, parse_where
from trustspace.policy.vocabulary import LEFT_OPERANDS, action, compact, to_wire
from trustspace.policy.window import read_frequency

if TYPE_CHECKING:
    from trustspace.model.value import JsonObject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_TIME = LEFT_OPERANDS["odrl:dateTime"]

Texts = str | Sequence[str]
"""One text or several."""


class Terms(TypedDict, total=False):
    """Keywords of `terms`; all are optional, and an absent one restricts nothing.

    Attributes:
        action: What is permitted, for example ``use`` or ``ts:train``.
        purpose: Purposes, of which the consumer states one.
        until: First moment that is no longer permitted: a date (00:00 UTC) or a time with zone.
        count: Highest number of uses.
        frequency: Highest number of uses in each window, for example ``10000/P1D``, or several.
        where: Rows that leave, in the grammar of `trustspace.policy.row_filter`.
        columns: The only columns that leave.
        drop: Columns that do not leave.
        mask: ``column``, ``column:method`` or a mapping of columns to methods.
        spatial: Regions of use, for example ``CN`` or ``CN-SH``.
        recipient: Participants or groups that may use it.
        delete_after: How long after the use the copies are to be deleted: a duration, or ISO 8601.
        log: Whether each use is to be logged.
        prohibit: Actions that are prohibited.
    """

    action: str
    purpose: Texts | None
    until: str | date | datetime | None
    count: int | None
    frequency: Texts | None
    where: str | None
    columns: Texts | None
    drop: Texts | None
    mask: Texts | Mapping[str, str] | None
    spatial: Texts | None
    recipient: Texts | None
    delete_after: timedelta | str | None
    log: bool
    prohibit: Texts


def terms(**keywords: Unpack[Terms]) -> JsonObject:
    """Return ODRL rules in the wire form of the Dataspace Protocol.

    Args:
        keywords: See `Terms`.

    Returns:
        ``permission`` and, where asked for, ``prohibition`` and ``obligation``; with an ``@id``
        it is an offer.

    Raises:
        PolicyError: A keyword is unknown (``policy.keyword``, with the nearest one) or its value
            is not what it should be (``policy.datatype``, ``policy.where``, ``policy.mask`` …).
        UnsupportedTermError: An action is unknown.
    """
    given: dict[str, Any] = {name: each for name, each in keywords.items() if each is not None}
    _check_keywords(given)
    permission: JsonObject = {
        "action": to_wire(action(_text("action", given.get("action", "use"))))
    }
    constraints = [
        constraint
        for keyword, write in _CONSTRAINTS.items()
        if keyword in given
        for constraint in write(keyword, given[keyword])
    ]
    if constraints:
        permission["constraint"] = constraints
    rules: JsonObject = {"permission": [permission]}
    prohibited = _texts("prohibit", given.get("prohibit", ()))
    if prohibited:
        rules["prohibition"] = [
            {"action": to_wire(action(name, location="/prohibit"))} for name in prohibited
        ]
    obligations = _obligations(given)
    if obligations:
        rules["obligation"] = obligations
    _check(rules)
    return rules


def read_terms(document: Mapping[str, Any]) -> JsonObject:
    """Read terms from a file's content: an ODRL policy, or the keywords of `terms`.

    Args:
        document: Decoded JSON object.

    Returns:
        Rules in wire form, as `terms` gives them.

    Raises:
        PolicyError: The document is neither, or says what cannot be evaluated.
    """
    if not isinstance(document, Mapping):
        raise _wrong("terms", "a JSON object", document)
    if not any(compact(str(name)) in _POLICY_MEMBERS for name in document):
        return terms(**document)
    try:
        policy = read_json_ld(document, context_required=False)
    except RemoteProtocolError as error:
        raise PolicyError(str(error), code="policy.malformed", hint=error.hint) from error
    rules = {name: _on_wire(each) for name, each in policy.items() if name not in ("@id", "@type")}
    for name in ("target", "assigner", "assignee"):
        if name in rules:
            raise PolicyError(
                f"terms have no {name}",
                code="policy.malformed",
                location=f"/{name}",
                hint="the dataset is named when it is published; name users with 'recipient'",
            )
    _check(rules)
    return rules


# Keywords of JSON-LD come out of `compact` like any bare name.
_POLICY_MEMBERS = frozenset(
    {"odrl:permission", "odrl:prohibition", "odrl:obligation", "odrl:@type", "odrl:@context"}
)


def _check(rules: JsonObject) -> None:
    """Refuse rules that this connector could not evaluate itself."""
    try:
        offer = Offer.read({"@id": "urn:trustspace:terms", **rules})
    except RemoteProtocolError as error:
        raise PolicyError(str(error), code="policy.malformed", hint=error.hint) from error
    lower(offer, kind="offer")


def _on_wire(node: object) -> object:
    """Return a part of a policy with its terms as they are spelled on the wire."""
    if isinstance(node, list):
        return [_on_wire(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {name: _member_on_wire(name, each) for name, each in node.items()}


def _member_on_wire(name: str, each: object) -> object:
    if name in ("action", "leftOperand", "operator") and isinstance(each, str):
        return to_wire(each)
    if name == "rightOperand":
        found = [_lexical(one) for one in each] if isinstance(each, list) else _lexical(each)
        return _on_wire(found)
    return _on_wire(each)


def _lexical(operand: object) -> object:
    """Return an operand that is a number as text with its datatype, as `terms` writes it.

    There are peers that know operands as text alone: a number comes back from them as another
    operand than the one that they hold the agreement to.
    """
    if not isinstance(operand, dict) or set(operand) != {"@value", "@type"}:
        return operand
    value = operand["@value"]
    if not isinstance(value, int | float):
        return operand
    return {**operand, "@value": json.dumps(value)}


def _check_keywords(given: Mapping[str, object]) -> None:
    for name in given:
        if name not in Terms.__annotations__:
            near = difflib.get_close_matches(name, Terms.__annotations__, n=1, cutoff=0.5)
            raise PolicyError(
                f"terms have no keyword {name[:80]!r}",
                code="policy.keyword",
                location=f"/{name[:80]}",
                hint=f"did you mean {near[0]!r}?"
                if near
                else f"keywords are: {', '.join(Terms.__annotations__)}",
            )


def _constraint(left: str, operator: str, right: object) -> JsonObject:
    return {"leftOperand": to_wire(left), "operator": operator, "rightOperand": right}


def _any_of(left: str) -> _Write:
    def write(keyword: str, given: object) -> list[JsonObject]:
        return [_constraint(left, "isAnyOf", _some(keyword, given))]

    return write


def _spatial(keyword: str, given: object) -> list[JsonObject]:
    regions = _some(keyword, given)
    return [_constraint("spatial", "isPartOf", regions[0] if len(regions) == 1 else regions)]


def _until(keyword: str, given: object) -> list[JsonObject]:
    moment = {"@value": _moment(keyword, given), "@type": "xsd:dateTime"}
    return [_constraint("dateTime", "lt", moment)]


def _count(keyword: str, given: object) -> list[JsonObject]:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise _wrong(keyword, "a whole number, at least 1", given)
    return [_constraint("count", "lteq", {"@value": str(given), "@type": "xsd:integer"})]


def _frequency(keyword: str, given: object) -> list[JsonObject]:
    written = []
    for text in _some(keyword, given):
        try:
            number, window = read_frequency(text)
        except PolicyError as error:
            error.location = f"/{keyword}"
            raise
        written.append(_constraint("ts:frequency", "lteq", f"{number}/{window}"))
    return written


def _where(keyword: str, given: object) -> list[JsonObject]:
    predicate = parse_where(_text(keyword, given))
    return [_constraint("ts:rowFilter", "eq", format_where(predicate))]


def _drop(keyword: str, given: object) -> list[JsonObject]:
    columns = _texts(keyword, given)
    return [_constraint("ts:columns", "isNoneOf", columns)] if columns else []


def _mask(keyword: str, given: object) -> list[JsonObject]:
    if isinstance(given, Mapping):
        given = [f"{column}:{method}" for column, method in given.items()]
    masks = [format_mask(parse_mask(text)) for text in _texts(keyword, given)]
    return [_constraint("ts:mask", "isAllOf", masks)] if masks else []


_Write = Callable[[str, object], list["JsonObject"]]

_CONSTRAINTS: Mapping[str, _Write] = {
    "purpose": _any_of("purpose"),
    "until": _until,
    "count": _count,
    "frequency": _frequency,
    "spatial": _spatial,
    "recipient": _any_of("recipient"),
    "where": _where,
    "columns": _any_of("ts:columns"),
    "drop": _drop,
    "mask": _mask,
}
"""How each keyword of a permission is written, in the order of the constraints."""


def _obligations(given: Mapping[str, object]) -> list[JsonObject]:
    obligations: list[JsonObject] = []
    if "delete_after" in given:
        delay = {"@value": _duration(given["delete_after"]), "@type": "xsd:duration"}
        obligations.append(
            {"action": "delete", "constraint": [_constraint("delayPeriod", "eq", delay)]}
        )
    log = given.get("log", False)
    if not isinstance(log, bool):
        raise _wrong("log", "true or false", log)
    if log:
        obligations.append({"action": to_wire("ts:log")})
    return obligations


def _duration(given: object) -> str:
    if isinstance(given, timedelta):
        return iso_duration(given)
    text = _text("delete_after", given)
    seconds_of(text)
    return text


def _moment(keyword: str, given: object) -> str:
    """Return a date or time as UTC text; a date is its first moment in UTC."""
    if isinstance(given, str) and len(given) == len("2027-01-01"):
        text = f"{given}T00:00:00Z"
    elif isinstance(given, str):
        text = given
    elif isinstance(given, datetime):
        text = given.isoformat() if given.tzinfo is None else _in_utc(keyword, given).isoformat()
    elif isinstance(given, date):
        text = f"{given.isoformat()}T00:00:00Z"
    else:
        raise _wrong(keyword, "a date or a time with zone", given)
    try:
        seconds = typed(text.replace("+00:00", "Z"), _DATE_TIME, "odrl:lt")
    except PolicyError as error:
        error.location = f"/{keyword}"
        raise
    if not isinstance(seconds, int):
        raise _wrong(keyword, "a date or a time with zone", given)
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def _in_utc(keyword: str, moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise _wrong(keyword, "a time within the calendar", moment) from error


def _some(keyword: str, given: object) -> list[str]:
    texts = _texts(keyword, given)
    if not texts:
        raise _wrong(keyword, "at least one text", given)
    return texts


def _texts(keyword: str, given: object) -> list[str]:
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, Sequence | set | frozenset):
        raise _wrong(keyword, "a text or a list of texts", given)
    texts = sorted(map(str, given)) if isinstance(given, set | frozenset) else given
    return list(dict.fromkeys(_text(keyword, each) for each in texts))


def _text(keyword: str, given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise _wrong(keyword, "a text", given)
    return given.strip()


def _wrong(keyword: str, expected: str, found: object) -> PolicyError:
    return PolicyError(
        f"{keyword} is {expected}, found {str(found)[:80]!r}",
        code="policy.datatype",
        location=f"/{keyword}",
    )
