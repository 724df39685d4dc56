"""The URL that each driver is given: the same meaning, in what the driver understands.

libpq's parameters are the reference. A driver that lacks one is refused where the parameter
protects the connection, and goes without it elsewhere, which is said.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from accessors import Found
from bench.model.errors import UsageError
from bench.server.url import build, parse

log = logging.getLogger(__name__)

# https://magicstack.github.io/asyncpg/current/api/index.html#connection
# What asyncpg does not know it sends to the server as a setting. Of these the server knows both:
# `options` is of the protocol's first message.
_ASYNCPG = frozenset(
    {"user", "password", "passfile", "dbname", "host", "port"}
    | {"sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"}
    | {"krbsrvname", "gsslib", "application_name", "options"}
)

# Parameter -> its values that ask for no more than a driver does that lacks it.
_PROTECTS: Mapping[str, tuple[str, ...]] = {
    "channel_binding": ("disable", "prefer"),
    "gssencmode": ("disable", "prefer"),
    "require_auth": ("",),
    "requirepeer": ("",),
    "sslcertmode": ("allow",),
    "sslcrldir": ("",),
    "sslsni": ("1",),
    "min_protocol_version": ("3.0",),
    "scram_client_key": (),
    "scram_server_key": (),
    "oauth_issuer": (),
    "oauth_client_id": (),
    "oauth_client_secret": (),
}

# What asyncpg has another way to do, or has no use for: it decodes everything as UTF-8.
_WITHOUT_LOSS = frozenset({"client_encoding", "fallback_application_name", "hostaddr"})


@lru_cache
def driver_url(url: str, driver: str, **parameters: str) -> str:
    """Return `url`, with these parameters in place of its own, for this driver's `connect`.

    A driver of somebody else's is given libpq's form. Raises UsageError where the driver lacks
    what the URL asks for its protection.
    """
    known = {**parse(url), **parameters}
    if refused := _refused(known, driver):
        raise UsageError(_refusal(refused, [driver]))
    if driver == "asyncpg":
        known = _for_asyncpg(known)
    lacking = _lacking(driver)
    return build({name: value for name, value in known.items() if not lacking(name)})


def check_drivers(url: str, drivers: Iterable[str]) -> None:
    """Raise UsageError where a driver lacks what protects the connection.

    What else a driver lacks is logged.
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
                "%s does not know %s: its sessions go without, those of other drivers have it",
                driver,
                ", ".join(dropped),
            )
    if refused:
        raise UsageError(_refusal(next(iter(refused.values())), list(refused)))


def drivers_of(backends: Iterable[Found]) -> list[str]:
    """Return the drivers of those backends that can be had here."""
    return [found.backend.driver for found in backends if found.backend]


def _refusal(parameter: str, drivers: list[str]) -> str:
    return (
        f"{' and '.join(drivers)} cannot honour {parameter} of the database URL.\n"
        f"Choose --backend without {' and '.join(drivers)}, or take it out of the URL."
    )


def _refused(parameters: Mapping[str, str], driver: str) -> str | None:
    """Return the first parameter that protects and that the driver lacks, as `name=value`."""
    lacking = _lacking(driver)
    for name, harmless in _PROTECTS.items():
        if name in parameters and lacking(name) and parameters[name] not in harmless:
            is_secret = not harmless
            return name if is_secret else f"{name}={parameters[name]}"
    if driver == "asyncpg" and parameters.get("sslrootcert") == "system":
        return "sslrootcert=system"
    if driver == "asyncpg" and "hostaddr" in parameters and _names_are_checked(parameters):
        return "hostaddr together with sslmode=verify-full"
    return None


def _names_are_checked(parameters: Mapping[str, str]) -> bool:
    return "host" in parameters and parameters.get("sslmode") == "verify-full"


def _lacking(driver: str) -> Callable[[str], bool]:
    """Return whether a parameter is one that the driver does not know."""
    if driver == "asyncpg":
        return lambda name: name not in _ASYNCPG
    if driver == "psycopg2":
        return _unknown_to_psycopg2
    return lambda name: False


def _unknown_to_psycopg2(name: str) -> bool:
    """Ask its libpq, which may be older than psycopg's."""
    import psycopg2.extensions

    try:
        psycopg2.extensions.parse_dsn(f"{name}=1")
    except psycopg2.ProgrammingError:
        return True
    return False


def _for_asyncpg(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters, with those that asyncpg has under another name renamed."""
    renamed = dict(parameters)
    if "hostaddr" in renamed:  # an address in place of a name, so that no name is looked up
        renamed["host"] = renamed["hostaddr"]
    if "fallback_application_name" in renamed:
        renamed.setdefault("application_name", renamed["fallback_application_name"])
    return renamed
