"""Runs of very many operations: memory stays bounded, and no sample is lost or changed."""

import errno
import json
import os
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

import accessors
from bench.analysis import summary
from bench.analysis.compare.comparison import SummedUp
from bench.analysis.summary import Figures, summarise
from bench.measure import clients_async, clients_sync
from bench.measure.runner import Job, run
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.errors import BenchError
from bench.results import reading, recording
from bench.results.entries import Run
from bench.results.file import RUN_FILE, Recorder, load
from bench.results.header import Header
from bench.results.recording import SampleRecorder, SpooledSamples, gather
from bench.results.samples import AnySamples
from tests.bench import synthetic

CASE = Case("null", synthetic.POINT, concurrency=3, loop="none")
OTHER = Case("psycopg2", synthetic.POINT, loop="none")


@pytest.fixture(autouse=True)
def spool_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder for records that do not fit into memory."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def records(*, hand_over_every: int, rows: bool = True) -> list[SampleRecorder]:
    """Return the records of three clients, with failures, handed over every so many samples."""
    random = Random(7)
    clients = [SampleRecorder() for _ in range(3)]
    for client in clients:
        clock = random.randint(1_000, 2_000)
        for number in range(1, 41):
            end = clock + random.randint(1, 10**6)
            if random.random() < 0.1:
                client.fail(clock, end, ValueError(f"no {number}"), counted=rows, streamed=False)
            else:
                client.starts.append(clock)
                client.ends.append(end)
                if rows:
                    client.rows.append(number)
            clock = end + random.randint(0, 900)
            if number % hand_over_every == 0:
                client.hand_over()
    return clients


def spooled(**options: Any) -> AnySamples:
    samples = gather(records(hand_over_every=7, **options), 1_000, str.upper)
    assert isinstance(samples, SpooledSamples)
    return samples


def run_of(samples: AnySamples, case: Case = CASE) -> Run:
    return Run(case, 0, "2026-01-01", 10**8, samples, 1, None, 10**8, None, None, 40, 40)


def recorded(folder: Path, *runs: Run) -> Path:
    recorder = Recorder(folder)
    recorder.header(Header(plan=(CASE, OTHER)))
    for entry in runs:
        recorder.add(entry)
    recorder.end("complete")
    recorder.close()
    return folder


@pytest.mark.parametrize("rows", [True, False])
def test_samples_that_were_handed_over_are_the_same(rows: bool) -> None:
    """A long run kept every sample in lists, 80 bytes each, until its end."""
    kept = gather(records(hand_over_every=100, rows=rows), 1_000, str.upper)
    assert spooled(rows=rows) == kept
    assert len(spooled(rows=rows)) == len(kept) == 120
    assert spooled(rows=rows).error_classes == kept.error_classes != {}


def test_a_client_keeps_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour at 50,000 operations a second would have taken 14 GB of the worker's memory."""
    monkeypatch.setattr(recording, "MOST_IN_MEMORY", 90)
    client = SampleRecorder()
    for number in range(1_000):
        client.starts.append(number)
        client.ends.append(number + 1)
        client.hand_over_many(clients=3)
        assert len(client.starts) < 30
    assert len(client) == 1_000
    client.clear()
    assert len(client) == 0


def test_records_stay_in_memory_where_the_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk for temporary files must not end a run that fits into memory."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device of the kernel
        spool = recording._Spool()
        os.dup2(full.fileno(), spool.descriptor)
        monkeypatch.setattr(recording, "_spools", [spool])
        monkeypatch.setattr(recording, "MOST_IN_MEMORY", 1)
        client = SampleRecorder([1], [2])
        client.hand_over_many(clients=1)
    assert (client.starts, len(client)) == ([1], 1)
    os.close(spool.descriptor)


