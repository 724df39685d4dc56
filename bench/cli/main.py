"""The program `bench`. It imports the module of a command only when that command is typed."""

import sys
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

import click
from click.exceptions import NoArgsIsHelpError
from click.shell_completion import CompletionItem

from bench.model.errors import BenchError
from bench.output.terminal.plain import write_plainly
from bench.output.terminal.safe_text import echo
from bench.system import interrupts, limits

COMMANDS = {
    "run": ("bench.cli.run", "run", "Measure, and draw the charts."),
    "query": ("bench.cli.query", "query", "Measure a statement of your own."),
    "doctor": ("bench.cli.doctor", "doctor", "Check whether this machine is fit to measure."),
    "list": ("bench.cli.list", "list_", "Show backends, workloads and profiles."),
    "verify": ("bench.cli.verify", "verify", "Check that all backends give the same answers."),
    "streaming": ("bench.cli.streaming", "streaming", "Show which ways of fetching really stream."),
    "pool": ("bench.cli.pool", "pool", "Show how large a connection pool has to be."),
    "saturate": ("bench.cli.saturate", "saturate", "Find the highest arrival rate that is held."),
    "charts": ("bench.cli.charts", "charts", "Draw a result's charts again."),
    "report": (
        "bench.cli.report",
        "report",
        "Write a result's report again, or compare several.",
    ),
    "compare": (
        "bench.cli.compare",
        "compare",
        "Compare runs with each other; a gate for CI.",
    ),
    "gate": ("bench.cli.gate", "gate", "Measure, and fail if anything became slower."),
    "history": ("bench.cli.history", "history", "Show a case in all runs."),
    "calibrate": ("bench.cli.calibrate", "calibrate", "Count how often verdicts are wrong."),
    "power": ("bench.cli.power", "power", "Count how many runs find a slowdown from outside."),
    "audit": ("bench.cli.audit", "audit", "Test what the figures claim, with known truths."),
    "export": ("bench.cli.export", "export", "Write a result for other programs."),
    "overhead": ("bench.cli.overhead", "overhead", "Measure what the harness itself costs."),
    "lesson": ("bench.cli.lesson", "lesson", "Break a rule in real code, and show the outcome."),
    "completion": ("bench.cli.completion", "completion", "Make the shell complete commands."),
    "db": ("bench.cli.db", "db", "Start or stop the embedded server, show a database."),
}
"""Command name -> its module, the function there, and its line in `bench --help`."""

INTERRUPTED = 130  # 128 + SIGINT, as in a shell. SIGTERM and SIGHUP give the same code.


class LazyGroup(click.Group):
    """A group that lists its commands without importing them, so that --help is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and return it; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command for the arguments; fail with a guess for a misspelt name."""
        close = get_close_matches(args[0], COMMANDS, n=1, cutoff=0.5)
        if close and args[0] not in COMMANDS:
            ctx.fail(f"no command named {args[0]!r}: did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete as click does, but without importing every command for its help line."""
        options = click.Command.shell_complete(self, ctx, incomplete)
        return options + [
            CompletionItem(name, help=line)
            for name, (_, _, line) in COMMANDS.items()
            if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gatherbench", prog_name="bench")
def cli() -> None:
    """Measure what it costs to reach PostgreSQL from Python, under concurrency.

    \b
    Examples:
      bench run                        verified figures and charts in two minutes
      bench run --backend asyncpg --backend orm+asyncpg --concurrency 1,16,64
      bench list                       backends, workloads and profiles
    """


def main() -> None:
    """Run the program.

    Exit codes: 0 success, 1 a failed run or a slower one, 2 wrong usage, 3 a blind gate, 130
    interrupted.
    """
    interrupts.hear()
    write_plainly()
    limits.raise_open_files()
    limits.spare_threads()
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except BenchError as error:
        echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        echo(f"error: {error.format_message()}", err=True)
        if isinstance(error, click.UsageError) and error.ctx:
            echo(f"See `{error.ctx.command_path} --help`.", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end_interrupted()
    except BrokenPipeError:  # the reader has gone, as in `bench list | head`
        sys.stderr.close()
        sys.exit(1)
    except RuntimeError as error:
        # Before 3.12, Python raises this for Ctrl-C in `__set_name__`: numpy's import has some.
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        _end_interrupted()
    except (OSError, MemoryError, ImportError) as error:
        if not (limit := limits.refusal(error)):
            raise
        echo(f"error: {limit}", err=True)
        sys.exit(limit.exit_code)
    finally:
        interrupts.ignore_at_exit()


def _end_interrupted() -> NoReturn:
    interrupts.ignore()
    echo("interrupted", err=True)
    sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
