"""The expressions of pgbench's `\\set` and `\\if`: parsed once, without any code of Python.

https://www.postgresql.org/docs/current/pgbench.html#PGBENCH-BUILTIN-OPERATORS
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from bench.studies.query.script_functions import (
    DEFAULT_SEED,
    FUNCTIONS,
    SEEDED,
    ExpressionError,
    Number,
    Value,
    double,
    in_range,
    integer,
    remainder,
)

__all__ = ["Expression", "ExpressionError", "Number", "Value", "true"]

Variables = Mapping[str, Value]
_Node = Callable[[Variables, Random], Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|:(?P<variable>\w+)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign><=|>=|<>|!=|<<|>>|[-+*/%|&\#~<>=(),]))"
)
_LEVELS = (
    {"or"},
    {"and"},
    {"<", ">", "=", "<=", ">=", "<>", "!="},
    {"|", "#", "&", "<<", ">>"},
    {"+", "-"},
    {"*", "/", "%"},
)
"""The operators of two values, from the weakest: pgbench's exprparse.y."""
_AND, _COMPARISON = 1, 2
_DEEPEST = 100


def true(value: Value) -> bool:
    """Return whether `\\if` and CASE take a value as true: numbers other than 0 are."""
    return bool(value)


@dataclass(frozen=True)
class Expression:
    """An expression, parsed once."""

    names: frozenset[str]
    """The variables that it reads."""
    node: _Node

    @classmethod
    def parse(cls, text: str) -> "Expression":
        """Return the expression. Raises `ExpressionError`."""
        parser = _Parser(text.strip())
        node = parser.operators(0)
        if parser.token:
            raise parser.unreadable()
        return cls(frozenset(parser.names), node)

    def value(self, variables: Variables, random: Random) -> Value:
        """Return its value. Raises `ExpressionError` for a division by zero and a bad range."""
        try:
            return self.node(variables, random)
        except ZeroDivisionError:
            raise ExpressionError("it divides by zero") from None


