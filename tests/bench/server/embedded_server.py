"""Functions that use an embedded server from outside: from another process, by pid, by query."""

import subprocess
import sys

import psycopg

from bench.server.embedded import EmbeddedServer

START = """
import sys; from pathlib import Path; from bench.server.embedded import EmbeddedServer
print(getattr(EmbeddedServer(Path(sys.argv[1])), sys.argv[2])(), flush=True)
"""


def in_process(server: EmbeddedServer, verb: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", START, str(server.folder), verb]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def pid_of(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]
