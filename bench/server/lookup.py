"""Parameters that a URL omits, filled in by libpq: service, environment, password file, defaults.

Drivers differ in how they fill them in. asyncpg looks for a socket in other folders than libpq,
reads a password file by other rules, and ignores PGOPTIONS, PGCHANNELBINDING and PGREQUIREAUTH.
psycopg2 may bring another libpq. So psycopg's libpq looks up everything once, and each driver gets
the complete parameters.
"""

import os
import re
from collections.abc import Mapping
from itertools import zip_longest

from bench.model.errors import UsageError

# libpq sends these as settings of the session; https://www.postgresql.org/docs/current/libpq-envars.html
_DEFAULT_PORT = "5432"
_SETTINGS = {"PGDATESTYLE": "DateStyle", "PGTZ": "TimeZone", "PGGEQO": "geqo"}


def looked_up(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return `parameters` with everything that libpq would add before it connects.

    Raises `UsageError` if the service that they name cannot be read.
    """
    complete = _for_each_host(_completed(parameters, "sslmode"))
    # The value of the parameter that stopped libpq is unknown. A second call learns it.
    sslmode = _completed(parameters, "channel_binding").get("sslmode")
    if sslmode is not None:
        complete["sslmode"] = sslmode
    given = {name: os.environ[key] for key, name in _SETTINGS.items() if key in os.environ}
    settings = [f"-c {name}={_escaped(value)}" for name, value in given.items()]
    if settings:
        complete["options"] = " ".join([*settings, complete.get("options", "")]).strip()
    return complete


def _for_each_host(parameters: dict[str, str]) -> dict[str, str]:
    """Return `parameters` with a name or address and a port for each of several hosts.

    libpq takes its default for each that is empty. asyncpg takes the port from PGPORT, and cannot
    read an empty host.
    """
    hosts, addresses, ports = (
        parameters.get(name, "").split(",") for name in ("host", "hostaddr", "port")
    )
    amount = max(len(hosts), len(addresses))
    if amount == 1:
        return parameters
    complete = dict(parameters)
    if any(not host and not address for host, address in zip_longest(hosts, addresses)):
        default = _completed({"host": ""}, "sslmode")["host"]
        pairs = zip_longest(hosts, addresses, fillvalue="")
        complete["host"] = ",".join(host or ("" if address else default) for host, address in pairs)
    if len(ports) > 1:
        complete["port"] = ",".join(port or _DEFAULT_PORT for port in ports)
    return complete


def _completed(parameters: Mapping[str, str], without: str) -> dict[str, str]:
    """Return every parameter that libpq has before it connects, except `without`."""
    from psycopg import pq
    from psycopg.conninfo import make_conninfo

    # libpq checks a parameter's value after it has looked up all others and before it connects.
    # So with a value that libpq refuses, it shows all parameters and sends nothing.
    conninfo = make_conninfo("", **{**parameters, without: "to be refused"})
    stopped = pq.PGconn.connect_start(conninfo.encode())
    try:
        message = stopped.error_message.decode(errors="replace").strip()
        if "service" in message:
            raise UsageError(
                f"the service of the database URL cannot be used: {message}.\n"
                "Check PGSERVICEFILE, or ~/.pg_service.conf, and the name after service=."
            )
        complete = {}
        for option in stopped.info:
            name, value = option.keyword.decode(), (option.val or b"").decode()
            is_given = name in parameters or (option.envvar or b"").decode() in os.environ
            if value and name != without and (is_given or option.val != option.compiled):
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
    """Return the value with its spaces escaped, because a space separates options."""
    return re.sub(r"([\\\s])", r"\\\1", value)
