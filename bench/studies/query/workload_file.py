"""The user's workload file: its import, and the workloads that it declares."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from bench.model.declared import check_name
from bench.model.errors import UsageError
from bench.studies.query.forms import Forms, forms_of
from bench.workloads import Read, Workload


def workloads_in(path: Path) -> list[Workload]:
    """Return the workloads that the file declares; each read alone if it declares none.

    Raises `UsageError` for a file that cannot be imported, that declares nothing, or whose
    declarations are wrong.
    """
    names = _namespace(str(path.absolute()))
    workloads = _unique(value for value in names.values() if isinstance(value, Workload))
    reads = _unique(value for value in names.values() if isinstance(value, Read))
    if not workloads:
        workloads = [Workload(read.name, {read: 1}) for read in reads]
    if not workloads:
        raise UsageError(
            f"{path} declares no workload.\nWrite one: from bench.workloads import Read, Workload."
        )
    for workload in workloads:
        _check(path, workload)
    if len({workload.name for workload in workloads}) < len(workloads):
        raise UsageError(f"{path} has two workloads of one name.\nGive each a name of its own.")
    return workloads


@cache
def forms_in(path: str) -> dict[str, Forms]:
    """Return the forms of every read in the file, by its name, in a worker process."""
    return {
        read.name: forms_of(read)
        for workload in workloads_in(Path(path))
        for read in workload.reads
    }


@cache
def _namespace(path: str) -> dict[str, Any]:
    folder = str(Path(path).parent)
    if folder not in sys.path:  # the application beside the file; after every other place
        sys.path.append(folder)
    spec = spec_from_file_location("workload_file", path)
    try:
        if spec is None or spec.loader is None:
            raise ImportError("its name does not end in .py")
        module = module_from_spec(spec)
        sys.modules[spec.name] = module  # where SQLAlchemy and dataclasses look for annotations
        spec.loader.exec_module(module)
        return vars(module)
    except KeyboardInterrupt:
        raise
    except FileNotFoundError as error:
        if error.filename == path:
            raise UsageError(
                f"there is no file {path}.\nName a Python file with --workload-file."
            ) from None
        raise _unimportable(path, error) from None
    except BaseException as error:  # the user's code may even call sys.exit()
        raise _unimportable(path, error) from None


def _unimportable(path: str, error: BaseException) -> UsageError:
    line = ""
    if isinstance(error, SyntaxError) and error.filename == path:
        line = f", line {error.lineno}"
    with suppress(StopIteration):
        frames = reversed(traceback.extract_tb(error.__traceback__))
        line = line or f", line {next(f.lineno for f in frames if f.filename == path)}"
    reason = str(error).partition("\n")[0]
    return UsageError(
        f"the workload file cannot be imported: {path}{line}: {type(error).__name__}: {reason}.\n"
        "Correct that line. Code that runs an event loop belongs under"
        ' if __name__ == "__main__".'
    )


def _unique(values: Iterator[Any]) -> list[Any]:
    return list({id(value): value for value in values}.values())


def _check(path: Path, workload: Workload) -> None:
    """Raise `UsageError` for a declaration that cannot be measured."""
    check_name(workload.name)
    if not workload.reads:
        raise UsageError(f"the workload {workload.name} has no reads.\nName them in {path}.")
    named: dict[str, Read] = {}
    for read, weight in workload.reads.items():
        if not isinstance(read, Read) or type(weight) is not int or weight < 1:
            raise UsageError(
                f"the workload {workload.name} has {read!r:.60} with the weight {weight!r:.20}.\n"
                f"Write Read -> a whole number from 1 on, in {path}."
            )
        check_name(read.name)
        if named.setdefault(read.name, read) is not read:
            raise UsageError(f"two reads are named {read.name}.\nGive each its name in {path}.")
        if read.sql is None and read.core is None and read.orm is None:
            raise UsageError(
                f"the read {read.name} has no statement.\nGive it sql=, core= or orm= in {path}."
            )
        forms = _forms(path, read)
        if (read.core is not None or read.orm is not None) and any(
            name.startswith("$") for name in forms.text.parameters
        ):
            raise UsageError(
                f"the SQL text of the read {read.name} has $1, and a select() has names.\n"
                "Write :name in the text, and bindparam('name') in the select()."
            )


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