def test_a_window_that_fills_the_disk_gives_its_space_back(
    spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: samples that filled the disk kept it full while their process lived. Then the command
    could not even write that the window had failed, and no later window was kept.
    """
    client = SampleRecorder([1], [2])
    client.hand_over()
    (spool,) = recording._spools
    client.starts.append(2)
    client.ends.append(3)
    written = os.fstat(spool.descriptor).st_size
    monkeypatch.setattr(recording.os, "pwrite", full_disk)
    with pytest.raises(OSError, match="No space left"):
        gather([client], 0)
    assert written > 0
    assert recording._spools == []
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(spool.descriptor)


def full_disk(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_file_of_handed_over_samples_has_no_name(spool_folder: Path) -> None:
    """Defect: Ctrl-C in a long window left a file of gigabytes in the results folder, as kill -9
    of a worker process or of the command did.
    """
    samples = spooled()
    assert list(spool_folder.iterdir()) == []
    whole = list(samples.start_ns)
    taken = pickle.loads(pickle.dumps(samples))
    assert list(spool_folder.iterdir()) == []
    del samples
    assert list(taken.start_ns) == whole
    (sent,) = recording._sent
    assert os.fstat(sent).st_size > 0
    del taken
    assert os.fstat(sent).st_size == 0  # the worker process may keep it open for long
    recording.hand_over_in(None)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(sent)


def test_a_file_with_a_name_is_gone_when_its_reader_is(
    spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A temporary file of gigabytes must not outlive the command where the system is not Linux."""
    monkeypatch.setattr(recording, "_OPEN_FILES", spool_folder / "none")
    samples = spooled()
    whole = list(samples.start_ns)
    taken = pickle.loads(pickle.dumps(samples))
    assert list(spool_folder.iterdir()) == []
    del samples
    assert list(taken.start_ns) == whole
    alone = spooled()
    assert len(list(spool_folder.iterdir())) == 1
    del alone
    assert list(spool_folder.iterdir()) == []


def test_samples_are_handed_over_in_the_folder_of_the_run(tmp_path: Path) -> None:
    """Defect: a small TMPDIR was full after minutes, and the rest stayed in memory."""
    run_folder = tmp_path / "run"
    run_folder.mkdir()
    recording.hand_over_in(str(run_folder))
    try:
        spool = recording._Spool()
    finally:
        recording.hand_over_in(None)
    assert os.fstat(spool.descriptor).st_dev == run_folder.stat().st_dev
    assert Path(f"/proc/self/fd/{spool.descriptor}").readlink().parent == run_folder
    os.close(spool.descriptor)


def test_what_a_warm_up_handed_over_is_removed(spool_folder: Path) -> None:
    """A temporary file must not stay behind where only the warm-up was long."""
    client = SampleRecorder([1], [2])
    client.hand_over()
    client.clear()
    assert len(gather([client], 0)) == 0
    assert list(spool_folder.iterdir()) == []


@pytest.mark.parametrize("kept", [0, 10**6])
def test_a_run_in_pieces_is_read_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """A run of 5.7 million samples was one line of 40 MB, and 379 MB in memory."""
    monkeypatch.setattr(recording, "PIECE", 20)
    monkeypatch.setattr(reading, "KEPT_SAMPLES", kept)
    first, second = run_of(spooled()), run_of(gather(records(hand_over_every=99), 1_000), OTHER)
    results = load(recorded(tmp_path / "run", first, second))
    assert results.runs == [first, second]
    assert max(map(len, results.runs[0].samples.pieces())) <= 20
    text = (tmp_path / "run" / RUN_FILE).read_text()
    kinds = [json.loads(line)["kind"] for line in text.splitlines()]
    assert kinds == ["header", *["samples"] * (len(kinds) - 4), "run", "run", "end"]
    assert len(kinds) >= 10
    whole = load(recorded(tmp_path / "whole", run_of(gather(records(hand_over_every=99), 1_000))))
    assert summarise(whole)[0].pooled_latency_ns == summarise(results)[0].pooled_latency_ns


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines[:2] + lines[3:],
        lambda lines: lines[:1] + lines[2:],
        lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
        lambda lines: [
            line.replace(b'"round":0', b'"round":1', n == 1) for n, line in enumerate(lines)
        ],
        lambda lines: [line.replace(b'"count":120', b'"count":119') for line in lines],
    ],
    ids=["missing", "first missing", "order", "another round", "count"],
)
def test_a_run_without_one_of_its_pieces_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Any
) -> None:
    """A run whose samples are incomplete must not give figures."""
    monkeypatch.setattr(recording, "PIECE", 20)
    file = recorded(tmp_path / "run", run_of(spooled())) / RUN_FILE
    file.write_bytes(b"".join(damage(file.read_bytes().splitlines(keepends=True))))
    with pytest.raises(BenchError, match="is damaged at line"):
        load(file)


