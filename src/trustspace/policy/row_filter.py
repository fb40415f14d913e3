"""Row filters as text: the ``--where`` grammar, read into a predicate and written back.

::

    where      = and { "or" and }
    and        = not { "and" not }
    not        = "not" not | "(" where ")" | comparison
    comparison = column ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal
               | column [ "not" ] "in" "(" literal { "," literal } ")"
               | column "is" [ "not" ] "null"
    column     = letters, digits, "_"  |  "`" any text, a backtick doubled "`"
    literal    = "text" | 'text' (the quote doubled inside) | 12 | -1.50 | true | false
               | 2027-01-31 | 2027-01-31T08:00:00+08:00

Keywords are read in any case. The text is never evaluated, only parsed into
`trustspace.policy.predicate`, whose literals are bound where the rows are.

Example::

    predicate = parse_where('grade = "A" and not region in ("CN-XJ", "CN-XZ")')
    format_where(predicate)  # 'grade = "A" and not region in ("CN-XJ", "CN-XZ")'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, NoReturn, cast

from trustspace.errors import PolicyError
from trustspace.policy.predicate import (
    MAX_INTEGER,
    Comparison,
    FilterLiteral,
    Junction,
    Negation,
    Predicate,
    bounded,
)

MAX_LENGTH = 8_192
"""Characters of one row filter; longer lists belong into a column of the table."""
MAX_COLUMN_LENGTH = 4_096
"""Characters of a column's name, quotes included."""
MAX_NESTING = 16
"""Parentheses and ``not`` around one comparison; no deeper tree is accepted by the engine."""

_OPERATORS: dict[str, str] = {
    "=": "eq",
    "!=": "neq",
    "<": "lt",
    "<=": "lteq",
    ">": "gt",
    ">=": "gteq",
}
_SYMBOLS = {name: symbol for symbol, name in _OPERATORS.items()}
_SPELLED_ELSEWHERE = {"==": "=", "<>": "!=", "&&": "and", "||": "or", "!": "not"}
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "null", "true", "false"})

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<quoted>`(?:[^`]|``)*`)
  | (?P<string>"(?:[^"]|"")*"|'(?:[^']|'')*')
  | (?P<moment>[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9:.]+(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?)?)(?!\w)
  | (?P<decimal>-?[0-9]+\.[0-9]+)(?![\w.])
  | (?P<integer>-?[0-9]+)(?![\w.])
  | (?P<word>[^\W\d]\w*)
  | (?P<symbol><=|>=|==|!=|<>|&&|\|\||[=<>!(),])
    """,
    re.VERBOSE,
)
_BARE_COLUMN = re.compile(r"[^\W\d]\w*")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int

    @property
    def keyword(self) -> str:
        """The keyword it is, in lower case, or an empty string."""
        lowered = self.text.lower()
        return lowered if self.kind == "word" and lowered in _KEYWORDS else ""


def parse_where(text: str) -> Predicate:
    """Read a row filter.

    Args:
        text: A filter in the grammar of this module.

    Returns:
        The predicate, within the limits of the engine.

    Raises:
        PolicyError: The text is not in the grammar or too large, code ``policy.where``; the
            message names the position, counted from 1.
    """
    if len(text) > MAX_LENGTH:
        raise _error(f"a row filter has at most {MAX_LENGTH} characters, found {len(text)}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _error("a row filter is Unicode text, found half of a surrogate pair")
    parser = _Parser(_tokens(text))
    predicate = parser.where(nesting=0)
    parser.end()
    try:
        bounded((predicate,))
    except ValueError as error:
        raise _error(str(error)) from error
    return predicate


def format_where(predicate: Predicate) -> str:
    """Write a row filter, with no more parentheses than its structure needs.

    Raises:
        PolicyError: A literal cannot be written, code ``policy.where``.
    """
    if isinstance(predicate, Comparison):
        return _format_comparison(predicate)
    if isinstance(predicate, Negation):
        if isinstance(predicate.arg, Comparison) and predicate.arg.op == "is_null":
            return f"{_format_column(predicate.arg.field)} is not null"
        return f"not {_format_operand(predicate.arg, 'not')}"
    return f" {predicate.op} ".join(_format_operand(part, predicate.op) for part in predicate.args)


def _format_operand(predicate: Predicate, outer: str) -> str:
    text = format_where(predicate)
    if not isinstance(predicate, Junction) or len(predicate.args) == 1:
        return text
    binds_tighter = outer == "or" and predicate.op == "and"
    return text if binds_tighter else f"({text})"


def _format_comparison(comparison: Comparison) -> str:
    column = _format_column(comparison.field)
    if comparison.value is None:
        return f"{column} is null"
    if isinstance(comparison.value, tuple):
        word = "in" if comparison.op == "in" else "not in"
        return f"{column} {word} ({', '.join(_format_literal(each) for each in comparison.value)})"
    return f"{column} {_SYMBOLS[comparison.op]} {_format_literal(comparison.value)}"


def _format_column(name: str) -> str:
    if _BARE_COLUMN.fullmatch(name) and name.lower() not in _KEYWORDS:
        return name
    return "`" + name.replace("`", "``") + "`"


def _format_literal(literal: FilterLiteral) -> str:
    if literal.type == "string":
        return '"' + str(literal.value).replace('"', '""') + '"'
    if literal.type == "boolean":
        return "true" if literal.value else "false"
    if literal.type == "integer":
        return str(literal.value)
    text = str(literal.value)
    if literal.type == "decimal":
        written = text if _DECIMAL.fullmatch(text) else ""
    else:
        moment = _moment(text, 0)
        written = text if moment.type == literal.type else ""
    if not written:
        raise _error(f"{text[:80]!r} cannot be written as a {literal.type}")
    return written


