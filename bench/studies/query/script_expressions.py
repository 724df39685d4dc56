"""The expressions of pgbench's `\\set`: integer arithmetic and random numbers.

https://www.postgresql.org/docs/current/pgbench.html#PGBENCH-BUILTIN-FUNCTIONS
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

Number = int | float
Variables = Mapping[str, Number]

_NAME = re.compile(r"(?<![:\w]):(\w+)")
_LEAST_GAUSSIAN = 2.0


class ExpressionError(Exception):
    """An expression that is not pgbench's, or that this project does not know."""


@dataclass(frozen=True)
class Expression:
    """An expression, parsed once."""

    tree: ast.expr

    @classmethod
    def parse(cls, text: str) -> "Expression":
        """Return the expression. Raises `ExpressionError`."""
        try:
            tree = ast.parse(_NAME.sub(r"_\1", text.strip()), mode="eval").body
        except SyntaxError:
            raise ExpressionError(f"{text.strip()!r:.60} cannot be read") from None
        _check(tree)
        return cls(tree)

    @property
    def names(self) -> set[str]:
        """The variables that it reads."""
        known = (node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))
        return {name[1:] for name in known if name[0] == "_"}

    def value(self, variables: Variables, random: Random) -> Number:
        """Return its value. Raises `ExpressionError` for a division by zero and a bad range."""
        try:
            return _value(self.tree, variables, random)
        except ZeroDivisionError:
            raise ExpressionError("it divides by zero") from None


def _check(node: ast.expr) -> None:
    """Raise `ExpressionError` for anything but numbers, variables, arithmetic and functions."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        _check(node.left)
        _check(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        _check(node.operand)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id not in _FUNCTIONS:
            raise ExpressionError(f"the function {node.func.id} is not known here")
        for argument in node.args:
            _check(argument)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        pass
    elif not (isinstance(node, ast.Name) and node.id.startswith("_")):
        raise ExpressionError(f"{ast.unparse(node)!r:.60} is no number, variable or function")


def _value(node: ast.expr, variables: Variables, random: Random) -> Number:
    if isinstance(node, ast.Constant):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.Name):
        return variables[node.id[1:]]
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, variables, random)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left = _value(node.left, variables, random)
        return _OPERATORS[type(node.op)](left, _value(node.right, variables, random))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    arguments = [_value(argument, variables, random) for argument in node.args]
    try:
        return _FUNCTIONS[node.func.id](random, *arguments)
    except TypeError:
        raise ExpressionError(f"{node.func.id} takes another number of arguments") from None


def _divided(left: Number, right: Number) -> Number:
    """Divide as C does: integers towards zero."""
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return float(left / right)


def _remainder(left: Number, right: Number) -> Number:
    return int(left) - int(right) * int(_divided(int(left), int(right)))


_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Number]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: _divided,
    ast.Mod: _remainder,
}


def _range(low: Number, high: Number) -> tuple[int, int]:
    if low > high:
        raise ExpressionError(f"the range from {low} to {high} is empty")
    return int(low), int(high)


def _uniform(random: Random, low: Number, high: Number) -> int:
    return random.randint(*_range(low, high))


def _gaussian(random: Random, low: Number, high: Number, parameter: Number) -> int:
    """Draw as pgbench's getGaussianRand: a normal deviate cut at +-parameter, scaled to the range.

    https://github.com/postgres/postgres/blob/REL_17_STABLE/src/bin/pgbench/pgbench.c
    """
    first, last = _range(low, high)
    if parameter < _LEAST_GAUSSIAN:
        raise ExpressionError(f"random_gaussian needs a parameter of at least {_LEAST_GAUSSIAN:g}")
    deviate = random.gauss(0, 1)
    while not -parameter <= deviate < parameter:
        deviate = random.gauss(0, 1)
    return first + int((last - first + 1) * (deviate + parameter) / (parameter * 2))


def _exponential(random: Random, low: Number, high: Number, parameter: Number) -> int:
    """Draw as pgbench's getExponentialRand."""
    first, last = _range(low, high)
    if parameter <= 0:
        raise ExpressionError("random_exponential needs a parameter above 0")
    cut = math.exp(-parameter)
    share = -math.log(cut + (1 - cut) * (1 - random.random())) / parameter
    return first + min(last - first, int((last - first + 1) * share))


def _zipfian(random: Random, low: Number, high: Number, parameter: Number) -> int:
    """Draw as pgbench's computeIterativeZipfian (Devroye 1986, page 550)."""
    first, last = _range(low, high)
    if not 1.001 <= parameter <= 1000:
        raise ExpressionError("random_zipfian needs a parameter from 1.001 to 1000")
    amount, power = last - first + 1, parameter - 1
    base = 2.0**power
    while True:
        # 1 - random() is never 0.
        place: int = math.floor((1 - random.random()) ** (-1 / power))
        if place > amount:
            continue
        height = (1 + 1 / place) ** power
        if random.random() * place * (height - 1) / (base - 1) <= height / base:
            return first - 1 + place


_FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "random": _uniform,
    "random_gaussian": _gaussian,
    "random_exponential": _exponential,
    "random_zipfian": _zipfian,
    "abs": lambda _, value: abs(value),
    "int": lambda _, value: int(value),
    "double": lambda _, value: float(value),
    "sqrt": lambda _, value: math.sqrt(value),
    "mod": lambda _, left, right: _remainder(left, right),
    "least": lambda _, *values: min(values),
    "greatest": lambda _, *values: max(values),
}
