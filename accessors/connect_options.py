"""The options of connecting that a library takes beside the URL, by group.

A group is the name of a driver, for its `connect`, or `engine`, for SQLAlchemy's `create_engine`.
The names come from the installed library: an option that its version lacks is not in the group.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["whole number", "number", "true or false", "text", "one of"]

ENGINE = "engine"
GROUPS = ("asyncpg", "psycopg", "psycopg2", ENGINE)


@dataclass(frozen=True)
class Option:
    """The values that an option takes."""

    kind: Kind
    or_none: bool = False
    """Whether the value may also be `none`."""
    choices: tuple[str, ...] = ()
    """The values of the kind `one of`."""
    drivers: tuple[str, ...] = ()
    """The drivers with which SQLAlchemy takes it; empty for all."""

    @property
    def values(self) -> str:
        """The values in words: `a whole number or none`."""
        words = {
            "whole number": "a whole number",
            "number": "a number",
            "true or false": "true or false",
            "text": "a text",
            "one of": ", ".join(self.choices),
        }[self.kind]
        return f"{words} or none" if self.or_none else words


_WHOLE, _NUMBER, _SWITCH, _TEXT = (
    Option("whole number"),
    Option("number"),
    Option("true or false"),
    Option("text"),
)

_ASYNCPG = {
    "statement_cache_size": _WHOLE,
    "max_cached_statement_lifetime": _WHOLE,
    "max_cacheable_statement_size": _WHOLE,
    "timeout": _NUMBER,
    "command_timeout": Option("number", or_none=True),
    "direct_tls": _SWITCH,
    "ssl": _TEXT,
    "target_session_attrs": _TEXT,
    "krbsrvname": _TEXT,
    "gsslib": _TEXT,
}
_PSYCOPG = {"prepare_threshold": Option("whole number", or_none=True)}

_ENGINE = {
    "poolclass": Option("one of", choices=("NullPool", "QueuePool")),
    "pool_pre_ping": _SWITCH,
    "pool_recycle": _WHOLE,
    "pool_timeout": _NUMBER,
    "pool_use_lifo": _SWITCH,
    "pool_reset_on_return": Option("one of", choices=("rollback", "commit", "none")),
    "max_overflow": _WHOLE,
    "query_cache_size": _WHOLE,
    "use_insertmanyvalues": _SWITCH,
    "insertmanyvalues_page_size": _WHOLE,
    "hide_parameters": _SWITCH,
    "skip_autocommit_rollback": _SWITCH,
    "use_native_hstore": Option("true or false", drivers=("psycopg2", "psycopg")),
    "executemany_mode": Option(
        "one of", choices=("values_only", "values_plus_batch"), drivers=("psycopg2",)
    ),
    "executemany_batch_page_size": Option("whole number", drivers=("psycopg2",)),
}

# SQLAlchemy's adapter of asyncpg takes these when it connects; create_engine does not know them.
# https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-name-with-pgbouncer
_ADAPTER = {
    "prepared_statement_cache_size": Option("whole number", drivers=("asyncpg",)),
    "prepared_statement_name_func": Option("one of", choices=("uuid",), drivers=("asyncpg",)),
}
ADAPTER = tuple(_ADAPTER)
"""The options of the group `engine` that go to SQLAlchemy's adapter of asyncpg."""

SET_ELSEWHERE: Mapping[str, str] = {
    "isolation_level": "--transactions",
    "autocommit": "--transactions",
    "pool_size": "--concurrency",
    **dict.fromkeys(
        (
            *("host", "hostaddr", "port", "dbname", "database", "user", "password", "passfile"),
            *("service", "servicefile", "options", "client_encoding", "dsn", "server_settings"),
            # These are secrets, or the harness's own connections need them too.
            *("sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"),
            *("oauth_client_id", "oauth_issuer", "oauth_scope", "replication"),
        ),
        "--database-url",
    ),
}
"""An option that another one of the command sets -> that option."""


@lru_cache
def options(group: str) -> Mapping[str, Option]:
    """Return the options of a group that the installed library takes, by name.

    Empty if the library is missing. Raises `KeyError` for an unknown group.
    """
    return {"asyncpg": _asyncpg, "psycopg": _psycopg, "psycopg2": _psycopg2, ENGINE: _engine}[
        group
    ]()


def _asyncpg() -> Mapping[str, Option]:
    try:
        from asyncpg import connect
    except ImportError:
        return {}
    taken = inspect.signature(connect).parameters
    return {name: option for name, option in _ASYNCPG.items() if name in taken}


def _psycopg() -> Mapping[str, Option]:
    try:
        from psycopg import connect, pq
    except ImportError:
        return {}
    taken = inspect.signature(connect).parameters
    libpq = (default.keyword.decode() for default in pq.Conninfo.get_defaults())
    return {
        **{name: _TEXT for name in libpq if name not in SET_ELSEWHERE},
        **{name: option for name, option in _PSYCOPG.items() if name in taken},
    }


def _psycopg2() -> Mapping[str, Option]:
    try:
        from psycopg2.extensions import parse_dsn
    except ImportError:
        return {}

    def known(name: str) -> bool:
        try:
            parse_dsn(f"{name}=1")
        except Exception:  # psycopg2.ProgrammingError: this libpq does not know the parameter
            return False
        return True

    return {name: option for name, option in _psycopg().items() if option == _TEXT and known(name)}


def _engine() -> Mapping[str, Option]:
    try:
        from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
        from sqlalchemy.engine import Engine
        from sqlalchemy.pool import Pool, QueuePool
        from sqlalchemy.util import get_cls_kwargs
    except ImportError:
        return {}
    taken = {"poolclass", "pool_timeout", "pool_recycle"}
    taken |= get_cls_kwargs(PGDialect_psycopg2) | get_cls_kwargs(Engine)
    pool = get_cls_kwargs(QueuePool) | get_cls_kwargs(Pool)
    taken |= pool | {f"pool_{name}" for name in pool} | {"pool_pre_ping"}
    return {name: option for name, option in _ENGINE.items() if name in taken} | _ADAPTER
