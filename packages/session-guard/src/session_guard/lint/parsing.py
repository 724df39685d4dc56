"""Parsing of source text to a syntax tree, also if it is for a newer Python."""

import ast
import io
import tokenize
import warnings
from dataclasses import dataclass


@dataclass(frozen=True)
class Parsed:
    """A syntax tree, and a warning if it does not contain the whole file."""

    tree: ast.Module
    warning: str = ""


def parse(source: str) -> Parsed:
    """Return the tree of a source text. Raises nothing for any text.

    If the running Python does not know the syntax, libcst (of `session-guard[lint]`) rewrites it in
    older syntax, line by line. Without libcst, or if libcst fails too, each statement that can't be
    read is left out, and the warning names its line.
    """
    try:
        return Parsed(_tree(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        reason = _reason(problem)
        may_be_newer = isinstance(problem, SyntaxError)
    older = _in_older_syntax(source) if may_be_newer else None
    if older is not None:
        try:
            return Parsed(_tree(older))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
            reason = _reason(problem)
    return _readable_statements(source, reason)


def _tree(source: str) -> ast.Module:
    with warnings.catch_warnings():
        # The lint does not report invalid escape sequences in the files that it reads.
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return ast.parse(source)


def _reason(problem: BaseException) -> str:
    line = f" at line {problem.lineno}" if isinstance(problem, SyntaxError) else ""
    return f"{problem.msg if isinstance(problem, SyntaxError) else problem}{line}"


def _in_older_syntax(source: str) -> str | None:
    try:
        from session_guard.lint.newer_syntax import in_older_syntax
    except ImportError:
        return None
    return in_older_syntax(source)


def _readable_statements(source: str, reason: str) -> Parsed:
    """Parse each statement of the outermost level separately."""
    body: list[ast.stmt] = []
    missing: list[int] = []
    for first, chunk in _chunks(source):
        try:
            tree = _tree(chunk)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            missing.append(first)
            continue
        body += [ast.increment_lineno(node, first - 1) for node in tree.body]
    if not body:
        return Parsed(ast.Module([], []), f"can't be read as Python: {reason}")
    lines = ", ".join(map(str, missing[:5])) + (" ..." if len(missing) > 5 else "")
    return Parsed(
        ast.Module(body, []),
        f"can't be read as a whole: {reason}; left out: what begins at line {lines}."
        " Newer syntax than the running Python's is read with: pip install session-guard[lint]",
    )


def _chunks(source: str) -> list[tuple[int, str]]:
    """Return the pieces that begin at a line without indentation, with the number of that line."""
    pieces: list[tuple[int, list[str]]] = []
    inner = _lines_within(source)
    continues = False
    for number, line in enumerate(source.splitlines(), 1):
        begins = bool(line.strip()) and line[0] not in " \t#)]}" and not continues
        if begins and number not in inner and not line.startswith(_CONTINUATIONS):
            pieces.append((number, [line]))
        elif pieces:
            pieces[-1][1].append(line)
        continues = line.startswith("@") or (continues and line.startswith("#"))
    return [(number, "\n".join(lines) + "\n") for number, lines in pieces]


_CONTINUATIONS = ("else:", "elif ", "except", "finally:")


def _lines_within(source: str) -> set[int]:
    """Return the lines that begin inside a token, as in a docstring of several lines."""
    inner: set[int] = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            inner.update(range(token.start[0] + 1, token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError):  # the tokens before the error are known
        pass
    return inner