class _Parser:
    """A parser by precedence. `token` is the next one, in small letters; empty at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._match: re.Match[str] | None = None
        self.names: set[str] = set()
        self.token = ""
        self._next()

    def _next(self) -> None:
        self._match = _TOKEN.match(self._text, self._at)
        if self._match is None and self._text[self._at :].strip():
            raise self.unreadable()
        self.token = self._match[0].strip().lower() if self._match else ""
        self._at = self._match.end() if self._match else len(self._text)

    def unreadable(self) -> ExpressionError:
        """Return the error for text that is no expression."""
        return ExpressionError(f"{self._text!r:.60} cannot be read")

    def _take(self, *tokens: str) -> bool:
        if self.token and self.token in tokens:
            self._next()
            return True
        return False

    def _need(self, token: str) -> None:
        if not self._take(token):
            raise self.unreadable()

    def operators(self, level: int) -> _Node:
        """Return an expression of operators of this level, and of stronger ones."""
        if level == len(_LEVELS):
            return self._unary()
        if level == _COMPARISON and self._take("not"):  # weaker than comparisons
            return _negated(self.operators(level))
        left = self.operators(level + 1)
        while True:
            if level == _COMPARISON and self.token in ("is", "isnull", "notnull"):
                left = self._is(left)
            elif self.token in _LEVELS[level]:
                sign = self.token
                self._next()
                left = _binary(sign, left, self.operators(level + 1))
            else:
                return left

    def _is(self, left: _Node) -> _Node:
        if self._take("isnull"):
            return lambda variables, random: left(variables, random) is None
        if self._take("notnull"):
            return lambda variables, random: left(variables, random) is not None
        self._need("is")
        wanted = not self._take("not")
        if self.token not in _CONSTANTS:
            raise self.unreadable()
        right = _CONSTANTS[self.token]
        self._next()
        return lambda variables, random: (left(variables, random) is right) is wanted

    def _unary(self) -> _Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExpressionError("it is nested too deeply")
        try:
            if self._take("-"):
                value = self._unary()
                return _binary("-", lambda variables, random: 0, value)
            if self._take("+"):
                return self._unary()
            if self._take("~"):
                value = self._unary()
                return _binary("#", lambda variables, random: -1, value)
            return self._primary()
        finally:
            self._depth -= 1

    def _primary(self) -> _Node:
        found = self._match
        if found is None:
            raise self.unreadable()
        if self._take("("):
            inner = self.operators(0)
            self._need(")")
            return inner
        if found["number"]:
            self._next()
            return _constant(_number(found["number"]))
        if name := found["variable"]:
            self._next()
            self.names.add(name)
            return lambda variables, random: variables[name]
        if self.token in _CONSTANTS:
            value = _CONSTANTS[self.token]
            self._next()
            return _constant(value)
        if self._take("case"):
            return self._case()
        if found["word"]:
            word = self.token
            self._next()
            return self._call(word)
        raise self.unreadable()

    def _case(self) -> _Node:
        branches: list[tuple[_Node, _Node]] = []
        while self._take("when"):
            condition = self.operators(0)
            self._need("then")
            branches.append((condition, self.operators(0)))
        otherwise = self.operators(0) if self._take("else") else _constant(None)
        self._need("end")
        if not branches:
            raise self.unreadable()

        def chosen(variables: Variables, random: Random) -> Value:
            for condition, value in branches:
                if true(condition(variables, random)):
                    return value(variables, random)
            return otherwise(variables, random)

        return chosen

    def _call(self, name: str) -> _Node:
        if name not in FUNCTIONS:
            raise ExpressionError(f"the function {name:.30} is not known here")
        self._need("(")
        arguments: list[_Node] = []
        if not self._take(")"):
            arguments.append(self.operators(0))
            while self._take(","):
                arguments.append(self.operators(0))
            self._need(")")
        if len(arguments) == SEEDED.get(name):
            self.names.add(DEFAULT_SEED)
            arguments.append(lambda variables, random: variables[DEFAULT_SEED])
        least, most, function = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise ExpressionError(f"{name} takes another number of arguments")

        def called(variables: Variables, random: Random) -> Value:
            values = [argument(variables, random) for argument in arguments]
            return None if None in values else function(random, *values)

        return called


_CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "null": None}


def _number(text: str) -> Number:
    return in_range(int(text)) if text.isdigit() else float(text)


def _constant(value: Value) -> _Node:
    return lambda variables, random: value


def _boolean(value: Value) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise ExpressionError(f"{value} is no boolean: compare it, as in :a <> 0")


def _negated(node: _Node) -> _Node:
    def negated(variables: Variables, random: Random) -> Value:
        value = _boolean(node(variables, random))
        return None if value is None else not value

    return negated


def _binary(sign: str, left: _Node, right: _Node) -> _Node:
    if sign in ("and", "or"):
        decides = sign == "or"

        def joined(variables: Variables, random: Random) -> Value:
            first = _boolean(left(variables, random))
            if first is decides or first is None:  # pgbench looks no further than NULL
                return first
            return _boolean(right(variables, random))

        return joined
    operator = _OPERATORS[sign]

    def computed(variables: Variables, random: Random) -> Value:
        first, second = left(variables, random), right(variables, random)
        if first is None or second is None:
            return None
        return operator(first, second)

    return computed


def _arithmetic(operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Value]:
    def computed(left: Any, right: Any) -> Value:
        if isinstance(left, float) or isinstance(right, float):
            return float(operator(double(left), double(right)))
        return in_range(operator(integer(left), integer(right)))

    return computed


def _compared(operator: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def computed(left: Any, right: Any) -> bool:
        kind = double if isinstance(left, float) or isinstance(right, float) else integer
        return operator(kind(left), kind(right))

    return computed


def _of_bits(operator: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    def computed(left: Any, right: Any) -> int:
        bits = operator(integer(left), integer(right)) & (2**64 - 1)
        return bits - 2**64 if bits >= 2**63 else bits

    return computed


def _divided(left: Number, right: Number) -> Number:
    """Divide as C does: integers towards zero."""
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


_OPERATORS: Mapping[str, Callable[[Any, Any], Value]] = {
    "+": _arithmetic(lambda left, right: left + right),
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(_divided),
    "%": lambda left, right: remainder(integer(left), integer(right)),
    "<": _compared(lambda left, right: left < right),
    ">": _compared(lambda left, right: left > right),
    "<=": _compared(lambda left, right: left <= right),
    ">=": _compared(lambda left, right: left >= right),
    "=": _compared(lambda left, right: left == right),
    "<>": _compared(lambda left, right: left != right),
    "!=": _compared(lambda left, right: left != right),
    "|": _of_bits(lambda left, right: left | right),
    "&": _of_bits(lambda left, right: left & right),
    "#": _of_bits(lambda left, right: left ^ right),
    "<<": _of_bits(lambda left, right: left << (right & 63)),
    ">>": _of_bits(lambda left, right: left >> (right & 63)),
}
