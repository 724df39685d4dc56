"""The plan: the cases that a command measures, made from a profile, backends and factors."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product

from accessors import DiscoveredBackend
from bench.model.case import Case
from bench.model.connect import variants
from bench.model.errors import UsageError
from bench.model.fetch import Fetch
from bench.model.profiles import Block, Factors, Profile
from bench.model.study import probes, studies
from bench.model.workload import WORKLOADS

NO_FACTORS = Factors()

MOST_SETS = 12
"""The most sets of worker processes of a run with too few A/A pairs to tell how much processes
differ. The sets tell it then (`bench.analysis.compare.process_sets`). Of 24 rounds in six sets, one
pair called equal cases different in 17 % of simulated runs, since rounds of a set have its luck."""

_ROUNDS_OF_A_SET = 2

_ENOUGH_PAIRS = 2
"""The A/A pairs of a kind of case, in each run of two, that tell it."""


@dataclass(frozen=True)
class Plan:
    """The cases to measure, and how often."""

    profile: Profile
    """The profile, with the rounds, seconds and scale of the options."""
    cases: tuple[Case, ...]
    impossible: Mapping[str, str] = field(default_factory=dict)
    """Cases that were asked for but cannot run: key -> reason."""
    memory_cases: tuple[Case, ...] = ()
    """The cases whose peak memory of one operation is measured."""
    probes: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)
    """The cases of each probe of a study, by the probe's name, in the order of measuring."""
    fewer_rounds: Mapping[Case, int] = field(default_factory=dict)
    """The number of rounds of each case that runs only in the first rounds."""

    @property
    def everything(self) -> list[Case]:
        """Every case that is timed or whose memory is measured, in the order of tables.

        Of the probes, those that need a new process, as the cases of a study.
        """
        known = probes()
        alone = [
            cases for name, cases in self.probes.items() if name not in known or known[name].alone
        ]
        probed = chain.from_iterable(alone)
        return list(dict.fromkeys([*self.cases, *self.memory_cases, *probed]))

    @property
    def fetches(self) -> list[Fetch]:
        """The fetches to verify: for each mode one with the library's batch size and one with a
        given size.

        One given size is enough, because another size runs the same code.
        """
        fetches = {(c.fetch.mode, c.fetch.batch_size is None): c.fetch for c in self.everything}
        return list(fetches.values())

    @property
    def runs(self) -> int:
        """The number of runs."""
        every, fewer = self.profile.rounds, self.fewer_rounds
        return sum(min(every, fewer.get(case, every)) for case in self.cases)

    def of_round(self, number: int) -> list[Case]:
        """Return the cases of a round. Rounds are counted from 0."""
        every = self.profile.rounds
        return [case for case in self.cases if number < self.fewer_rounds.get(case, every)]

    def left_out(self, backends: Iterable[str]) -> list[str]:
        """Return the reasons why some of these backends have no case at all."""
        lost = set(backends) - {case.backend for case in self.cases}
        reasons = (why for key, why in self.impossible.items() if key.partition("/")[0] in lost)
        return list(dict.fromkeys(reasons))

    def without(
        self, reason: Callable[[Case], str | None], backends: Mapping[str, DiscoveredBackend]
    ) -> "Plan":
        """Return the plan without the cases that `reason` gives a reason for.

        A mode whose twins are left out has others, so that it keeps its noise floor. A probe
        without a case is left out.
        """

        def kept(cases: Iterable[Case]) -> list[Case]:
            return [case for case in cases if case not in left_out]

        probed = chain.from_iterable(self.probes.values())
        asked = dict.fromkeys([*self.cases, *self.memory_cases, *probed])
        left_out = {case: why for case in asked if (why := reason(case))}
        cases = kept(self.cases)
        if any(case.twin for case in left_out):
            cases = list(_with_twins([case for case in cases if not case.twin], backends))
        probes = {name: tuple(kept(cases)) for name, cases in self.probes.items()}
        return replace(
            self,
            cases=tuple(cases),
            impossible={**self.impossible, **{case.key: why for case, why in left_out.items()}},
            memory_cases=tuple(kept(self.memory_cases)),
            probes={name: cases for name, cases in probes.items() if cases},
            fewer_rounds={case: self.fewer_rounds[case] for case in kept(self.fewer_rounds)},
        )


