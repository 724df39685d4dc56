"""What a URL leaves out, as libpq fills it in: service, environment, password file, defaults.

Drivers differ there. asyncpg looks for a socket in other folders than libpq, reads a password file
by other rules, and knows none of PGOPTIONS, PGCHANNELBINDING or PGREQUIREAUTH; psycopg2 may bring
another libpq. All is therefore looked up once, by psycopg's libpq, and each driver is told.
"""

import os
import re
from collections.abc import Mapping

from bench.model.errors import UsageError

# libpq sends these as settings of the session; https://www.postgresql.org/docs/current/libpq-envars.html
_SETTINGS = {"PGDATESTYLE": "DateStyle", "PGTZ": "TimeZone", "PGGEQO": "geqo"}


def looked_up(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return `parameters` with all that libpq would add to them before it connects.

    Raises UsageError when the service they name cannot be read.
    """
    complete = _completed(parameters, "sslmode")
    # The parameter that stopped libpq is not known; another is left out to learn it.
    sslmode = _completed(parameters, "channel_binding").get("sslmode")
    if sslmode is not None:
        complete["sslmode"] = sslmode
    given = {name: os.environ[key] for key, name in _SETTINGS.items() if key in os.environ}
    settings = [f"-c {name}={_escaped(value)}" for name, value in given.items()]
    if settings:
        complete["options"] = " ".join([*settings, complete.get("options", "")]).strip()
    return complete


def _completed(parameters: Mapping[str, str], without: str) -> dict[str, str]:
    """Return what libpq knows before it connects, but for the parameter `without`."""
    from psycopg import pq
    from psycopg.conninfo import make_conninfo

    # libpq checks a parameter's value only after it has looked up everything else, and before it
    # connects: with a value that it refuses, it tells what it would do and sends nothing.
    conninfo = make_conninfo("", **{**parameters, without: "to be refused"})
    stopped = pq.PGconn.connect_start(conninfo.encode())
    try:
        said = stopped.error_message.decode(errors="replace").strip()
        if "service" in said:
            raise UsageError(
                f"the service of the database URL cannot be used: {said}.\n"
                "Check PGSERVICEFILE, or ~/.pg_service.conf, and the name after service=."
            )
        complete = {}
        for option in stopped.info:
            name, value = option.keyword.decode(), (option.val or b"").decode()
            asked = name in parameters or (option.envvar or b"").decode() in os.environ
            if value and name != without and (asked or option.val != option.compiled):
                complete[name] = value
        complete.pop("service", None)
        if not complete.get("host") and not complete.get("hostaddr") and stopped.host:
            complete["host"] = stopped.host.decode()
        one_host = "," not in complete.get("host", "") + complete.get("hostaddr", "")
        if "password" not in complete and stopped.password and one_host:
            complete["password"] = stopped.password.decode()
        if "password" in complete or not ("passfile" in parameters or "PGPASSFILE" in os.environ):
            complete.pop("passfile", None)
        return complete
    finally:
        stopped.finish()


def _escaped(value: str) -> str:
    """Write a value so that the parameter `options` does not end at its spaces."""
    return re.sub(r"([\\\s])", r"\\\1", value)
