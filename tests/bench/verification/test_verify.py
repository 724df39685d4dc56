"""A backend that differs is named with its first differing row, and not timed."""

import re

import pytest

from bench.dataset import loading as dataset
from bench.dataset.fingerprint import fingerprint
from bench.server.embedded import EmbeddedServer
from tests.bench.command import Bench
from tests.bench.conftest import SMALL
from tests.databases import new_database

WRONG = {
    "one_value": """
def get_customers(self):
    first, second, *others = super().get_customers()
    return [first, (second[0], "Blaike", *second[2:]), *others]
""",
    "floats": """
def get_total_cost_of_an_order(self, order_id):
    value = super().get_total_cost_of_an_order(order_id)
    return None if value is None else float(value)
""",
    "order": """
def get_customers(self):
    return super().get_customers()[::-1]
""",
    "too_few": """
def get_customers(self):
    return super().get_customers()[:-1]
""",
    "streams_otherwise": """
@contextmanager
def stream(self, read, *arguments, batch_size=None):
    with super().stream(read, *arguments, batch_size=batch_size) as rows:
        yield iter(list(rows)[1:])
""",
    "half": """
def add_new_order_for_customer(self, customer_id, items):
    order = super().add_new_order_for_customer(customer_id, items[:1])
    self.insert_order_items(order, items[1:])
    return order
""",
    "false": """
def insert_order_items(self, order_id, items):
    try:
        super().insert_order_items(order_id, items)
    except Exception:
        return False
""",
    "forgets": """
def insert_order_items(self, order_id, items):
    if order_id != 2:
        super().insert_order_items(order_id, items)
""",
    "returns_nothing": """
def add_new_order_for_customer(self, customer_id, items):
    super().add_new_order_for_customer(customer_id, items)
""",
}
SAID = {
    "one_value": 'get_customers(), buffered, row 2: {"address": {"flat_number": 201, "post_code":'
    ' 10002}, "name": "Blaike"} instead of {"address": {"flat_number": 201,'
    ' "post_code": 10002}, "name": "Blake"}',
    "floats": 'get_total_cost_of_an_order(1), buffered, row 1: 30.0 instead of "numeric 30"',
    "order": "get_customers(), buffered, row 1: ",
    "too_few": "get_customers(), buffered, row 100: nothing instead of ",
    "streams_otherwise": "get_customers(), streamed, row 1: ",
    "half": "the writes left orders [(501, 1), (50",
    "false": "returned False instead of raising an error",
    "forgets": "returned None instead of raising an error",
    "returns_nothing": "the writes left orders [(501, 1)] instead of [(None, 1)]",
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory, server: EmbeddedServer) -> dict[str, str]:
    """What `bench verify` says of each, and of one that is right."""
    with new_database(server) as database:
        bench = Bench(tmp_path_factory.mktemp("verdicts"), database.url)
        done = bench("verify", "--scale=0.01", *bench.odd(**WRONG), "--backend=psycopg2")
        assert done.code == 1, done
        with database.connect() as connection:
            found = fingerprint(connection)
            assert dataset.ensure(connection, SMALL) == found  # as it was before all those writes
    lines = (line.split(maxsplit=2) for line in done.out.splitlines())
    return {backend: f"{outcome} {reason}" for outcome, backend, reason in lines}


@pytest.mark.parametrize("backend", WRONG)
def test_a_backend_that_differs(verdicts: dict[str, str], backend: str) -> None:
    assert verdicts[backend].startswith("differs ")
    assert SAID[backend] in verdicts[backend]


def test_one_that_does_not(verdicts: dict[str, str]) -> None:
    assert re.fullmatch(r"ok all \d+ answers and writes are the same", verdicts["psycopg2"])


def test_it_is_not_timed(bench: Bench) -> None:
    done = bench.measure(*bench.odd(floats=WRONG["floats"]), "--backend=psycopg2")
    assert done.code == 1
    assert len(done.error) == 2
    assert done.error[0].startswith(f"error: floats differs: {SAID['floats']}")
    assert "Nothing was timed" in done.error[1]
    assert not bench.out.exists()


def test_unless_it_is_to_be_and_the_header_says_so(bench: Bench) -> None:
    odd = bench.odd(floats=WRONG["floats"])
    assert bench.measure(*odd, "--no-verify").code == 0
    (header,) = bench.lines("header")
    assert header["verified"] is None
    assert "--no-verify" in header["command"]
