"""Rules about the code that a reader would otherwise have to trust."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("accessors", "async_benchmark", "bench", "session_guard")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in OURS
    for path in sorted((ROOT / package).rglob("*.py"))
}

MAY_IMPORT = {
    "matplotlib": ("bench.charts",),
    "scipy": ("bench.stats", "bench.summary"),
    "asyncpg": ("accessors.aio", "bench.bare", "bench.turns"),
    "psycopg2": ("accessors.sync", "bench.bare", "bench.turns"),
    "psycopg_pool": ("accessors.sync", "accessors.aio"),
    "sqlalchemy": ("accessors", "bench.streaming.failing", "session_guard"),
}
"""Who speaks to which library: a module, or a package with all that is in it. `bench.bare` has the
loops that one would write by hand; `bench.turns` holds the harness against them."""

MAY_READ_THE_CLOCK = {
    "bench.doctor.clock": "looks at the clock itself",
    "bench.doctor.disk": "times what a commit waits for",
