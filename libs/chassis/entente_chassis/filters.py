"""Filters of list calls, written as AIP-160 has them: `state = OVERDUE AND (platform = TIKTOK OR fit >= 60)`.

The language is the part of https://google.aip.dev/160 that a database can answer: comparisons of named fields with
values, AND, OR (which binds tighter than AND, as there), NOT or "-", parentheses. What it leaves out it refuses: words
without a field, functions, and wildcards.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from entente_chassis.refusal import Invalid, Violation
from entente_chassis.store.model import Where

_GRAMMAR = r"""
    all_of: any_of ("AND" any_of)*
    any_of: factor ("OR" factor)*
    ?factor: comparison | "(" all_of ")" | negated
    negated: ("NOT" | "-") factor
    comparison: FIELD OPERATOR (QUOTED | BARE)
    FIELD: /[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*/
    OPERATOR: "!=" | "<=" | ">=" | "=" | "<" | ">" | ":"
    QUOTED: /"([^"\\]|\\.)*"/
    BARE: /[^\s()"]+/
    %ignore /\s+/
"""
_OPERATORS = {"!=": "$ne", "<=": "$lte", ">=": "$gte", "<": "$lt", ">": "$gt"}
_LONGEST = 2_000
_MOST_TERMS = 50
_DEEPEST = 60  # Steps of the tree; parentheses take three, NOT takes one.


@dataclass(frozen=True)
class Filterable:
    """A field that may stand in a filter.

    Args:
        path: where it is in the state.
        read: makes the value that is compared; raises ValueError, whose text says what is wanted instead.
        ordered: whether <, <=, > and >= mean something.
    """

    path: str
    read: Callable[[str], Any]
    ordered: bool = False


def text(path: str) -> Filterable:
    """A field of text, compared whole."""
    return Filterable(path, str)


def one_of(path: str, values: Mapping[str, Any]) -> Filterable:
    """A field with named values.

    Args:
        path: where it is in the state.
        values: name in the filter -> value in the state.
    """

    def read(word: str) -> Any:
        if word not in values:
            raise ValueError(f"one of {', '.join(values)}")
        return values[word]

    return Filterable(path, read)


def flag(path: str) -> Filterable:
    """A field that is true or false."""
    return one_of(path, {"true": True, "false": False})


def number(path: str, *, per: int = 1) -> Filterable:
    """A field with a number.

    Args:
        path: where it is in the state.
        per: how much of the state's unit is one of the filter's, such as 100 for a state in hundredths.
    """

    def read(word: str) -> int:
        try:
            value = Decimal(word) * per
        except InvalidOperation:
            raise ValueError("a number") from None
        if not value.is_finite() or value != value.to_integral_value() or abs(value) >= 2**63:
            raise ValueError(f"a number in steps of 1/{per}" if per > 1 else "a whole number of 64 bits")
        return int(value)

    return Filterable(path, read, ordered=True)


def moment(path: str) -> Filterable:
    """A field with a moment, written as RFC 3339: "2026-03-01T09:00:00Z"."""

    def read(word: str) -> datetime:
        try:
            value = datetime.fromisoformat(word)
        except ValueError:
            raise ValueError('a moment such as "2026-03-01T09:00:00Z"') from None
        if value.tzinfo is None:
            raise ValueError('a moment with its zone, such as "2026-03-01T09:00:00Z"')
        return value.astimezone(UTC)

    return Filterable(path, read, ordered=True)


def parse_filter(expression: str, fields: Mapping[str, Filterable]) -> Where:
    """What a filter asks of the store.

    Args:
        expression: the filter; "" asks nothing.
        fields: what may stand in it, by name.

    Raises:
        Invalid: it cannot be read, names what is not there, or compares with what is no value of the field; all that is
            wrong is named at once.
    """
    if not expression.strip():
        return {}
    if len(expression) > _LONGEST:
        raise _invalid([f"is {len(expression)} characters long; at most {_LONGEST} are taken"])
    try:
        tree = _parser().parse(expression)
    except UnexpectedInput as error:
        raise _invalid([_where_it_ends(expression, error)]) from error
    comparisons = list(tree.find_data("comparison"))
    if len(comparisons) > _MOST_TERMS:
        raise _invalid([f"has {len(comparisons)} comparisons; at most {_MOST_TERMS} are taken"])
    problems: list[str] = []
    where = _where(tree, fields, problems)
    if problems:
        raise _invalid(problems)
    return where


def parse_order(order_by: str, fields: Mapping[str, str], default: str) -> str:
    """The store's order for an `order_by` of AIP-132 with one field: "due_time" or "due_time desc".

    Args:
        order_by: as the caller wrote it; "" for the default.
        fields: name -> path in the state.
        default: the store's order without one.

    Raises:
        Invalid: it names what one cannot order by.
    """
    if not order_by.strip():
        return default
    name, _, direction = order_by.strip().partition(" ")
    if name not in fields or direction.strip() not in ("", "asc", "desc"):
        description = f'must be one of {", ".join(fields)}, with " desc" after it for the reverse'
        raise Invalid("ORDER_INVALID", f"order_by {description}.", violations=[Violation("order_by", description)])
    return f"-{fields[name]}" if direction.strip() == "desc" else fields[name]


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, start="all_of", parser="lalr")


def _where(tree: "Tree[Token]", fields: Mapping[str, Filterable], problems: list[str], depth: int = 0) -> Where:
    if depth > _DEEPEST:
        raise _invalid(["nests too deeply: 15 levels of parentheses and NOT are enough for any question"])
    if tree.data == "comparison":
        return _comparison(*(str(token) for token in tree.children), fields=fields, problems=problems)
    parts = [_where(cast("Tree[Token]", child), fields, problems, depth + 1) for child in tree.children]
    if tree.data == "negated":
        return {"$nor": parts}
    if len(parts) == 1:
        return parts[0]
    return {"$and" if tree.data == "all_of" else "$or": parts}


def _comparison(name: str, operator: str, word: str, *, fields: Mapping[str, Filterable], problems: list[str]) -> Where:
    field = fields.get(name)
    if field is None:
        near = difflib.get_close_matches(name, fields, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        problems.append(f"names {name}, which is none of {', '.join(sorted(fields))}{hint}")
        return {}
    if word.startswith('"'):
        word = word[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if operator in ("<", "<=", ">", ">=") and not field.ordered:
        problems.append(f"compares {name} by {operator}; only = and != are known for it")
        return {}
    try:
        value = field.read(word)
    except ValueError as error:
        problems.append(f"compares {name} with {word!r}; it needs {error}")
        return {}
    return {field.path: {_OPERATORS[operator]: value} if operator in _OPERATORS else value}


def _where_it_ends(expression: str, error: UnexpectedInput) -> str:
    place = error.pos_in_stream
    if place is None or (isinstance(error, UnexpectedToken) and error.token.type == "$END"):
        return "ends too early: write field = value, joined by AND or OR"
    rest = expression[place : place + 20]
    return f"cannot be read from character {place + 1} on ({rest!r}): write field = value, joined by AND or OR"


def _invalid(problems: list[str]) -> Invalid:
    return Invalid(
        "FILTER_INVALID",
        f"The filter {'; it '.join(problems)}.",
        violations=[Violation("filter", problem) for problem in problems],
    )
