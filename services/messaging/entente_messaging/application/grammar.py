"""What a template may be made of: merge fields of a type, conditions, loops over lists, and a few filters.

Everything that is not named here is refused: calls, attributes, arithmetic, and with them every way to run code, to
reach something else, or to fill the memory with a few letters.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from jinja2 import nodes

from entente_messaging.domain.moments import FieldType, MergeField

_LISTS = {FieldType.WORDS, FieldType.LINES}
_TEXTS = {FieldType.TEXT, FieldType.URL, FieldType.WORD}
_EQUAL = {"eq", "ne"}

# name -> (types that it takes, type that it gives, what it does)
FILTERS: dict[str, tuple[set[FieldType], FieldType, Callable[[Any], Any]]] = {
    "capitalize": (_TEXTS, FieldType.TEXT, lambda text: text[:1].upper() + text[1:]),
    "count": (_LISTS, FieldType.NUMBER, len),
    "lower": (_TEXTS, FieldType.TEXT, str.lower),
    "title": (_TEXTS, FieldType.TEXT, str.title),
    "trim": (_TEXTS, FieldType.TEXT, str.strip),
    "upper": (_TEXTS, FieldType.TEXT, str.upper),
}
FUNCTIONS = {name: function for name, (_, _, function) in FILTERS.items()}


class Problem(NamedTuple):
    """What is wrong with a template."""

    line: int
    what: str
    reason: str = "INVALID"


def problems(template: nodes.Template, fields: Mapping[str, MergeField]) -> list[Problem]:
    """All that is wrong with a template, in order."""
    known = {name: field.type for name, field in fields.items()}
    return list(dict.fromkeys(found for node in template.body for found in _statement(node, known, in_loop=False)))


def _statement(node: nodes.Node, known: Mapping[str, FieldType], *, in_loop: bool) -> Iterator[Problem]:
    if isinstance(node, nodes.Output):
        for part in node.nodes:
            if not isinstance(part, nodes.TemplateData):
                yield from _expression(part, known)[1]
    elif isinstance(node, nodes.If):
        yield from _expression(node.test, known)[1]
        for inner in (*node.body, *node.elif_, *node.else_):
            yield from _statement(inner, known, in_loop=in_loop)
    elif isinstance(node, nodes.For):
        yield from _loop(node, known, in_loop=in_loop)
    else:
        yield _refused(node)


def _loop(node: nodes.For, known: Mapping[str, FieldType], *, in_loop: bool) -> Iterator[Problem]:
    if in_loop:
        yield Problem(node.lineno, "a loop in a loop is not allowed")
        return
    type_, found = _expression(node.iter, known)
    yield from found
    if not found and type_ not in _LISTS:
        yield Problem(node.lineno, "a loop goes over a list, and this is none", "TYPE")
    if node.recursive or node.test or not isinstance(node.target, nodes.Name):
        yield Problem(node.lineno, "a loop is written {% for one in list %}, and nothing more")
        return
    inner = {**known, node.target.name: FieldType.TEXT}
    for statement in node.body:
        yield from _statement(statement, inner, in_loop=True)
    for statement in node.else_:
        yield from _statement(statement, known, in_loop=in_loop)


def _expression(node: nodes.Node, known: Mapping[str, FieldType]) -> tuple[FieldType | None, list[Problem]]:
    """The type of an expression, if it has one, and what is wrong with it."""
    if isinstance(node, nodes.Name):
        return _name(node, known)
    if isinstance(node, nodes.Const):
        return _constant(node)
    if isinstance(node, nodes.Filter):
        return _filtered(node, known)
    if isinstance(node, nodes.Not):
        return None, _expression(node.node, known)[1]
    if isinstance(node, nodes.And | nodes.Or):
        left, right = _expression(node.left, known), _expression(node.right, known)
        return left[0] if left[0] is right[0] else None, left[1] + right[1]
    if isinstance(node, nodes.Compare):
        return _comparison(node, known)
    return None, [_refused(node)]


def _name(node: nodes.Name, known: Mapping[str, FieldType]) -> tuple[FieldType | None, list[Problem]]:
    if node.name in known:
        return known[node.name], []
    what = f"{{{{ {node.name} }}}} is not known here; there are {', '.join(sorted(known))}"
    return None, [Problem(node.lineno, what, "UNKNOWN_FIELD")]


def _constant(node: nodes.Const) -> tuple[FieldType | None, list[Problem]]:
    if isinstance(node.value, str):
        return FieldType.TEXT, []
    return (FieldType.NUMBER if type(node.value) in (int, float) else None), []


def _filtered(node: nodes.Filter, known: Mapping[str, FieldType]) -> tuple[FieldType | None, list[Problem]]:
    if node.node is None or node.name not in FILTERS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        what = f"the filter {node.name} cannot be used so; there are {', '.join(sorted(FILTERS))}, without arguments"
        return None, [Problem(node.lineno, what, "UNKNOWN_FILTER")]
    takes, gives, _ = FILTERS[node.name]
    type_, found = _expression(node.node, known)
    if not found and type_ not in takes:
        found = [Problem(node.lineno, f"the filter {node.name} is not for a {type_ or 'condition'}", "TYPE")]
    return gives, found


def _comparison(node: nodes.Compare, known: Mapping[str, FieldType]) -> tuple[None, list[Problem]]:
    left, found = _expression(node.expr, known)
    for operand in node.ops:
        right, wrong = _expression(operand.expr, known)
        found = found + wrong
        if wrong or found:
            continue
        numbers = left is right is FieldType.NUMBER
        texts = operand.op in _EQUAL and left in _TEXTS and right in _TEXTS
        if operand.op in ("in", "notin") or not (numbers or texts):
            what = f"a {left or 'condition'} cannot be compared with a {right or 'condition'} in this way"
            found = [*found, Problem(node.lineno, what, "TYPE")]
    return None, found


def _refused(node: nodes.Node) -> Problem:
    return Problem(node.lineno, "may use merge fields, conditions, loops over lists and filters, and nothing else")
