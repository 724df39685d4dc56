"""The parts of a cluster that need none: samples that travel, unlike machines, their order."""

import pickle
from array import array
from dataclasses import replace

from bench.cluster.client_host import without_secrets
from bench.cluster.cluster_pool import Place
from bench.cluster.machine import Facts, this_machine, together, unlike
from bench.cluster.scheduler import _spread
from bench.measure.job import Job, Part
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.results.packed_samples import PackedSamples
from bench.results.recording import SampleRecorder, gather
from bench.results.samples import Samples
from tests.bench.synthetic import POINT


def test_samples_of_a_file_travel_without_it() -> None:
    """Defect: a run of many samples named a file of the machine that measured it."""
    recorder = SampleRecorder()
    for number in range(3):
        recorder.fail(number, number + 5, ValueError("no"), counted=False, streamed=False)
        recorder.hand_over()
    spooled = gather([recorder], 0)
    assert not isinstance(spooled, Samples)
    packed = PackedSamples(spooled)
    del spooled
    arrived = pickle.loads(pickle.dumps(packed))
    assert len(arrived) == 3
    assert list(arrived.duration_ns) == [5, 5, 5]
    assert set(arrived.errors.values()) == {"ValueError: no"}


def test_the_waits_of_a_rate_travel() -> None:
    """Defect: a run at a rate on a cluster had no waits, so that its response was its service."""
    column = array("q", [7])
    samples = Samples(column, column, array("q"), column, column, wait_ns=column, late_ns=column)
    (arrived,) = pickle.loads(pickle.dumps(PackedSamples(samples))).pieces()
    assert (arrived.wait_ns, arrived.late_ns) == (column, column)


def test_a_job_travels_without_a_url() -> None:
    """Forbids a password in a message to the scheduler, which anyone on the network may read."""
    job = Job(Case("psycopg2", POINT), "m", "postgresql://u:secret@h/d", Dataset())
    job = replace(job, part=Part(0, 1, 2, "postgresql://u:secret@h/d"))
    assert b"secret" in pickle.dumps(job)
    assert b"secret" not in pickle.dumps(without_secrets(job))
    assert without_secrets("a text") == "a text"


def facts(name: str, address: str, **changes: object) -> Place:
    machine = replace(this_machine(""), name=name, clock_error_ns=len(address), **changes)  # type: ignore[arg-type]
    return Place(address, None, Facts(machine, f"kernel of {name}", "d"))


def test_machines_alternate() -> None:
    """Forbids two processes of a case on one machine while another one has none."""
    places = [facts("a", "1"), facts("a", "2"), facts("b", "3"), facts("a", "4"), facts("b", "5")]
    assert [place.facts.machine.name for place in _spread(places)] == ["a", "b", "a", "b", "a"]
    first, second = together([place.facts for place in places])
    assert (first.workers, second.workers) == (3, 2)


def test_unlike_machines_are_told() -> None:
    here = this_machine("", ["asyncpg"])
    assert unlike(here, [here, replace(here, name="b")]) == []
    host = replace(here.host, cores=64)
    other = replace(here, name="b", python="3.9.1", host=host, packages={"asyncpg": "0.1"})
    sentences = " / ".join(unlike(here, [here, other]))
    assert "b has Python CPython 3.9.1, this command CPython" in sentences
    assert "b has asyncpg 0.1, this command" in sentences
    assert "b has cores 64," in sentences
