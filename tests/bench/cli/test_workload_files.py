"""Every command that measures takes every kind of workload file, and leaves nothing behind."""

import psutil
import pytest

from bench.results import file as results
from bench.server.database import Database
from tests.bench.cli.workload_files import BACKENDS, COMMANDS, KINDS, MODELS, READS, write
from tests.bench.command import LONGEST_S, Bench, Done, ctrl_c, finish, wait_until, workers


def options(bench: Bench, command: str, kind: str) -> list[str]:
    """Return the words after `bench` that measure a file of this kind."""
    words = [
        *COMMANDS[command],
        f"--backend={BACKENDS.get(kind, kind)}",
        f"--workload-file={write(bench.folder, kind)}",
    ]
    return words if command in ("verify", "calibrate") else [*words, f"--out={bench.out}"]


def assert_nothing_is_left(database: Database) -> None:
    """Check that there is no database of a command's own, and no transaction that is open."""
    with database.connect() as connection:
        made = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'gatherbench\\_%'"
        ).fetchall()
        open_ones = connection.execute(
            "SELECT query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
            " AND datname = current_database()"
        ).fetchall()
    assert (made, open_ones) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["run", "verify", "streaming", "pool", "calibrate"])
def test_a_command_takes_a_file(command: str, kind: str, bench: Bench, database: Database) -> None:
    """Forbids that a command measures the built-in functions alone, or one kind of a user's own."""
    if command in ("streaming", "pool") and kind not in READS:
        pytest.skip("the command measures reads")
    done = bench(*options(bench, command, kind))
    assert done.code == 0 or (command, done.code) == ("calibrate", 1), done
    if command == "verify":
        assert done.out.startswith("ok"), done.out
    elif command == "calibrate":
        client = "task" if "async" in BACKENDS.get(kind, kind) else "thread"
        assert f"real rounds of 0.01 s: {'w' if kind != 'script' else 'notes'} on" in done.out
        assert f"{BACKENDS.get(kind, kind)}, 1 {client}, 4 equal" in done.out
    else:
        found = results.load(bench.out)
        assert not found.failures
        assert {case.backend for case in found.cases} == {BACKENDS.get(kind, kind)}
    assert_nothing_is_left(database)


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_takes_a_file_and_ctrl_c_leaves_nothing(
    kind: str, bench: Bench, database: Database
) -> None:
    """Forbids that an arrival rate is searched for the built-in workloads alone, or that Ctrl-C
    leaves the database of a setup behind."""
    command = bench.start(*options(bench, "saturate", kind))
    wait_until(lambda: len(bench.lines("run")) >= 2 or command.poll() is not None)
    started = workers(command)
    ctrl_c(command)
    done = finish(command)
    assert done.code == 130, done
    found = results.load(bench.out)
    assert {run.case.rate is None for run in found.runs} == {True, False}
    assert not found.failures
    assert not psutil.wait_procs(started, timeout=LONGEST_S)[1]
    assert_nothing_is_left(database)


def gate(bench: Bench, kind: str, *more: str) -> Done:
    """Hold the file as it is now against the reference in `out`."""
    file = write(bench.folder, kind) if not more else bench.folder / "notes.py"
    return bench(
        "gate", str(bench.out), f"--workload-file={file}", "--fail-on=900%", "--quiet",
        "--no-verify", "--allow-blind", *more,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_gate_measures_a_file_again(kind: str, bench: Bench, database: Database) -> None:
    """Forbids that the gate refuses a reference whose workload is the user's own."""
    reference = [word for word in options(bench, "run", kind) if not word.startswith("--rounds")]
    done = bench(*reference, "--rounds=6")
    assert done.code == 0, done
    done = gate(bench, kind)
    assert done.code == 0, done
    assert done.err.rstrip().endswith(("gate: passed", "gate: blind"))
    assert_nothing_is_left(database)


def test_a_budget_spent_on_databases_is_told(bench: Bench, database: Database) -> None:
    """Forbids that --budget is used up by new databases without a word about restore=."""
    words = [
        word
        for word in options(bench, "run", "Connection")
        if not word.startswith(("--rounds", "--seconds"))
    ]
    done = bench(*words, "--budget=1s", "--no-verify")
    assert done.code == 0, done
    assert "w makes its database again after each turn" in done.err
    assert f"give it restore= in {bench.folder / 'notes.py'}" in done.err
    assert_nothing_is_left(database)


def test_a_slowed_statement_stops_the_gate(bench: Bench) -> None:
    """Forbids that a statement that was changed in the file is an obstacle, and not the slowdown
    that the gate is for; and that its second measurement needs the file and has it not."""
    reference = [word for word in options(bench, "run", "sql") if not word.startswith("--rounds")]
    assert bench(*reference, "--rounds=6").code == 0
    file = bench.folder / "notes.py"
    text = file.read_text()
    # Once for the statement: for each of 30 rows, the gate would take minutes.
    slowed = "WHERE (SELECT pg_sleep(0.1)) IS NOT NULL AND id <= :id"
    file.write_text(text.replace("WHERE id <= :id", slowed))
    done = gate(bench, "sql", "--rounds=6")
    assert done.code == 1, done
    assert "statement of w: SELECT * FROM note WHERE id <= :id ORDER BY id" in done.out
    assert "measuring 1 cases again before anything stops" in done.err
    assert done.err.rstrip().endswith("gate: slower")
    named = bench("gate", str(bench.out))
    assert named.code == 2
    assert named.error[1] == f"Add --workload-file {file}."


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("overhead",), "--workload-file is not for bench overhead"),
        (("power",), "--workload-file is not for bench power"),
        (("audit",), "--workload-file is not for bench audit"),
        (("query",), "--workload-file is not for bench query"),
        (
            ("saturate", "--backend=psycopg"),
            "declares 2 workloads, and bench saturate measures one",
        ),
        (("calibrate",), "declares 2 workloads, and bench calibrate measures one"),
        (("calibrate", "--workload=x", "--backend=psycopg", "--backend=asyncpg"), "one backend"),
        (("saturate", "--workload=x", "--transactions=autocommit"), "is not for units of work"),
        (("saturate", "--workload=thinks"), "is not for a workload with think_s"),
        (("verify", "--workload=absent"), "no workload named 'absent'"),
        (("run", "--workload=x", "--budget=5s", "--rounds=3"), "exclude each other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_is_two_lines(bench: Bench, words: tuple[str, ...], error: str) -> None:
    """Forbids that an option is ignored without a word, or called unknown."""
    (bench.folder / "notes.py").write_text(
        f"{MODELS}def f(s: Session): ...\n"
        "x = Workload('x', {f: 1})\nthinks = Workload('thinks', {f: 1}, think_s=1)\n"
    )
    done = bench(*words, "--workload-file=notes.py")
    assert done.code == 2, done
    assert error in done.error[0]
    assert len(done.error) <= 2