def test_pieces_without_their_run_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that is killed while it writes a long run must not lose the runs before it."""
    monkeypatch.setattr(recording, "PIECE", 20)
    whole = run_of(gather(records(hand_over_every=99), 1_000), OTHER)
    file = recorded(tmp_path / "run", whole, run_of(spooled())) / RUN_FILE
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:5]))
    assert load(file).runs == [whole]


def test_a_file_that_changed_after_it_was_checked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samples that are read later must be those that were checked."""
    monkeypatch.setattr(reading, "KEPT_SAMPLES", 0)
    file = recorded(tmp_path / "run", run_of(gather(records(hand_over_every=99), 1_000))) / RUN_FILE
    results = load(file)
    file.write_bytes(b"x" * file.stat().st_size)
    with pytest.raises(BenchError, match="changed while it was read"):
        list(results.runs[0].samples.start_ns)


def test_only_the_wanted_cases_are_read(tmp_path: Path) -> None:
    """`bench history` over 300 runs took 380 s and 4.4 GB: it read every case of every run."""
    samples = gather(records(hand_over_every=99), 1_000)
    file = recorded(tmp_path / "run", run_of(samples), run_of(samples, OTHER)) / RUN_FILE
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + lines[1].replace(b'"window_ns"', b'"window"') + b"".join(lines[2:]))
    results = load(file, lambda case: case == OTHER)
    assert results.runs == [run_of(samples, OTHER)]
    assert results.cases == [OTHER]
    with pytest.raises(BenchError, match="damaged at line 2"):
        load(file)


@pytest.mark.parametrize("backend", ["null", "null-async"])
def test_a_measured_run_hands_its_samples_over(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    """Memory of a worker must not grow with the length of its run."""
    monkeypatch.setattr(recording, "MOST_IN_MEMORY", 50)
    monkeypatch.setattr(clients_sync, "LOOK_NS", 0)
    monkeypatch.setattr(clients_async, "LOOK_NS", 0)
    case = Case(backend, synthetic.POINT, concurrency=2)
    job = Job(case, accessors.BUILTIN[backend], "postgresql:///x", Dataset(), seconds=0.2)
    found = run(job)
    assert isinstance(found.samples, SpooledSamples)
    begun = list(zip(found.samples.worker, found.samples.start_ns, strict=True))
    assert begun == sorted(begun)
    assert {worker for worker, _ in begun} == {0, 1}
    assert found.fewest_operations + found.most_operations == len(begun) == len(found.samples)
    assert all(start < found.window_ns for _, start in begun)


@pytest.mark.parametrize("kept", [0, 10**6])
def test_figures_made_while_a_file_is_read_are_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Defect: `bench compare` unpacked the samples of a run twice, and ten runs took 6 s of CPU."""
    monkeypatch.setattr(recording, "PIECE", 20)
    monkeypatch.setattr(reading, "KEPT_SAMPLES", kept)
    monkeypatch.setattr(summary, "AT_ONCE", 120)
    more = [replace(run_of(spooled()), round=number) for number in (2, 1)]
    folder = recorded(tmp_path / "run", *more, run_of(spooled(), OTHER))
    figures = Figures()
    results = load(folder, as_read=figures.without_samples)
    assert [len(run.samples) for run in results.runs] == [0, 0, 0]
    assert summarise(results, figures) == summarise(load(folder))
    assert SummedUp.read("run", folder) == SummedUp.of("run", load(folder))
