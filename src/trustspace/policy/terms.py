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
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from trustspace.errors import PolicyError, RemoteProtocolError
from trustspace.model.jsonld import read as read_json_ld
from trustspace.model.odrl import PROFILE, Offer
from trustspace.policy.duty_keywords import before_use, owed
from trustspace.policy.keyword_value import at, duration, moment, some, text, texts, wrong
from trustspace.policy.lower import lower
from trustspace.policy.mask import format_mask, parse_mask
from trustspace.policy.odrl.names import Names, listed
from trustspace.policy.odrl.wire_form import wire_rules
from trustspace.policy.profile import beyond_profile
from trustspace.policy.quantity import MEASURES, read_quantity, write_quantity
from trustspace.policy.right_operand import iso_duration
from trustspace.policy.row_filter import format_where, parse_where
from trustspace.policy.vocabulary import action, compact, to_wire
from trustspace.policy.window import read_frequency
from trustspace.policy.wire_spelling import on_wire

if TYPE_CHECKING:
    from trustspace.model.value import JsonObject

Texts = str | Sequence[str]
"""One text or several."""

Amounts = int | str | Sequence[int | str]
"""One amount or several: a number, or a text with unit and window."""


class Terms(TypedDict, total=False):
    """Keywords of `terms`; all are optional, and an absent one restricts nothing.

    Attributes:
        action: What is permitted, for example ``use`` or ``ts:train``.
        purpose: Purposes, of which the consumer states one.
        until: First moment that is no longer permitted: a date (00:00 UTC) or a time with zone.
        count: Highest number of uses.
        frequency: Highest number of uses in each window, for example ``10000/P1D``, or several.
        rows: Highest number of rows in all, or within each window (``1000/P1D``), or several.
        size: Highest number of bytes, with or without a unit (``10GB``, ``1GB/P1D``), or several.
        metered: How long deliveries may run, summed: a duration, ISO 8601, or ``PT8H/P7D``.
        elapsed: For how long it may be used from the first use on: a duration, or ISO 8601.
        where: Rows that leave, in the grammar of `trustspace.policy.row_filter`.
        columns: The only columns that leave.
        drop: Columns that do not leave.
        mask: ``column``, ``column:method`` or a mapping of columns to methods.
        spatial: Regions of use, for example ``CN`` or ``CN-SH``.
        recipient: Participants or groups that may use it.
        delete_after: How long after the use the copies are to be deleted: a duration, or ISO 8601.
        delete: Whether the copies are to be deleted when the agreement has ended.
        log: Whether each use is to be logged.
        notify: Whether the provider sends a notice of each use.
        inform: Whether the consumer says in which uses it made of the data, or within which time.
        report: Whether the consumer reports its uses in sums, or within which time.
        attribute: Whether the data names whom it is to be attributed to, or whom: a text.
        pay: What is paid before the first use, for example ``500 CNY``.
        consent: Whether consent is obtained before the first use.
        prohibit: Actions that are prohibited.
    """

    action: str
    purpose: Texts | None
    until: str | date | datetime | None
    count: int | None
    frequency: Texts | None
    rows: Amounts | None
    size: Amounts | None
    metered: Amounts | timedelta | None
    elapsed: timedelta | str | None
    where: str | None
    columns: Texts | None
    drop: Texts | None
    mask: Texts | Mapping[str, str] | None
    spatial: Texts | None
    recipient: Texts | None
    delete_after: timedelta | str | None
    delete: bool
    log: bool
    notify: bool
    inform: bool | timedelta | str
    report: bool | timedelta | str
    attribute: bool | str
    pay: str | None
    consent: bool
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
    permission: JsonObject = {"action": to_wire(action(text("action", given.get("action", "use"))))}
    constraints = [
        constraint
        for keyword, write in _CONSTRAINTS.items()
        if keyword in given
        for constraint in write(keyword, given[keyword])
    ]
    if constraints:
        permission["constraint"] = constraints
    duties = before_use(given)
    if duties:
        permission["duty"] = duties
    rules: JsonObject = {"permission": [permission]}
    prohibited = texts("prohibit", given.get("prohibit", ()))
    if prohibited:
        rules["prohibition"] = [
            {"action": to_wire(action(name, location="/prohibit"))} for name in prohibited
        ]
    obligations = owed(given)
    if obligations:
        rules["obligation"] = obligations
    _check(rules)
    return _with_profile(rules)


def read_terms(
    document: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]] | None = None
) -> JsonObject:
    """Read terms from a file's content: an ODRL policy, or the keywords of `terms`.

    Args:
        document: Decoded JSON object: the keywords, or ODRL in any spelling.
        others: Policies that it may inherit from, by id: their rules are written into it.

    Returns:
        Rules in wire form, as `terms` gives them; they name our profile where they say more than
        the protocol's.

    Raises:
        PolicyError: The document is neither, or says what cannot be evaluated.
    """
    if not isinstance(document, Mapping):
        raise wrong("terms", "a JSON object", document)
    if not any(compact(str(name)) in _POLICY_MEMBERS for name in document):
        return terms(**document)
    try:
        rules = _as_exchanged(document)
        _check(rules)
    except PolicyError as refused:
        rules = _as_written(document, others or {}, refused)
    return _with_profile(rules)


