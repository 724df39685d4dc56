"""The check of the declarations of a workload file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.model.declared import check_name
from bench.model.errors import UsageError
from bench.studies.query.forms import Forms, forms_of, has_types, is_select, is_text
from bench.workloads import Read, Unit, Workload
from bench.workloads.places import check_places, place_of

LONGEST_THINK_S = 60.0


def check_workload(path: Path, workload: Workload) -> None:
    """Raise `UsageError` for a declaration that cannot be measured."""
    _check_name(path, _kind(workload), workload.name)
    if not isinstance(workload.operations, Mapping):
        raise UsageError(
            f"the workload {workload.name} has the operations {workload.operations!r:.60}.\n"
            f"Write a dict of each read, unit or function -> its weight, in {path}."
        )
    if not workload.operations:
        raise UsageError(
            f"the workload {workload.name} has no operations.\nName reads and units in {path}."
        )
    for declared, weight in workload.operations.items():
        known = isinstance(declared, Read | Unit) or callable(declared)
        if not known or type(weight) is not int or weight < 1:
            raise UsageError(
                f"the workload {workload.name} has {_named(declared)} with the weight"
                f" {weight!r:.20}.\n"
                f"Write read, unit or function -> a whole number from 1 on, in {path}."
            )
    named: dict[str, Read | Unit] = {}
    for part in workload.parts:
        _check_name(path, _kind(part), part.name)
        if named.setdefault(part.name, part) is not part:
            raise UsageError(
                f"two operations are named {part.name}.\nGive each its name in {path}."
            )
        if isinstance(part, Unit):
            check_places(part)
        else:
            _check_read(path, part)
    _check_settings(path, workload)


def _kind(declared: Workload | Read | Unit) -> str:
    """Return what the file declares; a workload made of one read or unit has the name of that."""
    if isinstance(declared, Workload) and isinstance(declared.operations, Mapping):
        for only in declared.operations if len(declared.operations) == 1 else ():
            if isinstance(only, Read | Unit) and only.name is declared.name:
                return _kind(only)
    return type(declared).__name__.lower()


def _named(declared: object) -> str:
    """Return the name of a read, a unit or a function; the text of anything else."""
    name = getattr(declared, "name", getattr(declared, "__name__", None))
    return name if isinstance(name, str) else f"{declared!r:.60}"


def _check_name(path: Path, kind: str, name: object) -> None:
    """Raise `UsageError` for a name that is none, or that has another meaning here."""
    try:
        check_name(name if isinstance(name, str) else "")
    except UsageError as error:
        reason = str(error).partition("\n")[0] if isinstance(name, str) else "a name is a text"
        advice = f"Choose another name in {path}, of letters, digits and -_."
        if name == "<lambda>":
            advice = f"Write a def in {path}, or Unit('name', function)."
        raise UsageError(
            f"{path}, the {kind} {name!r:.100}: {reason}.\n".replace("..", ".") + advice
        ) from None


def check_names(path: Path, workloads: Sequence[Workload]) -> None:
    """Raise `UsageError` if two workloads have different operations of one name."""
    named: dict[str, Any] = {}
    for workload in workloads:
        for part in workload.parts:
            same = part.functions if isinstance(part, Unit) else part
            if named.setdefault(part.name, same) != same:
                raise UsageError(
                    f"two operations are named {part.name}.\nGive each its name in {path}."
                )


def _check_read(path: Path, read: Read) -> None:
    if read.sql is None and read.core is None and read.orm is None:
        raise UsageError(
            f"the read {read.name} has no statement.\nGive it sql=, core= or orm= in {path}."
        )
    for name, needed, given in (
        ("orm_streamed", "orm", read.orm_streamed is not None and read.orm is None),
        ("as_dict", "sql", read.as_dict is not None and read.sql is None),
        ("as_dict", "orm", read.as_dict is not None and read.orm is None),
        ("rows_in", "as_dict", read.rows_in is not None and read.as_dict is None),
    ):
        if given:
            raise UsageError(
                f"the read {read.name} has {name}= without {needed}=.\nGive it both in {path}."
            )
    if not isinstance(read.sql, str | None):
        raise UsageError(
            f"the read {read.name} has sql={read.sql!r:.40}.\n"
            f"Write the statement as text in {path}."
        )
    _check_statements(path, read)
    arguments: Any = read.arguments
    listed = isinstance(arguments, Sequence) and not isinstance(arguments, bytes)
    if not (listed or callable(arguments) or isinstance(arguments, Iterator)):  # refused elsewhere
        raise UsageError(
            f"the read {read.name} has arguments={arguments!r:.40}.\n"
            "Give a query, a CSV file or a range as text, a list of tuples, or a function of a"
            f" random.Random, in {path}."
        )
    forms = _forms(path, read)
    if (read.core is not None or read.orm is not None) and any(
        name.startswith("$") for name in forms.text.parameters
    ):
        raise UsageError(
            f"the SQL text of the read {read.name} has $1, and a select() has names.\n"
            "Write :name in the text, and bindparam('name') in the select()."
        )


def _check_statements(path: Path, read: Read) -> None:
    """Raise `UsageError` for a statement of SQLAlchemy that no read can be made of."""
    where_ = f"{path}, the read {read.name}"
    if is_text(read.core):
        if read.sql is not None:
            raise UsageError(
                f"{where_}: it has sql= and core=text(...), which is SQL text too.\n"
                "Leave one of them out: Core takes sql= by text()."
            )
        if has_types(read.core):
            raise UsageError(
                f"{where_}: core=text(...) has bindparams() with values or types.\n"
                "Leave bindparams() out: arguments= gives the values, and the server the types."
            )
    for name in ("core", "orm", "orm_streamed"):
        statement: Any = getattr(read, name)
        text = name == "core" and is_text(statement)
        if statement is None or text or is_select(statement):
            continue
        kind = type(statement).__name__
        raise UsageError(
            f"{where_}: {name}= is {_article(kind)}, and no select().\n"
            f"Write select(...){', text(...)' if name == 'core' else ''} or sql='...'."
        )


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}"


def _check_settings(path: Path, workload: Workload) -> None:
    think_s: Any = workload.think_s
    if not isinstance(think_s, int | float) or not 0 <= think_s <= LONGEST_THINK_S:
        raise UsageError(
            f"the workload {workload.name} has think_s={think_s!r:.20}.\n"
            f"Give seconds from 0 to {LONGEST_THINK_S:g}, in {path}."
        )
    for name in ("setup", "restore"):
        prepared = getattr(workload, name)
        if prepared is None or isinstance(prepared, str):
            continue
        if not callable(prepared):
            raise UsageError(
                f"the workload {workload.name} has {name}={prepared!r:.40}.\n"
                f"Give SQL text, or a function of a connection, in {path}."
            )
        if annotated(prepared) and place_of(prepared).mode == "async":
            raise UsageError(
                f"the {name} of the workload {workload.name} takes an async session.\n"
                f"Let it take a sync Session, Connection or psycopg.Connection, in {path}."
            )
    engine: Any = workload.engine
    functions = engine if isinstance(engine, Sequence) else (engine,)
    if not isinstance(engine, Mapping) and not all(map(callable, functions)):
        raise UsageError(
            f"the workload {workload.name} has engine={engine!r:.60}.\n"
            "Give keyword arguments of create_engine as a dict, or the function that calls it:"
            " def engine(url, **options): return create_engine(url, **options)."
        )


def annotated(function: Any) -> bool:
    """Return whether a function says by annotations which connection it takes."""
    annotations = getattr(function, "__annotations__", {})
    return any(name != "return" for name in annotations)


def _forms(path: Path, read: Read) -> Forms:
    try:
        return forms_of(read)
    except UsageError as error:
        what, advice = str(error).split("\n", 1)
        raise UsageError(f"{path}, the read {read.name}: {what}\n{advice}") from None
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f"{path}, the read {read.name}: SQLAlchemy cannot compile its select() ({reason}).\n"
            "Correct it, or give the statement as sql= too."
        ) from None
