"""The libraries that the lint knows, by the dotted names of what they define."""

import re

from session_guard.lint.values import Kind


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


SQLALCHEMY = words(
    "sqlalchemy sqlmodel flask_sqlalchemy flask_sqlalchemy_lite advanced_alchemy "
    "fastapi_async_sqlalchemy fastapi_sqlalchemy sqlalchemy_utils geoalchemy2 fastcrud "
    "fastapi_users_db_sqlalchemy fastapi_filter sqladmin alembic quart_sqlalchemy"
)
"""Importing one of these means that a file uses SQLAlchemy."""

OTHERS = words(
    "aiohttp requests httpx aioboto3 aiobotocore boto3 botocore mcp nats aio_pika pika "
    "websockets snowflake cassandra neo4j curl_cffi tls_client niquests requests_html "
    "requests_oauthlib tensorflow onnxruntime paramiko asyncssh telethon pyrogram aiokafka "
    "motor pymongo redis aioredis spark pyspark gremlin_python nox fastmcp aiormq kombu "
    "cloudscraper grequests primp httpcore pyppeteer playwright livekit agents azure google "
    "snowpark databricks openai anthropic langchain aiosqlite databases tortoise psycopg2 "
    "oracledb aiomysql elasticsearch winrm pyrogram scrapy hishel authlib keystoneauth1 "
    "openstack ray dask"
)
"""Libraries whose sessions and connections are not SQLAlchemy's."""

SESSIONS: dict[str, Kind] = {
    "AsyncSession": "session",
    "async_session": "session",
    "Session": "sync session",
    "AsyncConnection": "connection",
    "Connection": "connection",
}
SESSION_MAKERS: dict[str, Kind] = {"async_sessionmaker": "session", "sessionmaker": "sync session"}
SCOPED = frozenset({"scoped_session", "async_scoped_session"})
ENGINES = frozenset({"AsyncEngine", "Engine"})
ENGINE_MAKERS = frozenset({"create_async_engine", "create_engine", "async_engine_from_config"})
POOLS = {
    "asyncpg.create_pool": "asyncpg",
    "asyncpg.Pool": "asyncpg",
    "asyncpg.pool.Pool": "asyncpg",
    "psycopg_pool.AsyncConnectionPool": "psycopg",
    "psycopg_pool.AsyncNullConnectionPool": "psycopg",
}

STRONG_MAKER = re.compile(
    r"_?\w*(session_?maker)|_?(Async|Test|Sync|Testing|Async_?DB)?SessionLocal(Async)?"
    r"|_?\w*[Aa]sync_?[Ss]ession_?([Ll]ocal|[Ff]actory)"
)
"""Names that always mean a maker of SQLAlchemy sessions."""
WEAK_MAKER = re.compile(
    r"_?((get|new|open|make|create|acquire|begin|start|provide)_)?"
    r"((a|async|db|database|sql|sa|orm|write|read|rw|ro|scoped|managed|transactional)_)*"
    r"(session|db)(_(scope|context|ctx|factory|cls|class|manager|provider|generator|dep|read|write))*"
    r"|_?(get_)?(Async|Scoped|DB|Db)?Session(Factory|Scope|Context|Ctx|Class)?",
)
"""Names that mean a maker of sessions in a file that uses SQLAlchemy."""
NAMED_SESSION = re.compile(r"_*(\w*_)?(session|sess|conn|connection)")
NAMED_PERHAPS = re.compile(r"_*(\w*_)?(db|database|tx|transaction|s)")
"""Names that mean a session only if a method of sessions is called on them."""

AWAITED_METHODS = words(
    "execute scalar scalars get get_one flush commit rollback close refresh delete merge "
    "stream stream_scalars run_sync connection invalidate reset aclose exec exec_driver_sql "
    "fetch fetchrow fetchval executemany start close_all"
)
SURE_METHODS = words(
    "execute scalar scalars get_one flush commit rollback refresh merge stream stream_scalars "
    "run_sync exec exec_driver_sql query add add_all begin_nested expunge expunge_all expire "
    "no_autoflush in_transaction sync_session bulk_save_objects bulk_insert_mappings"
)
"""Attributes that show an untyped name to be a session."""
POSSIBLE_METHODS = SURE_METHODS | words(
    "get delete close begin connection invalidate info bind get_bind is_active new dirty "
    "deleted identity_map is_modified sync_connection reset aclose fetch fetchrow fetchval "
    "transaction __aenter__ __aexit__ __enter__ __exit__ autoflush bulk_update_mappings"
)
HARMLESS = words(
    "get_bind in_transaction in_nested_transaction is_modified get_transaction object_session "
    "__contains__ __iter__ identity_key"
)
"""Methods that may be called on a session while it is in use elsewhere."""


def session_kind(path: str, uses_sqlalchemy: bool) -> Kind | None:
    """Return the kind of session that a class is, by its dotted name; None if it is none."""
    top, _, rest = path.partition(".")
    last = path.rpartition(".")[2]
    if top == "asyncpg":
        return "asyncpg" if last in ("Connection", "connect") else None
    if top == "psycopg":
        return "psycopg" if last in ("AsyncConnection", "AsyncCursor") else None
    if last not in SESSIONS or not rest:
        return None
    if top in SQLALCHEMY:
        return None if last == "async_session" else SESSIONS[last]
    if top in OTHERS or last in ("async_session", "AsyncConnection", "Connection"):
        return SESSIONS[last] if top in ("", "?") and last == "AsyncConnection" else None
    return SESSIONS[last] if last == "AsyncSession" or uses_sqlalchemy else None


def is_foreign(path: str) -> bool:
    """Return whether a dotted name belongs to a library whose sessions are not SQLAlchemy's."""
    return path.partition(".")[0] in OTHERS
