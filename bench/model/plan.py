"""The plan: the cases that a command measures, made from a profile, backends and factors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product

from accessors import Found
from bench.model.case import Case, Fetch
from bench.model.errors import UsageError
from bench.model.profiles import Block, Factors, Profile
from bench.model.study import studies
from bench.model.workload import WORKLOADS

NO_FACTORS = Factors()


@dataclass(frozen=True)
class Plan:
    """What will be measured."""

    profile: Profile
    """With rounds, seconds and scale as the options have them."""
    cases: tuple[Case, ...]
    impossible: Mapping[str, str] = field(default_factory=dict)
    """Cases that were asked for and can't be: key -> why."""
    memory_cases: tuple[Case, ...] = ()
    """Of which the peak memory of one operation is measured."""
    probes: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)
    """The cases of each probe of a study, by the probe's name, in the order of their turn."""
    fewer_rounds: Mapping[Case, int] = field(default_factory=dict)
    """In how many rounds, the first, a case is run that is not run in all of them."""

    @property
    def everything(self) -> list[Case]:
        """Each case of which anything is measured, in the order of tables."""
        probed = chain.from_iterable(self.probes.values())
        return list(dict.fromkeys([*self.cases, *self.memory_cases, *probed]))

    @property
    def fetches(self) -> list[Fetch]:
        """Those to verify: of each mode, with the library's batch size and with one that is given.

        Another size is no other code.
        """
        found = {(c.fetch.mode, c.fetch.batch_size is None): c.fetch for c in self.everything}
        return list(found.values())

    @property
    def runs(self) -> int:
        """How many there will be."""
        every, fewer = self.profile.rounds, self.fewer_rounds
        return sum(min(every, fewer.get(case, every)) for case in self.cases)

    def of_round(self, number: int) -> list[Case]:
        """Those that are run in this round, from 0."""
        every = self.profile.rounds
        return [case for case in self.cases if number < self.fewer_rounds.get(case, every)]

    def left_out(self, backends: Iterable[str]) -> list[str]:
        """Why some of these backends have no case at all."""
        lost = set(backends) - {case.backend for case in self.cases}
        reasons = (why for key, why in self.impossible.items() if key.partition("/")[0] in lost)
        return list(dict.fromkeys(reasons))


def plan(
    profile: Profile,
    backends: Mapping[str, Found],
    factors: Factors = NO_FACTORS,
) -> Plan:
    """Return the profile's cases for these backends, with `factors` in the place of its own.

    Raises `UsageError`, with the reasons, where no possible case is left.
    """
    blocks = [block.with_factors(factors) for block in profile.blocks]
    possible: dict[Case, None] = {}
    impossible: dict[str, str] = {}
    for case in _cases(blocks, list(backends)):
        found = backends[case.backend].backend
        assert found is not None, "unavailable backends are not planned"
        if found.mode == "sync":
            case = replace(case, loop="none")
        if reason := case.impossible(found):
            impossible[case.key] = reason
        else:
            possible[case] = None
    if not possible:
        raise UsageError(
            "nothing to measure: " + "; ".join(dict.fromkeys(impossible.values())) + ".\n"
            "`bench list` shows backends, workloads and profiles."
        )
    cases = list(possible)
    many_rows = tuple(
        case for case in cases if WORKLOADS[case.workload].many_rows and case.concurrency == 1
    )
    return Plan(
        profile,
        _with_a_twin(cases, backends),
        impossible,
        memory_cases=many_rows,
        probes=_probes(cases, backends),
    )


def _probes(cases: Sequence[Case], backends: Mapping[str, Found]) -> dict[str, tuple[Case, ...]]:
    """Return what the studies probe of every run."""
    probed: dict[str, tuple[Case, ...]] = {}
    for study in studies():
        if study.probes_of_runs:
            probed |= study.call(study.probes_of_runs, cases, backends)
    return {name: chosen for name, chosen in probed.items() if chosen}


def _with_a_twin(cases: list[Case], backends: Mapping[str, Found]) -> tuple[Case, ...]:
    """And the noise floor's twin of a case that asks a server with the largest crowd.

    A lone task waits, and what waking costs is this machine's mood: its twin would be as far off
    as the mood, and no difference between cases that are busy could be told.
    """
    asking = [case for case in cases if _asks_a_server(case, backends)] or cases
    return (*cases, replace(max(asking, key=lambda case: case.concurrency), twin=True))


def _asks_a_server(case: Case, backends: Mapping[str, Found]) -> bool:
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
            for backend in names:
                yield Case(backend, *combination)