class _Parser:
    """Recursive descent over the tokens; `nesting` bounds the recursion."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def where(self, nesting: int) -> Predicate:
        return self._junction("or", nesting)

    def end(self) -> None:
        if self._token.kind != "end":
            self._fail("'and', 'or' or the end")

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += 1
        return token

    def _took(self, keyword_or_symbol: str) -> bool:
        token = self._token
        matches = keyword_or_symbol in (token.keyword, token.text if token.kind == "symbol" else "")
        self._next += matches
        return matches

    def _expect(self, symbol: str) -> None:
        if not self._took(symbol):
            self._fail(repr(symbol))

    def _junction(self, op: Literal["and", "or"], nesting: int) -> Predicate:
        parts = [self._conjunct(op, nesting)]
        while self._took(op):
            parts.append(self._conjunct(op, nesting))
        return parts[0] if len(parts) == 1 else Junction(op=op, args=tuple(parts))

    def _conjunct(self, op: Literal["and", "or"], nesting: int) -> Predicate:
        return self._junction("and", nesting) if op == "or" else self._negation(nesting)

    def _negation(self, nesting: int) -> Predicate:
        if nesting > MAX_NESTING:
            raise _error(f"at most {MAX_NESTING} levels of nesting", self._token.position)
        if self._took("not"):
            return Negation(op="not", arg=self._negation(nesting + 1))
        if self._took("("):
            inner = self.where(nesting + 1)
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        column = self._column()
        if self._took("is"):
            negated = self._took("not")
            self._expect("null")
            missing = Comparison(op="is_null", field=column, value=None)
            return Negation(op="not", arg=missing) if negated else missing
        if self._took("not"):
            self._expect("in")
            return Comparison(op="not_in", field=column, value=self._literals())
        if self._took("in"):
            return Comparison(op="in", field=column, value=self._literals())
        token = self._token
        if token.kind != "symbol" or token.text not in _OPERATORS:
            self._fail("one of = != < <= > >= in is")
        self._take()
        op = cast("Literal['eq', 'neq', 'lt', 'lteq', 'gt', 'gteq']", _OPERATORS[token.text])
        return Comparison(op=op, field=column, value=self._literal())

    def _column(self) -> str:
        token = self._token
        if len(token.text) > MAX_COLUMN_LENGTH:
            raise _error(f"a column has at most {MAX_COLUMN_LENGTH} characters", token.position)
        if token.kind == "word" and not token.keyword:
            return self._take().text
        if token.kind == "quoted" and len(token.text) > 2:
            return self._take().text[1:-1].replace("``", "`")
        hint = "a column name is written bare or in `backticks`" if token.kind == "string" else ""
        return self._fail("a column name", hint)

    def _literals(self) -> tuple[FilterLiteral, ...]:
        self._expect("(")
        literals = [self._literal()]
        while self._took(","):
            literals.append(self._literal())
        self._expect(")")
        return tuple(literals)

    def _literal(self) -> FilterLiteral:
        token = self._token
        if token.keyword in ("true", "false"):
            literal = FilterLiteral(type="boolean", value=token.keyword == "true")
        elif token.kind == "string":
            quote = token.text[0]
            text = token.text[1:-1].replace(quote * 2, quote)
            literal = FilterLiteral(type="string", value=text)
        elif token.kind == "integer":
            literal = FilterLiteral(type="integer", value=_integer(token))
        elif token.kind == "decimal":
            literal = FilterLiteral(type="decimal", value=token.text)
        elif token.kind == "moment":
            literal = _moment(token.text, token.position)
        else:
            hint = ""
            if token.keyword == "null":
                hint = "write 'is null' or 'is not null'"
            elif token.kind in ("word", "quoted"):
                hint = f'text is written in quotes: "{token.text[:40]}"'
            return self._fail("a literal", hint)
        self._take()
        return literal

    def _fail(self, expected: str, hint: str = "") -> NoReturn:
        token = self._token
        found = "the end" if token.kind == "end" else repr(token.text[:40])
        elsewhere = _SPELLED_ELSEWHERE.get(token.text)
        if elsewhere and not hint:
            hint = f"write {elsewhere!r} instead of {token.text!r}"
        raise _error(f"expected {expected}, found {found}", token.position, hint)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        kind = cast("str", match.lastgroup)
        if kind != "space":
            tokens.append(_Token(kind, match.group(), position + 1))
        position = match.end()
    tokens.append(_Token("end", "", len(text) + 1))
    return tokens


def _unreadable(text: str, position: int) -> PolicyError:
    character = text[position]
    if character in "\"'`":
        return _error(f"the quote {character} is never closed", position + 1)
    return _error(f"cannot read {text[position : position + 20]!r}", position + 1)


def _integer(token: _Token) -> int:
    # The comparison of lengths comes first because int() refuses texts of thousands of digits.
    value = int(token.text) if len(token.text) <= 20 else MAX_INTEGER + 1
    if abs(value) > MAX_INTEGER:
        raise _error(f"an integer lies within +-{MAX_INTEGER}", token.position)
    return value


def _moment(text: str, position: int) -> FilterLiteral:
    try:
        if len(text) == len("2027-01-31"):
            return FilterLiteral(type="date", value=date.fromisoformat(text).isoformat())
        moment = datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            raise _error(
                f"a time needs a zone, found {text!r}", position, f"write {text}Z or {text}+08:00"
            )
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _error(f"{text[:40]!r} is not a date or time", position) from error
    return FilterLiteral(type="dateTime", value=moment.isoformat().replace("+00:00", "Z"))


def _error(message: str, position: int = 0, hint: str = "") -> PolicyError:
    where = f"row filter, position {position}: " if position else "row filter: "
    return PolicyError(where + message, code="policy.where", hint=hint)
