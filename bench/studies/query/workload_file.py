"""The user's workload file: its import, and the workloads that it declares."""

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from bench.model.errors import UsageError
from bench.studies.query.declarations import check_names, check_workload
from bench.studies.query.forms import Forms, forms_of
from bench.studies.query.script_workload import script_workload
from bench.workloads import Read, Unit, Workload


def workloads_in(path: Path) -> list[Workload]:
    """Return the workloads that the file declares; each read or unit alone if it declares none.

    A file whose name ends in `.sql` is a script of pgbench.

    Raises `UsageError` for a file that cannot be imported, that declares nothing, or whose
    declarations are wrong.
    """
    if path.suffix == ".sql":
        workload = script_workload(path)
        check_workload(path, workload)
        return [workload]
    names = _namespace(str(path.absolute()))
    workloads = _unique(value for value in names.values() if isinstance(value, Workload))
    parts = _unique(value for value in names.values() if isinstance(value, Read | Unit))
    if not workloads:
        workloads = [Workload(part.name, {part: 1}) for part in parts]
    if not workloads:
        raise UsageError(
            f"{path} declares no workload.\nWrite one: from bench.workloads import Read, Workload."
        )
    for workload in workloads:
        check_workload(path, workload)
    if len({workload.name for workload in workloads}) < len(workloads):
        raise UsageError(f"{path} has two workloads of one name.\nGive each a name of its own.")
    check_names(path, workloads)
    return workloads


@cache
def workload_of(path: str, name: str) -> Workload:
    """Return a workload of the file, in a worker process."""
    return next(known for known in workloads_in(Path(path)) if known.name == name)


@cache
def forms_in(path: str) -> dict[str, Forms]:
    """Return the forms of every read in the file, by its name, in a worker process."""
    return {
        part.name: forms_of(part)
        for workload in workloads_in(Path(path))
        for part in workload.parts
        if isinstance(part, Read)
    }


@cache
def _namespace(path: str) -> dict[str, Any]:
    name, folders = _module_of(Path(path))
    for folder in folders:  # the application beside the file; after every other place
        if folder not in sys.path:
            sys.path.append(folder)
    spec = spec_from_file_location(name, path)
    try:
        if spec is None or spec.loader is None:
            raise UsageError(
                f"{path} is no workload file: its name does not end in .py or .sql.\n"
                "Name a Python file, or a script of pgbench, with --workload-file."
            )
        module = module_from_spec(spec)
        sys.modules[spec.name] = module  # where SQLAlchemy and dataclasses look for annotations
        with _said_once(), _no_event_loop(), _same_folder(), _no_lasting_thread():
            if "." in name:
                import_module(name.rpartition(".")[0])
            spec.loader.exec_module(module)
        return vars(module)
    except (KeyboardInterrupt, UsageError):
        raise
    except OSError as error:
        if error.filename == path:
            absent = isinstance(error, FileNotFoundError)
            what = f"there is no file {path}" if absent else f"{path} cannot be read"
            reason = "" if absent else f" ({error.strerror})"
            raise UsageError(f"{what}{reason}.\nName a Python file with --workload-file.") from None
        raise _unimportable(path, error) from None
    except BaseException as error:  # the user's code may even call sys.exit()
        raise _unimportable(path, error) from None


def _module_of(path: Path) -> tuple[str, list[str]]:
    """Return the name of the file's module, and the folders in which it looks for others.

    A file in a package gets its name there, so that it can write `from . import models`.
    """
    folder, names = path.parent, [path.stem]
    while folder.name.isidentifier() and (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    folders = list(dict.fromkeys([str(path.parent), str(folder)]))
    return (".".join(names) if len(names) > 1 else "workload_file"), folders


@contextmanager
def _said_once() -> Iterator[None]:
    """Drop what the block prints in a worker process: the command has printed it already."""
    if parent_process() is None:
        yield
        return
    # The streams themselves stay: a logging handler that is made in the block keeps one.
    streams = (sys.stdout, sys.stderr)
    kept = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, (stream, copy) in enumerate(zip(streams, kept, strict=True), 1):
            stream.flush()
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)


@contextmanager
def _no_event_loop() -> Iterator[None]:
    """Refuse code that runs an event loop, or changes its policy, while the block imports it."""
    run, policy = asyncio.run, asyncio.get_event_loop_policy()
    importing = True

    def refuse(*arguments: Any, **named: Any) -> Any:
        if importing:
            close = getattr(arguments[0] if arguments else None, "close", None)
            if close:
                close()  # a coroutine that was never awaited would warn
            raise RuntimeError("it calls asyncio.run() while it is imported")
        return run(*arguments, **named)

    asyncio.run = refuse
    try:
        yield
        changed = asyncio.get_event_loop_policy() is not policy
    finally:
        importing = False
        asyncio.run = run
        asyncio.set_event_loop_policy(policy)
    if changed:
        raise RuntimeError("it changes the event loop policy; choose a loop with --loop")


@contextmanager
def _same_folder() -> Iterator[None]:
    """Return to the current folder at the end: paths of the command line are relative to it."""
    folder = Path.cwd()
    try:
        yield
    finally:
        os.chdir(folder)


@contextmanager
def _no_lasting_thread() -> Iterator[None]:
    """Let the threads that begin in the block end with the process, and not keep it for ever."""
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        thread.daemon = True
        start(thread)

    threading.Thread.start = started  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]


def _unimportable(path: str, error: BaseException) -> UsageError:
    line = ""
    if isinstance(error, SyntaxError) and error.filename == path:
        line = f", line {error.lineno}"
    with suppress(StopIteration):
        frames = reversed(traceback.extract_tb(error.__traceback__))
        line = line or f", line {next(f.lineno for f in frames if f.filename == path)}"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    reason = f": {text}".partition("\n")[0].rstrip(": .")
    return UsageError(
        f"the workload file cannot be imported: {path}{line}: {type(error).__name__}{reason}.\n"
        f"Correct {'that line' if line else 'it'}. Code that runs an event loop belongs under"
        ' if __name__ == "__main__".'
    )


def _unique(values: Iterator[Any]) -> list[Any]:
    return list({id(value): value for value in values}.values())
