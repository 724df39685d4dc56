"""The command `session-guard lint PATH...`. `python -m session_guard PATH...` does the same."""

import argparse
import sys

from session_guard.lint.command import add_to, lint
from session_guard.lint.sarif import installed_version


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Return 0 without a finding, 1 with findings, 2 for misuse.

    The word `lint` may be left out.
    """
    words = sys.argv[1:] if arguments is None else arguments
    known = words[:1] in (["-h"], ["--help"], ["--version"])
    if words[:1] != ["lint"] and not known:
        words = ["lint", *words]
    parser = argparse.ArgumentParser(
        prog="session-guard",
        description="Find code that shares one SQLAlchemy session between tasks or threads.",
    )
    parser.add_argument(
        "--version", action="version", version=f"session-guard {installed_version()}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_to(commands.add_parser("lint", help="find shared sessions in source code"))
    try:
        return lint(parser.parse_args(words))
    except BrokenPipeError:  # as in `session-guard lint . | head`
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
