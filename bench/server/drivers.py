"""The URL for each driver: the same meaning for all, in the parameters that the driver knows.

libpq's parameters are the reference. If a driver lacks a parameter that protects the connection,
the driver is refused. If it lacks another parameter, it connects without it, and that is logged.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import zip_longest

from accessors import DiscoveredBackend
from bench.model.errors import UsageError
from bench.server.url import build, parse

log = logging.getLogger(__name__)

# https://magicstack.github.io/asyncpg/current/api/index.html#connection
# asyncpg sends every parameter that it does not know to the server as a setting. The server knows
# `application_name` and `options`: `options` belongs to the protocol's first message.
_ASYNCPG = frozenset(
    {"user", "password", "passfile", "dbname", "host", "port"}
    | {"sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"}
    | {"krbsrvname", "gsslib", "application_name", "options"}
)

# `accessors.sync.pg8000` makes the arguments of its `connect` from these.
_PG8000 = frozenset(
    {"user", "password", "dbname", "host", "port", "keepalives"}
    | {"sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert"}
    | {"application_name", "client_encoding", "options"}
)

# https://docs.rs/tokio-postgres/latest/tokio_postgres/config/struct.Config.html
# It refuses a parameter that it does not know. Its `tcp_user_timeout` is in other units than
# libpq's.
_PSQLPY = frozenset(
    {"user", "password", "dbname", "host", "port", "sslmode", "sslrootcert", "channel_binding"}
    | {"connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval"}
    | {"application_name", "options", "target_session_attrs", "load_balance_hosts"}
)

_KNOWN = {"asyncpg": _ASYNCPG, "pg8000": _PG8000, "psqlpy": _PSQLPY}
"""Driver that does not use libpq -> the parameters that it knows."""

# Parameter -> its values that are harmless: a driver that lacks the parameter does the same.
_PROTECTS: Mapping[str, tuple[str, ...]] = {
    "channel_binding": ("disable", "prefer"),
    "gssencmode": ("disable", "prefer"),
    "require_auth": ("",),
    "requirepeer": ("",),
    "sslcertmode": ("allow",),
    "sslcrl": ("",),
    "sslcrldir": ("",),
    "sslsni": ("1",),
    "ssl_min_protocol_version": ("", "TLSv1", "TLSv1.1", "TLSv1.2"),
    "min_protocol_version": ("3.0",),
    "scram_client_key": (),
    "scram_server_key": (),
    "oauth_issuer": (),
    "oauth_client_id": (),
    "oauth_client_secret": (),
}

# Parameters that these drivers replace, or do not need: they decode everything as UTF-8.
_WITHOUT_LOSS = frozenset({"client_encoding", "fallback_application_name", "hostaddr"})


@lru_cache
def driver_url(url: str, driver: str, **parameters: str) -> str:
    """Return `url`, with these parameters in place of its own, for this driver's `connect`.

    A driver from another project gets libpq's form. Raises `UsageError` if the driver lacks a
    parameter of the URL that protects the connection.
    """
    known = {**parse(url), **parameters}
    if refused := _refused(known, driver):
        raise UsageError(_refusal(refused, [driver]))
    if driver in _KNOWN:
        known = _without_libpq(known)
    lacking = _lacking(driver)
    return build({name: value for name, value in known.items() if not lacking(name)})


def check_drivers(url: str, drivers: Iterable[str]) -> None:
    """Raise `UsageError` if a driver lacks a parameter that protects the connection.

    Other parameters that a driver lacks are logged.
    """
    parameters = parse(url)
    refused: dict[str, str] = {}
    for driver in dict.fromkeys(drivers):
        if name := _refused(parameters, driver):
            refused[driver] = name
            continue
        lacking = _lacking(driver)
        dropped = [
            f"{name}={value}"
            for name, value in parameters.items()
            if lacking(name) and name not in _WITHOUT_LOSS and name not in _PROTECTS
        ]
        if dropped:
            log.warning(
                "%s does not know %s: its sessions do not have it, those of other drivers do",
                driver,
                ", ".join(dropped),
            )
    if refused:
        raise UsageError(_refusal(next(iter(refused.values())), list(refused)))


def drivers_of(backends: Iterable[DiscoveredBackend]) -> list[str]:
    """Return the drivers of the backends that are available here."""
    return [found.backend.driver for found in backends if found.backend]


def _refusal(parameter: str, drivers: list[str]) -> str:
    return (
        f"{' and '.join(drivers)} cannot honour {parameter} of the database URL.\n"
        f"Choose --backend without {' and '.join(drivers)}, or remove it from the URL."
    )


def _refused(parameters: Mapping[str, str], driver: str) -> str | None:
    """Return the first protecting parameter that the driver lacks, as `name=value`, or None."""
    lacking = _lacking(driver)
    for name, harmless in _PROTECTS.items():
        if name in parameters and lacking(name) and parameters[name] not in harmless:
            is_secret = not harmless
            return name if is_secret else f"{name}={parameters[name]}"
    if driver in _KNOWN and parameters.get("sslrootcert") == "system":
        return "sslrootcert=system"
    if driver in _KNOWN and "hostaddr" in parameters and _names_are_checked(parameters):
        return "hostaddr together with sslmode=verify-full"
    return None


def _names_are_checked(parameters: Mapping[str, str]) -> bool:
    return "host" in parameters and parameters.get("sslmode") == "verify-full"


def _lacking(driver: str) -> Callable[[str], bool]:
    """Return a function that says whether the driver does not know a parameter."""
    if driver in _KNOWN:
        return lambda name: name not in _KNOWN[driver]
    if driver == "psycopg2":
        return _unknown_to_psycopg2
    return lambda name: False


def _unknown_to_psycopg2(name: str) -> bool:
    """Return whether psycopg2's libpq does not know it; that libpq may be older than psycopg's."""
    import psycopg2.extensions

    try:
        psycopg2.extensions.parse_dsn(f"{name}=1")
    except psycopg2.ProgrammingError:
        return True
    return False


def _without_libpq(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters under the names that the drivers without libpq have for them."""
    renamed = dict(parameters)
    if "hostaddr" in renamed:  # an address replaces the name, so that no name is looked up
        names, places = renamed.get("host", "").split(","), renamed["hostaddr"].split(",")
        pairs = zip_longest(places, names, fillvalue="")
        renamed["host"] = ",".join(place or name for place, name in pairs)
    if "fallback_application_name" in renamed:
        renamed.setdefault("application_name", renamed["fallback_application_name"])
    return renamed
