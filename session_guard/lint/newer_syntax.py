"""Newer syntax than the running Python's, rewritten in older syntax. Needs libcst.

libcst has a parser of its own, which knows the syntax of Python 3.0 to 3.14 whatever Python runs it
(https://libcst.readthedocs.io/en/latest/#what-is-libcst), and keeps every line where it was. It
takes seven times as long as the standard library's parser, so it reads only what that one refuses.
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
    """Leaves out type parameters, and writes what else is new in the way of Python 3.11."""

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
        return _calls(updated_node.parts)

    def leave_TemplatedString(  # noqa: N802
        self, original_node: libcst.TemplatedString, updated_node: libcst.TemplatedString
    ) -> libcst.BaseExpression:
        return _calls(updated_node.parts)

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


def _calls(parts: Sequence[libcst.CSTNode]) -> libcst.BaseExpression:
    """Return the expressions of a string as a tuple, which older grammars read in any case."""
    elements = [
        libcst.Element(part.expression)
        for part in parts
        if isinstance(part, libcst.FormattedStringExpression | libcst.TemplatedStringExpression)
    ]
    if not elements:
        return libcst.SimpleString("''")
    return libcst.Tuple(elements, lpar=[libcst.LeftParen()], rpar=[libcst.RightParen()])