def plan(
    profile: Profile,
    backends: Mapping[str, DiscoveredBackend],
    factors: Factors = NO_FACTORS,
) -> Plan:
    """Return the profile's cases for these backends. `factors` replaces factors of the profile.

    Raises `UsageError` with the reasons if no case is possible.
    """
    blocks = [block.with_factors(factors) for block in profile.blocks]
    possible: dict[Case, None] = {}
    impossible: dict[str, str] = {}
    for case in _cases(blocks, list(backends)):
        backend = backends[case.backend].backend
        assert backend is not None, "unavailable backends are not planned"
        if backend.mode == "sync":
            case = replace(case, loop="none")
        if reason := case.impossible(backend):
            impossible[case.key] = reason
            continue
        for connect in variants(factors.connect, backend):
            possible[replace(case, connect=connect)] = None
    if not possible:
        raise UsageError(
            "nothing to measure: " + "; ".join(dict.fromkeys(impossible.values())) + ".\n"
            "`bench list` shows backends, workloads and profiles."
        )
    cases = list(possible)
    many_rows = tuple(
        case
        for case in cases
        if WORKLOADS[case.workload].many_rows and case.concurrency == 1 and case.rate is None
    )
    return Plan(
        profile,
        _with_twins(cases, backends),
        impossible,
        memory_cases=many_rows,
        probes=_probes(cases, backends),
    )


def plan_of_cases(
    profile: Profile, backends: Mapping[str, DiscoveredBackend], cases: Sequence[Case]
) -> Plan:
    """Return a plan of just these cases and their twins, without memory and without probes."""
    return Plan(profile, _with_twins(list(cases), backends))


def with_enough_sets(plan: Plan) -> Plan:
    """Return the plan with enough sets of worker processes to be compared with another run.

    A plan with few A/A pairs of a kind of case has more sets, of two rounds or more each.
    """
    twins = [case for case in plan.cases if case.twin]
    for alike in {_kind(case) for case in plan.cases}:
        if len([case for case in twins if _kind(case) == alike] or twins) < _ENOUGH_PAIRS:
            sets = min(MOST_SETS, plan.profile.rounds // _ROUNDS_OF_A_SET)
            more = max(plan.profile.generations, sets)
            return replace(plan, profile=replace(plan.profile, generations=more))
    return plan


def _kind(case: Case) -> tuple[bool, bool]:
    """Return what the cases of one noise floor have in common."""
    return case.rate is not None, case.rate is None and case.concurrency == 1


def _probes(
    cases: Sequence[Case], backends: Mapping[str, DiscoveredBackend]
) -> dict[str, tuple[Case, ...]]:
    """Return the cases that the studies probe in every run."""
    probed: dict[str, tuple[Case, ...]] = {}
    for study in studies():
        if study.probes_of_runs:
            probed |= study.call(study.probes_of_runs, cases, backends)
    return {name: chosen for name, chosen in probed.items() if chosen}


def _with_twins(cases: list[Case], backends: Mapping[str, DiscoveredBackend]) -> tuple[Case, ...]:
    """Return the cases and the twins of up to four of them: the A/A pairs of the noise floor.

    In each mode, a case with the lowest concurrency and one with the highest are measured twice.
    Both are of one backend, so that a mode needs one more process. A lone client waits for the
    server, and its wake-up latency varies; busy clients wait for each other. So neither pair can
    stand for the other. Cases that ask a server are preferred, and then the plainest ones.
    """
    asking = [case for case in cases if asks_a_server(case, backends)] or cases
    twins: dict[Case, None] = {}
    for sync in (True, False):
        in_mode = [case for case in asking if (case.loop == "none") is sync]
        if not in_mode:
            continue
        busiest = max(in_mode, key=lambda case: case.concurrency)
        same_backend = [case for case in in_mode if case.backend == busiest.backend]
        quietest = min(same_backend, key=lambda case: case.concurrency)
        twins |= dict.fromkeys((replace(busiest, twin=True), replace(quietest, twin=True)))
    return (*cases, *twins)


def asks_a_server(case: Case, backends: Mapping[str, DiscoveredBackend]) -> bool:
    """Return whether the case's backend asks a server. Others answer from memory."""
    backend = backends[case.backend].backend
    return backend is not None and not backend.in_memory


def _cases(blocks: Iterable[Block], backends: list[str]) -> Iterable[Case]:
    for block in blocks:
        names = [name for name in backends if name not in block.without] or backends
        factors = product(
            block.workloads,
            block.fetches,
            block.concurrency,
            block.session_scopes,
            block.transactions,
            block.rows,
            block.loops,
        )
        for combination in factors:
            more = product(
                *(block.allocators, block.links, block.transports, block.rates, block.processes),
                names,
            )
            for allocator, link, transport, rate, processes, backend in more:
                yield Case(
                    backend,
                    *combination,
                    allocator=allocator,
                    link=link,
                    transport=transport,
                    rate=rate,
                    arrivals=block.arrivals if rate is not None else "poisson",
                    processes=processes,
                )
