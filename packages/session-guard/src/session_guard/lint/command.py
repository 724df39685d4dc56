"""`session-guard lint`: the command line of the lint."""

import argparse
import gc
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from session_guard.lint.configuration import (
    TABLE,
    Configuration,
    ConfigurationError,
    find,
    known_codes,
    read,
)
from session_guard.lint.examination import Report, check_paths
from session_guard.lint.formats import FORMATS, shown
from session_guard.lint.project import python_files
from session_guard.lint.rules import RULES

FOUND, USAGE = 1, 2
_EXAMPLES = """\
examples:
  session-guard lint app
  session-guard lint app tests --ignore SG002 --format github
  session-guard lint app --format sarif --output-file session-guard.sarif

exit codes: 0 nothing was found, 1 something was, 2 the command was not understood.
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of the lint to a parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Find SQLAlchemy sessions that several tasks share, as far as source code shows it.\n"
        "What it can't see, the guard sees when the program runs."
    )
    rules = "\n".join(f"  {rule.code}  {rule.summary}" for rule in RULES.values())
    parser.epilog = f"rules:\n{rules}\n\n{_EXAMPLES}"
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help=f"a file or a folder (default: `paths` of [{TABLE}], or the current folder)",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument(
        "--output-file", "-o", type=Path, metavar="FILE", help="write the report to a file"
    )
    parser.add_argument(
        "--select", action="append", metavar="RULES", help="apply these rules alone: SG001,SG003"
    )
    parser.add_argument("--ignore", action="append", metavar="RULES", help="leave these rules out")
    parser.add_argument(
        "--exclude", action="append", metavar="PATTERN", help="leave these files or folders out"
    )
    parser.add_argument(
        "--pedantic",
        action="store_true",
        default=None,
        help="apply SG004 as well: a psycopg AsyncConnection that runs statements one by one",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"a TOML file with [{TABLE}] (default: the nearest pyproject.toml that has it)",
    )
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 in spite of findings")


def lint(arguments: argparse.Namespace) -> int:
    """Examine the files of the arguments, and print the report. Return the exit code."""
    try:
        configuration = _configuration(arguments)
    except ConfigurationError as problem:
        return _refuse(str(problem))
    files: list[Path] = []
    code = 0
    for path in configuration.paths or [Path()]:
        if not path.exists():
            code = _refuse(f"there is no {shown(path)} in {Path.cwd()}: give a file or a folder")
            continue
        named = list(python_files(path, configuration.exclude))
        if not named:
            code = _refuse(
                f"there is no Python file in {shown(path.absolute())}: give files, or a folder with"
                " files that end in .py"
            )
        files += named
    if not files:
        return code
    # The trees hold millions of objects that live to the end, so collecting garbage frees nothing.
    gc.disable()
    try:
        report = check_paths(files)
    finally:
        gc.enable()
    report.findings = [part for part in report.findings if configuration.applies(part)]
    try:
        _write(report, arguments)
    except OSError as problem:
        return _refuse(f"{arguments.output_file} can't be written: {problem.strerror}")
    if code == 0 and report.findings and not arguments.exit_zero:
        code = FOUND
    return code


def _write(report: Report, arguments: argparse.Namespace) -> None:
    for unread in report.unread:
        print(f"warning: {shown(unread.path)} {unread.reason}", file=sys.stderr)
    content = FORMATS[arguments.format](report)
    if arguments.output_file is not None:
        arguments.output_file.write_text(content, encoding="utf-8")
    else:
        sys.stdout.write(content)


def _configuration(arguments: argparse.Namespace) -> Configuration:
    file = arguments.config
    if file is not None and not file.is_file():
        raise ConfigurationError(f"--config: there is no file {file}")
    if file is None:
        first = arguments.paths[0] if arguments.paths else Path()
        file = find(Path.cwd()) or find(first if first.is_dir() else first.parent)
    configuration = read(file) if file is not None else Configuration()
    select, ignore = _codes(arguments.select, "--select"), _codes(arguments.ignore, "--ignore")
    exclude = [part for value in arguments.exclude or () for part in value.split(",") if part]
    return replace(
        configuration,
        paths=arguments.paths or configuration.paths,
        select=configuration.select if arguments.select is None else select,
        ignore=configuration.ignore if arguments.ignore is None else ignore,
        exclude=[*configuration.exclude, *exclude],
        pedantic=configuration.pedantic if arguments.pedantic is None else True,
    )


def _codes(values: Sequence[str] | None, option: str) -> list[str]:
    return known_codes([code for value in values or () for code in value.split(",")], option)


def _refuse(problem: str) -> int:
    print(f"error: {problem}", file=sys.stderr)
    return USAGE