def inherited(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the policies that a policy inherits from, as it writes them.

    Raises:
        PolicyError: Its context cannot be read.
    """
    if not isinstance(document, Mapping):
        return ()
    names = Names.of(document)
    found = next((v for name, v, _ in names.members(document, "") if name == _INHERITS), None)
    ids = [each.get("@id") if isinstance(each, Mapping) else each for each in listed(found)]
    return tuple(each for each in ids if isinstance(each, str))


_INHERITS = "odrl:inheritFrom"


def _as_exchanged(document: Mapping[str, Any]) -> JsonObject:
    """Read a policy as connectors exchange it."""
    try:
        policy = read_json_ld(document, context_required=False)
    except RemoteProtocolError as error:
        raise PolicyError(str(error), code="policy.malformed", hint=error.hint) from error
    rules = {name: on_wire(each) for name, each in policy.items() if name not in ("@id", "@type")}
    for name in ("target", "assigner", "assignee"):
        if name in rules:
            raise PolicyError(
                f"terms have no {name}",
                code="policy.malformed",
                location=f"/{name}",
                hint="the dataset is named when it is published; name users with 'recipient'",
            )
    return rules


def _as_written(
    document: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]], refused: PolicyError
) -> JsonObject:
    """Read a policy as authors write it, which says more than the exchanged form.

    Args:
        document: The policy.
        others: Policies that it may inherit from.
        refused: Why it is none in the form of the exchange.
    """
    try:
        rules = wire_rules(document, others)
        _check(rules)
    except PolicyError as error:
        # Of what is no policy at all the first reading has more to say.
        raise refused if error.code == "policy.malformed" != refused.code else error from None
    return rules


def _with_profile(rules: JsonObject) -> JsonObject:
    """Name our profile where the rules say more than the protocol's."""
    offer = Offer.read({"@id": "urn:trustspace:terms", **rules})
    if not beyond_profile(offer):
        return rules
    given = rules.get("profile", [])
    named = [given] if isinstance(given, str) else given
    return {**rules, "profile": list(dict.fromkeys([*named, PROFILE]))}


# Keywords of JSON-LD come out of `compact` like any bare name.
_POLICY_MEMBERS = frozenset(
    {"odrl:permission", "odrl:prohibition", "odrl:obligation", "odrl:@type", "odrl:@context"}
    | {"odrl:inheritFrom", "odrl:@graph"}
)


def _check(rules: JsonObject) -> None:
    """Refuse rules that this connector could not evaluate itself."""
    try:
        offer = Offer.read({"@id": "urn:trustspace:terms", **rules})
    except RemoteProtocolError as error:
        raise PolicyError(str(error), code="policy.malformed", hint=error.hint) from error
    lower(offer, kind="offer")


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
        return [_constraint(left, "isAnyOf", some(keyword, given))]

    return write


def _spatial(keyword: str, given: object) -> list[JsonObject]:
    regions = some(keyword, given)
    return [_constraint("spatial", "isPartOf", regions[0] if len(regions) == 1 else regions)]


def _until(keyword: str, given: object) -> list[JsonObject]:
    end = {"@value": moment(keyword, given), "@type": "xsd:dateTime"}
    return [_constraint("dateTime", "lt", end)]


def _count(keyword: str, given: object) -> list[JsonObject]:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise wrong(keyword, "a whole number, at least 1", given)
    return [_constraint("count", "lteq", {"@value": str(given), "@type": "xsd:integer"})]


def _frequency(keyword: str, given: object) -> list[JsonObject]:
    written = []
    for each in some(keyword, given):
        with at(keyword):
            number, window = read_frequency(each)
        written.append(_constraint("ts:frequency", "lteq", f"{number}/{window}"))
    return written


def _amounts(left: str) -> _Write:
    def write(keyword: str, given: object) -> list[JsonObject]:
        if isinstance(given, timedelta):
            given = iso_duration(given)
        if isinstance(given, int) and not isinstance(given, bool):
            given = str(given)
        several = [given] if isinstance(given, str) else given
        if not isinstance(several, Sequence) or not several:
            raise wrong(keyword, "an amount or several", given)
        what = MEASURES[left]
        written = []
        for each in several:
            is_number = isinstance(each, int) and not isinstance(each, bool)
            amount = str(each) if is_number else text(keyword, each)
            with at(keyword):
                number, window = read_quantity(amount, what)
            amount = write_quantity(number, window, what)
            right = amount if window else {"@value": amount, "@type": _AMOUNT_TYPES[what]}
            written.append(_constraint(left, "lteq", right))
        return written

    return write


_AMOUNT_TYPES = {"row": "xsd:integer", "byte": "xsd:string", "second": "xsd:duration"}


def _elapsed(keyword: str, given: object) -> list[JsonObject]:
    with at(keyword):
        length = {"@value": duration(keyword, given), "@type": "xsd:duration"}
    return [_constraint("elapsedTime", "lteq", length)]


def _where(keyword: str, given: object) -> list[JsonObject]:
    predicate = parse_where(text(keyword, given))
    return [_constraint("ts:rowFilter", "eq", format_where(predicate))]


def _drop(keyword: str, given: object) -> list[JsonObject]:
    columns = texts(keyword, given)
    return [_constraint("ts:columns", "isNoneOf", columns)] if columns else []


def _mask(keyword: str, given: object) -> list[JsonObject]:
    if isinstance(given, Mapping):
        given = [f"{column}:{method}" for column, method in given.items()]
    masks = [format_mask(parse_mask(text)) for text in texts(keyword, given)]
    return [_constraint("ts:mask", "isAllOf", masks)] if masks else []


_Write = Callable[[str, object], list["JsonObject"]]

_CONSTRAINTS: Mapping[str, _Write] = {
    "purpose": _any_of("purpose"),
    "until": _until,
    "count": _count,
    "frequency": _frequency,
    "rows": _amounts("ts:dataRecord"),
    "size": _amounts("ts:dataSize"),
    "metered": _amounts("odrl:meteredTime"),
    "elapsed": _elapsed,
    "spatial": _spatial,
    "recipient": _any_of("recipient"),
    "where": _where,
    "columns": _any_of("ts:columns"),
    "drop": _drop,
    "mask": _mask,
}
"""How each keyword of a permission is written, in the order of the constraints."""
