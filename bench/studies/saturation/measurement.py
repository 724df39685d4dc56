"""The run of `bench saturate`: windows at the rates that a search asks for."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from bench.analysis.summary import of_case
from bench.dataset import lock
from bench.execution.client_machines import client_machines
from bench.execution.links import Links
from bench.execution.measurement import Measurement, ended
from bench.execution.outcomes import Outcomes
from bench.execution.progress_listener import ProgressListener
from bench.execution.stage_times import StageTimes
from bench.execution.turns import Turns
from bench.measure.worker_pool import WorkerPool
from bench.model.case import Case
from bench.model.rate import MOST_PER_S, ArrivalPattern
from bench.model.run_config import RunConfig
from bench.results.entries import Entry, Run
from bench.results.file import Recorder
from bench.server.database import Database
from bench.server.pooler import Pooler, detect
from bench.studies.saturation.entries import Objective, Saturation
from bench.studies.saturation.passing import passed
from bench.studies.saturation.search import Search

RESTART_AFTER = 8
"""The rounds after which worker processes are restarted, so that their luck is sampled."""


@dataclass(frozen=True)
class SearchTask:
    """The search that a command asks for."""

    objective_ns: int
    """The highest p99 of the response."""
    arrivals: ArrivalPattern

    def fitted(self, config: RunConfig) -> RunConfig:
        """Return the config with the rounds of the plan's own cases: one.

        The file says how many; those of a search are not known before.
        """
        profile = replace(config.plan.profile, rounds=1)
        return replace(config, plan=replace(config.plan, profile=profile))

    def searches(self, config: RunConfig) -> "Searches":
        """Return the searches of the plan's cases, which have not begun."""
        return Searches(config.plan.cases, self.objective_ns, self.arrivals)


def measure(
    asked: SearchTask,
    config: RunConfig,
    database: Database,
    recorder: Recorder,
    listener: ProgressListener,
) -> None:
    """Search the highest rate of each case of the plan; append every window as it ends.

    Raises as `bench.execution.measurement.measure` does. If it is interrupted, the file has the
    windows and answers so far.
    """
    config = asked.fitted(config)
    times = StageTimes(listener)
    with ended(recorder, times):
        pooler: Pooler | None = detect(database)
        with (
            lock.held(database, config.timeout_s) as held,
            Links(database.url) as links,
            WorkerPool(config.guard) as workers,
            client_machines(config, database) as cluster,
        ):
            outcomes = Outcomes(database, recorder, times, held, workers)
            searches = asked.searches(config)
            Measurement(
                config, times, outcomes, links, searches, pooler, cluster, turns=searches.turns
            ).carry_out(times)


class Searches:
    """The searches of all backends. Each outcome is noted, and `next` gives the cases of a round.

    A backend whose closed loop failed has no search.
    """

    def __init__(self, closed: Iterable[Case], objective_ns: int, arrivals: ArrivalPattern) -> None:
        self.closed = tuple(closed)
        self.objective_ns = objective_ns
        self._arrivals = arrivals
        self._searches: dict[Case, Search] = {}
        """Case of the closed loop -> its search."""
        self._answered: set[Case] = set()

    def note(self, entry: Entry) -> None:
        """Take an outcome into account. A failure is a window that missed."""
        case = entry.case
        if case in self.closed:
            if isinstance(entry, Run) and (per_s := _throughput(entry)):
                self._searches[case] = Search(per_s, MOST_PER_S * case.processes)
        elif case.rate is not None:
            search = self._searches[replace(case, rate=None, arrivals="poisson")]
            search.note(case.rate, isinstance(entry, Run) and self._passed(entry))

    def wanted(self) -> set[Case]:
        """Return the cases of the next round."""
        return set(self.next())

    def waits_for_processes(self) -> bool:
        """Return False: a search goes on with the processes that it has."""
        return False

    def next(self) -> list[Case]:
        """Return the cases of the next round: one for each search that goes on."""
        return [
            self._at(closed, rate)
            for closed, search in self._searches.items()
            if (rate := search.next()) is not None
        ]

    def turns(self, *arguments: Any, **named: Any) -> Turns:
        """Return the turns of a run that measures what these searches ask for."""
        return _SearchTurns(*arguments, **named, searches=self)

    def answers(self) -> list[Saturation]:
        """Return the answers that came since the last call."""
        new = []
        for closed, search in self._searches.items():
            if search.answer is not None and closed not in self._answered:
                self._answered.add(closed)
                case = self._at(closed, search.answer)
                new.append(Saturation(case, search.tried, search.missed))
        return new

    def _at(self, closed: Case, rate: int) -> Case:
        return replace(closed, rate=rate, arrivals=self._arrivals)

    def _passed(self, run: Run) -> bool:
        (window,) = of_case(run.case, [run], [], []).rounds
        return passed(window, self.objective_ns)


def _throughput(run: Run) -> float | None:
    throughput = of_case(run.case, [run], [], []).throughput_per_s
    return throughput.median if throughput else None


@dataclass
class _SearchTurns(Turns):
    """Gives turns to the rates that the searches ask for. A round has one window of each."""

    searches: Searches = field(kw_only=True)

    def measure(self) -> None:
        """Measure the closed loops, then every round of the searches. Raises `BenchError`."""
        with closing(self._shared):
            self._search()

    def _search(self) -> None:
        recorder = self.outcomes.recorder
        # Without those of backends whose answers differ.
        closed = [case for case in self.searches.closed if case in self.config.plan.cases]
        cases = closed
        for number in count():
            if not cases:
                break
            self._round(cases, number, number // RESTART_AFTER)
            if number == 0:
                for case in closed:
                    recorder.add(Objective(case, self.searches.objective_ns))
            for answer in self.searches.answers():
                recorder.add(answer)
            if number % RESTART_AFTER == RESTART_AFTER - 1:
                self._end_processes()
            cases = self.searches.next()
        self._end_processes()
