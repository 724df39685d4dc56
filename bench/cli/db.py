"""`bench db`: start and stop the embedded server, and show the state of any database."""

import os
import shutil
from collections.abc import Callable
from typing import Any

import click

from bench.model.errors import BenchError
from bench.output.terminal.safe_text import echo

NOT_RUNNING = 3  # the exit code of `pg_ctl status` for a server that does not run

database_url_option: Callable[[Any], Any] = click.option(
    "--database-url",
    envvar="DATABASE_URL",
    metavar="URL",
    help="Use this PostgreSQL instead of the embedded one, as in"
    " postgresql://user:password@host/name. The variable DATABASE_URL has the same effect.",
)


admin_url_option: Callable[[Any], Any] = click.option(
    "--admin-url",
    envvar="GATHERBENCH_ADMIN_URL",
    metavar="URL",
    help="The server's own URL, for the connections of bench itself, where --database-url leads to"
    " a pooler such as PgBouncer in transaction mode. Also the variable GATHERBENCH_ADMIN_URL.",
)


@click.group()
def db() -> None:
    """Start or stop the embedded server, and show or reset a database.

    Without --database-url the database is the embedded PostgreSQL. A command that
    needs it starts it by itself.

    \b
    Example:
      bench db status
    """


@db.command(short_help="Start the embedded server, and leave it running.")
def start() -> None:
    """Start the embedded server if it is not running, and leave it running.

    \b
    Example:
      bench db start
    """
    from bench.server.embedded import EmbeddedServer, default_folder

    echo(EmbeddedServer(default_folder()).start())


@db.command()
def stop() -> None:
    """Stop the embedded server. The rows stay.

    \b
    Example:
      bench db stop
    """
    from bench.server.embedded import EmbeddedServer, default_folder

    stopped = EmbeddedServer(default_folder()).stop()
    echo("stopped" if stopped else "the server was not running")


@db.command()
@database_url_option
@click.pass_context
def status(context: click.Context, database_url: str | None) -> None:
    """Show whether the server is running, and where. The exit code is 3 if it is not.

    \b
    Example:
      bench db status
    """
    if database_url:
        _show_server(database_url)
        return
    from bench.server.embedded import EmbeddedServer, default_folder

    server = EmbeddedServer(default_folder()).status()
    echo(f"embedded PostgreSQL {server.version}: {'running' if server.running else 'stopped'}")
    echo(f"data    {server.data_folder}")
    if server.running:
        echo(f"pid     {server.pid}")
        echo(f"socket  {server.socket_folder}")
        echo(f"url     {server.url or 'the server does not answer: type bench db start'}")
    else:
        echo("Type `bench db start` to start it. Any command that needs the server starts it, too.")
        context.exit(NOT_RUNNING)


def _show_server(database_url: str) -> None:
    from bench.server.resolution import resolve

    database = resolve(database_url)
    with database.connect() as connection:
        version = connection.info.parameter_status("server_version")
        echo(f"PostgreSQL {version}: running")
    echo(f"url     {database.safe_url}")
    echo(f"free    {database.free_connections()} connections")


@db.command()
@database_url_option
def url(database_url: str | None) -> None:
    """Print the database's URL, with *** for its password. Starts the embedded server if needed.

    \b
    Example:
      psql "$(bench db url)"
    """
    from bench.server.resolution import named

    echo(named(database_url).safe_url)


@db.command(context_settings={"ignore_unknown_options": True})
@database_url_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(database_url: str | None, arguments: tuple[str, ...]) -> None:
    """Open psql on the database. All other arguments are passed to psql unchanged.

    \b
    Example:
      bench db psql -c "select count(*) from gatherbench.customer"
    """
    from psycopg.conninfo import make_conninfo

    from bench.server.programs import binary
    from bench.server.resolution import named
    from bench.server.url import parse

    target = parse(named(database_url).url)
    # Every user of the machine can read a program's arguments; none can read its environment.
    password = target.pop("password", None)
    secret = {"PGPASSWORD": str(password)} if password else {}
    # The wheel's psql was built without TLS, which another server may require.
    program = shutil.which("psql") if database_url else None
    program = program or str(binary("psql"))
    command = [program, make_conninfo(**target), *arguments]
    try:
        os.execve(program, command, {**os.environ, **secret})
    except OSError as error:
        raise BenchError(f"cannot run {program} ({error.strerror}).") from error


@db.command(short_help="Drop the schema that this tool made, with its rows.")
@database_url_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def reset(database_url: str | None, yes: bool) -> None:
    """Drop the schema `gatherbench` with its rows, if this tool made it, and nothing else.

    The next run loads the rows again.

    \b
    Example:
      bench db reset --yes
    """
    from bench.dataset.schema import drop
    from bench.server.resolution import resolve

    database = resolve(database_url)
    if not yes:
        click.confirm(f"Drop the schema gatherbench in {database.safe_url}?", abort=True)
    with database.connect() as connection:
        dropped = drop(connection)
    echo("dropped the schema gatherbench" if dropped else "there was nothing to drop")
