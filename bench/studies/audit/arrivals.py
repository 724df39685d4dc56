"""Claims about arrival rates: the waits of queueing theory, and rates that are held or not."""

from array import array
from dataclasses import replace
from itertools import count
from random import Random
from statistics import fmean

import numpy as np

from bench.analysis.open_loop import held
from bench.measure import runner
from bench.measure.arrivals import schedule
from bench.measure.job import Job
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.model.rate import ARRIVALS, LEAD_IN_SHARE
from bench.results.entries import Arrived, Run
from bench.results.samples import Samples
from bench.studies.audit.claim import Claim, Laboratory, Outcome
from bench.studies.audit.queueing import wait_of_m_d_1, wait_of_m_m_c, waits_ns

NS_PER_S = 1_000_000_000
CLOSE = 0.05
"""The largest relative difference from theory."""
SIMULATED_S = 400.0
SERVICE_NS = 1_000_000
QUEUES = (("M/M/1", 1, 0.7), ("M/M/4", 4, 0.7), ("M/D/1", 1, 0.7))
"""Name, servers, and the share of each server's time that is needed."""
REAL_S = 20.0
REAL_RATE = 600
REAL_CLIENTS = 4
WINDOWS = 200


def simulated_wait_s(name: str, servers: int, share: float, seconds: float = SIMULATED_S) -> float:
    """Return the mean wait of a queue with the arrivals of a turn, in seconds."""
    random = Random(7)
    rate = round(share * servers * NS_PER_S / SERVICE_NS)
    due = schedule(rate, "poisson", seconds, "audit")
    if "D" in name:
        return fmean(waits_ns(due, servers, lambda: SERVICE_NS)) / NS_PER_S
    draw = random.expovariate
    return fmean(waits_ns(due, servers, lambda: round(draw(1) * SERVICE_NS))) / NS_PER_S


def theory_s(name: str, servers: int, share: float) -> float:
    """Return the mean wait by theory, in seconds."""
    service_s = SERVICE_NS / NS_PER_S
    rate = share * servers / service_s
    return (
        wait_of_m_d_1(rate, service_s) if "D" in name else wait_of_m_m_c(rate, service_s, servers)
    )


def _theory() -> Outcome:
    truths = [theory_s(*queue) for queue in QUEUES]
    waits = [simulated_wait_s(*queue) for queue in QUEUES]
    names = [name for name, _, _ in QUEUES]
    return Outcome(
        truth=", ".join(f"{n} {t * 1e3:.3f} ms" for n, t in zip(names, truths, strict=True)),
        measured=", ".join(f"{n} {w * 1e3:.3f} ms" for n, w in zip(names, waits, strict=True)),
        holds=all(abs(w / t - 1) <= CLOSE for w, t in zip(waits, truths, strict=True)),
    )


def _real(laboratory: Laboratory) -> Outcome:
    measured, queued = [], []
    for name, loop in (("serving", "none"), ("serving-async", "asyncio")):
        case = Case(name, POINT_READ, concurrency=REAL_CLIENTS, rate=REAL_RATE)
        job = Job(
            replace(case, loop=loop),  # type: ignore[arg-type]
            "bench.studies.audit.serving",
            "",
            laboratory.dataset,
            seconds=REAL_S,
        )
        pending = laboratory.worker_pool.submit(name, runner.run, job)
        samples = laboratory.worker_pool.result(pending, 4 * REAL_S).samples
        start, duration, wait, late = (
            np.asarray(getattr(samples, column))
            for column in ("start_ns", "duration_ns", "wait_ns", "late_ns")
        )
        order = np.argsort(start - late - wait, kind="stable")
        due = (start - late - wait)[order]
        # A start that is late keeps its client busy, as service does.
        services = iter((late + duration)[order].tolist())
        measured.append(fmean(wait.tolist()) / 1e6)
        offset = int(due[0])
        predicted = waits_ns((due - offset).tolist(), REAL_CLIENTS, lambda it=services: next(it))  # type: ignore[misc]
        queued.append(fmean(predicted) / 1e6)
    return Outcome(
        truth=f"{queued[0]:.3f} ms with threads, {queued[1]:.3f} ms with tasks",
        measured=f"{measured[0]:.3f} ms, {measured[1]:.3f} ms",
        holds=all(abs(m / q - 1) <= CLOSE for m, q in zip(measured, queued, strict=True)),
    )


def share_held(share: float, servers: int = REAL_CLIENTS, windows: int = WINDOWS) -> float:
    """Return the share of simulated windows that hold a rate of this share of the capacity."""
    rate = round(share * servers * NS_PER_S / (4 * SERVICE_NS))
    window_s = ARRIVALS / rate
    lead_ns, window_ns = (round(part * window_s * NS_PER_S) for part in (LEAD_IN_SHARE, 1))
    draw, passed = Random(11), 0
    for number in range(windows):
        due = schedule(rate, "poisson", (lead_ns + window_ns) / NS_PER_S, f"held/{number}")
        services = [round(draw.expovariate(1) * 4 * SERVICE_NS) for _ in due]
        numbers = count()
        waits = waits_ns(due, servers, lambda s=services, n=numbers: s[next(n)])  # type: ignore[misc]
        passed += _held(servers, due, waits, services, lead_ns, window_ns)
    return passed / windows


def _held(
    servers: int,
    due: "array[int]",
    waits: list[int],
    services: list[int],
    lead_ns: int,
    window_ns: int,
) -> bool:
    samples = Samples()
    for when, wait, service in zip(due, waits, services, strict=True):
        if when >= lead_ns:
            samples.start_ns.append(when - lead_ns + wait)
            samples.duration_ns.append(service)
            samples.wait_ns.append(wait)
            samples.late_ns.append(0)
    case = Case("null", POINT_READ, concurrency=servers, rate=1)
    run = Run(case, 0, "", window_ns, samples, 0, None, window_ns, None, None, 0, 0)
    return held(run, Arrived(len(samples), 0, 0))


def _rates() -> Outcome:
    shares = {share: share_held(share) for share in (0.7, 0.8, 0.9, 1.1, 1.2)}
    return Outcome(
        truth="100 % up to 80 %, at least 95 % at 90 %; at most 10 % at 110 %, 2 % at 120 %",
        measured=", ".join(f"{part:.0%} at {share:.0%}" for share, part in shares.items()),
        holds=min(shares[0.7], shares[0.8]) >= 0.99
        and shares[0.9] >= 0.95
        and shares[1.1] <= 0.1
        and shares[1.2] <= 0.02,
    )


CLAIMS = (
    Claim(
        "arrivals-queueing-theory",
        "Operations wait as long as queueing theory says.",
        f"simulation: {SIMULATED_S:.0f} s of arrivals of the schedule, taken as clients take them,"
        f" at 70 % of the capacity; mean wait within {CLOSE:.0%}",
        simulate=_theory,
    ),
    Claim(
        "arrivals-real-queue",
        "Real clients wait as long as the queue that their arrivals and service times make.",
        f"real windows of {REAL_S:.0f} s: null backends with a service time of 4 ms (exponential),"
        f" {REAL_RATE} arrivals/s, {REAL_CLIENTS} clients; mean wait within {CLOSE:.0%} of a"
        " simulation with the same arrivals and service times",
        measure=_real,
    ),
    Claim(
        "arrivals-held",
        "A rate below the capacity is called held, one above is not.",
        f"simulation: {WINDOWS} windows of {ARRIVALS} arrivals at each share of the capacity,"
        f" M/M/{REAL_CLIENTS}; the share of windows that are held",
        simulate=_rates,
    ),
)
