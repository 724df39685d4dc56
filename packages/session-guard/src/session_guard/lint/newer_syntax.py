"""Newer syntax than the running Python's, rewritten in older syntax. Needs libcst.

libcst has a parser of its own, which knows the syntax of Python 3.0 to 3.14 on any running Python
(https://libcst.readthedocs.io/en/latest/#what-is-libcst), and keeps every line in its place. It
takes seven times as long as the standard library's parser, so it reads only text that the standard
parser refuses.
"""

from collections.abc import Sequence

import libcst


def in_older_syntax(source: str) -> str | None:
    """Return the source with its lines kept; None where libcst can't read it either."""
    try:
        older: str = libcst.parse_module(source).visit(_Older()).code
    except Exception:  # libcst's native parser raises errors of several kinds, also SystemError
        return None
    return older


class _Older(libcst.CSTTransformer):
    """Leaves out type parameters, and writes other new syntax in the form of Python 3.11."""

    def leave_FunctionDef(  # noqa: N802
        self, original_node: libcst.FunctionDef, updated_node: libcst.FunctionDef
    ) -> libcst.FunctionDef:
        return updated_node.with_changes(type_parameters=None)

    def leave_ClassDef(  # noqa: N802
        self, original_node: libcst.ClassDef, updated_node: libcst.ClassDef
    ) -> libcst.ClassDef:
        return updated_node.with_changes(type_parameters=None)

    def leave_TypeAlias(  # noqa: N802
        self, original_node: libcst.TypeAlias, updated_node: libcst.TypeAlias
    ) -> libcst.Assign:
        return libcst.Assign([libcst.AssignTarget(updated_node.name)], updated_node.value)

    def leave_FormattedString(  # noqa: N802
        self, original_node: libcst.FormattedString, updated_node: libcst.FormattedString
    ) -> libcst.BaseExpression:
        return _expressions(original_node, updated_node.parts)

    def leave_TemplatedString(  # noqa: N802
        self, original_node: libcst.TemplatedString, updated_node: libcst.TemplatedString
    ) -> libcst.BaseExpression:
        return _expressions(original_node, updated_node.parts)

    def visit_ConcatenatedString(self, node: libcst.ConcatenatedString) -> bool:  # noqa: N802
        return False  # its parts can't become tuples: the whole string becomes one

    def leave_ConcatenatedString(  # noqa: N802
        self,
        original_node: libcst.ConcatenatedString,
        updated_node: libcst.ConcatenatedString,
    ) -> libcst.BaseExpression:
        parts: list[libcst.CSTNode] = []
        rest: libcst.BaseExpression = updated_node
        while isinstance(rest, libcst.ConcatenatedString):
            parts += _parts(rest.left)
            rest = rest.right
        parts += _parts(rest)
        visited = [part.visit(self) for part in parts]
        kept = [part for part in visited if isinstance(part, libcst.CSTNode)]
        return _expressions(original_node, kept) if parts else updated_node

    def leave_ExceptHandler(  # noqa: N802
        self, original_node: libcst.ExceptHandler, updated_node: libcst.ExceptHandler
    ) -> libcst.ExceptHandler:
        kind = updated_node.type
        if isinstance(kind, libcst.Tuple) and not kind.lpar:
            bracketed = kind.with_changes(
                lpar=[libcst.LeftParen()],
                rpar=[libcst.RightParen()],
            )
            return updated_node.with_changes(type=bracketed)
        return updated_node


def _parts(string: libcst.BaseExpression) -> Sequence[libcst.CSTNode]:
    formatted = libcst.FormattedString | libcst.TemplatedString
    return string.parts if isinstance(string, formatted) else ()


def _expressions(
    original: libcst.BaseExpression, parts: Sequence[libcst.CSTNode]
) -> libcst.BaseExpression:
    """Return the expressions of a string as a tuple of as many lines as the string has."""
    elements = [
        libcst.Element(part.expression)
        for part in parts
        if isinstance(part, libcst.FormattedStringExpression | libcst.TemplatedStringExpression)
    ]
    new = libcst.Tuple(elements) if elements else libcst.SimpleString("''")
    missing = _lines(original) - sum(_lines(element.value) for element in elements)
    space: libcst.BaseParenthesizableWhitespace = libcst.SimpleWhitespace("")
    if missing > 0:
        space = libcst.ParenthesizedWhitespace(
            empty_lines=[libcst.EmptyLine(indent=False) for _ in range(missing - 1)]
        )
    brackets = [libcst.LeftParen(whitespace_after=space)]
    return new.with_changes(lpar=brackets, rpar=[libcst.RightParen()])


def _lines(node: libcst.CSTNode) -> int:
    return libcst.Module([]).code_for_node(node).count("\n")
