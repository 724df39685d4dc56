"""SQL text with parameters, and the form in which each kind of library takes it.

A statement names its parameters `$1`, `$2` as PostgreSQL does, or `:name` as SQLAlchemy does. A
parameter inside a string, a quoted name, a comment or a dollar-quoted text is no parameter.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bench.model.errors import UsageError

# https://www.postgresql.org/docs/current/sql-syntax-lexical.html
_TOKEN = re.compile(
    r"""
      (?P<quoted> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
                | \$(?P<tag>(?:[^\W\d]\w*)?)\$ .*? \$(?P=tag)\$ )
    | (?P<comment> --[^\n]* | /\* )
    | (?<![\w$]) \$(?P<number>\d+)
    | (?<![:\w]) :(?P<name>[^\W\d]\w*)
    | (?P<end> ; )
    | (?P<open> ['"] )
    | (?P<word> [^\W\d][\w$]* | \d\w* )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)

# As sqlalchemy.sql.compiler finds parameters in text().
_SQLALCHEMYS = re.compile(r"(?<![:\w\\]):([\w$]+)(?![:\w$])")

# NUL, which PostgreSQL takes for the end, and what Python makes of a byte that is not UTF-8.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

_GIVES_ROWS = ("SELECT", "WITH", "VALUES", "TABLE")
_MOST_PARAMETERS = 65_535  # the protocol counts them in 16 bits


@dataclass(frozen=True)
class SqlText:
    """One statement, cut at its parameters."""

    pieces: tuple[str | int, ...]
    """Text, or the place of a parameter in `parameters`."""
    parameters: tuple[str, ...]
    """The name of each parameter, in the order of its arguments: `$1`, or `:name`."""

    @classmethod
    def parse(cls, text: str, *, only_reads: bool = True) -> Self:
        """Return the statement. A semicolon at its end is left out.

        Raises `UsageError` for no statement or several, for text that is not ended, for both kinds
        of parameters, for a gap in the numbers of `$1`, `$2`, and, if `only_reads`, for a statement
        that begins with another word than those of reads.
        """
        pieces = _pieces(text)
        numbers = {piece for piece in pieces if isinstance(piece, int)}
        names = dict.fromkeys(piece.name for piece in pieces if isinstance(piece, _Named))
        if numbers and names:
            raise UsageError(
                f"the statement has both ${min(numbers)} and :{next(iter(names))}.\n"
                "Name all parameters in one way: $1, $2, or :name."
            )
        if missing := set(range(1, max(numbers, default=0) + 1)) - numbers:
            raise UsageError(
                f"the statement has ${max(numbers)}, but no ${min(missing)}.\n"
                "Number the parameters from $1 on, without a gap."
            )
        places = {name: place for place, name in enumerate(names)}
        cut = tuple(
            piece - 1
            if isinstance(piece, int)
            else places[piece.name]
            if isinstance(piece, _Named)
            else piece
            for piece in pieces
        )
        named = tuple(f":{name}" for name in names)
        statement = cls(cut, named or tuple(f"${number}" for number in sorted(numbers)))
        if only_reads and statement.verb not in _GIVES_ROWS:
            raise UsageError(
                f"the statement begins with {statement.verb or 'no word'}: bench query measures"
                " statements that read rows.\n" + _instead(statement.verb)
            )
        return statement

    @property
    def numbered(self) -> str:
        """The text with `$1`, `$2`, as the server and asyncpg take it."""
        return "".join(p if isinstance(p, str) else f"${p + 1}" for p in self.pieces)

    def with_casts(self, types: Sequence[str]) -> str:
        """Return the numbered text with `CAST($1 AS type)`: each parameter has a known type."""
        return "".join(
            p if isinstance(p, str) else f"CAST(${p + 1} AS {types[p]})" for p in self.pieces
        )

    @property
    def percent(self) -> str:
        """The text with `%s`, as psycopg2 and psycopg take it; see `percent_order`."""
        return "".join(p.replace("%", "%%") if isinstance(p, str) else "%s" for p in self.pieces)

    @property
    def percent_outside(self) -> str:
        """The text with `%s`, as pg8000 takes it.

        It reads `%%` as `%` only outside of quotes, and only if there are arguments.
        """
        if not self.parameters:
            return self.numbered
        return "".join(
            "%s" if isinstance(piece, int) else _doubled_outside(piece) for piece in self.pieces
        )

    @property
    def percent_order(self) -> tuple[int, ...]:
        """The place of the argument for each `%s`: a parameter used twice is given twice."""
        return tuple(piece for piece in self.pieces if isinstance(piece, int))

    @property
    def named(self) -> str:
        """The text with `:p1`, `:p2`, for SQLAlchemy's `text()`; see `bind_names`."""
        # SQLAlchemy takes `:p1::int` for no parameter: the colons of a cast need escapes there.
        return "".join(
            _SQLALCHEMYS.sub(r"\\:\1", piece).replace("::", r"\:\:")
            if isinstance(piece, str)
            else f":p{piece + 1}"
            for piece in self.pieces
        )

    @property
    def bind_names(self) -> tuple[str, ...]:
        """The names of the parameters in `named`."""
        return tuple(f"p{place + 1}" for place in range(len(self.parameters)))

    def wrapped(self, before: str, after: str) -> "SqlText":
        """Return the statement inside another one: `before (statement) after`."""
        # A comment at the statement's end must not hide the bracket.
        return SqlText((f"{before} (", *self.pieces, f"\n) {after}"), self.parameters)

    @property
    def bare(self) -> str:
        """The text without comments, texts in quotes, and parameters; quoted names stay."""
        kept: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                tokens = _TOKEN.finditer(_without_comments(piece))
                kept += [t[0] if t[0][0] == '"' or not t["quoted"] else " " for t in tokens]
        return "".join(kept)

    @property
    def verb(self) -> str:
        """The first word of the statement, in capitals; empty if there is none."""
        bare = (
            token
            for piece in self.pieces
            if isinstance(piece, str)
            for token in _TOKEN.finditer(_without_comments(piece))
        )
        return next((token["word"].upper() for token in bare if token["word"]), "")


def statements_in(text: str) -> list[tuple[int, str]]:
    """Return the statements of a text that are separated by semicolons, each with its offset.

    Raises `UsageError` for a comment that is not ended.
    """
    found: list[tuple[int, str]] = []
    first = at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None, "the pattern matches any character"
        if token["end"]:
            found.append((first, text[first:at]))
            first = token.end()
        at = _end_of_comment(text, at) if token["comment"] == "/*" else token.end()
    found.append((first, text[first:]))
    return [(at, piece) for at, piece in found if _without_comments(piece).strip()]


@dataclass(frozen=True)
class _Named:
    name: str


def _pieces(text: str) -> "list[str | int | _Named]":
    if _NO_TEXT.search(text):
        raise UsageError(
            "the statement has a byte that is no text (NUL, or a byte that is not UTF-8).\n"
            "Write the statement as plain text in UTF-8."
        )
    if text.lstrip().startswith("\\"):
        raise UsageError(
            f"{text.split()[0]} is a command of psql, which the server does not know.\n"
            f"Begin the statement with {', '.join(_GIVES_ROWS[:-1])} or TABLE."
        )
    pieces: list[str | int | _Named] = []
    plain: list[str] = []
    ended = False
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None, "the pattern matches any character"
        if token["comment"] == "/*":
            end = _end_of_comment(text, at)
            plain.append(text[at:end])
            at = end
            continue
        at = token.end()
        if token["open"]:
            raise UsageError(
                f"the statement has a {token['open']} at character {token.start() + 1} that is"
                " never closed.\nClose it, or double it inside a quoted text."
            )
        if token["end"]:
            ended = True
            continue
        if ended and not token[0].isspace() and not token["comment"]:
            raise UsageError(
                "there are several statements, where one is measured.\n"
                f"Leave out what begins at character {token.start() + 1}."
            )
        if token["number"] or token["name"]:
            pieces += ["".join(plain), _parameter(token)]
            plain = []
        elif not ended:
            plain.append(token[0])
    pieces.append("".join(plain))
    whole = [piece for piece in pieces if piece != ""]
    if not whole or (len(whole) == 1 and not _without_comments(str(whole[0])).strip()):
        raise UsageError("there is no statement.\nType it: bench query 'SELECT 1'.")
    return whole


def _parameter(token: "re.Match[str]") -> "int | _Named":
    if token["name"]:
        return _Named(token["name"])
    digits = token["number"].lstrip("0")
    if not digits or len(digits) > 5 or int(digits) > _MOST_PARAMETERS:
        raise UsageError(
            f"there is no parameter ${token['number'][:20]}.\n"
            f"Number the parameters from $1 to ${_MOST_PARAMETERS}."
        )
    return int(digits)


def _instead(verb: str) -> str:
    """Return what to type instead of a statement that begins with this word."""
    begin = f"Begin it with {', '.join(_GIVES_ROWS[:-1])} or TABLE"
    if verb == "EXPLAIN":
        return "Leave EXPLAIN out, and add --explain: the plan comes after the figures."
    if verb in ("INSERT", "UPDATE", "DELETE", "MERGE", "CALL", "BEGIN"):
        return f"{begin}, or measure it as a unit of work: bench run --workload-file script.sql."
    return f"{begin}."


def _end_of_comment(text: str, at: int) -> int:
    """Return the end of the comment that begins here. Comments nest in PostgreSQL."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return at + mark.end()
    raise UsageError(
        f"the comment at character {at + 1} is never closed.\nClose it with */, or leave it out."
    )


def _doubled_outside(text: str) -> str:
    """Return the text with each `%` doubled that is in no quoted text and no comment of a line."""
    kept = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None, "the pattern matches any character"
        at = token.end()
        # pg8000 takes a text of $tag$, unlike one of $$, for no quoted one.
        left = (token["quoted"] and not token["tag"]) or (token["comment"] or "").startswith("--")
        kept.append(token[0] if left else token[0].replace("%", "%%"))
    return "".join(kept)


def _without_comments(text: str) -> str:
    kept = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None, "the pattern matches any character"
        at = _end_of_comment(text, at) if token["comment"] == "/*" else token.end()
        kept.append(" " if token["comment"] else token[0])
    return "".join(kept)
