"""Cases that differ in their number of processes alone, side by side."""

from dataclasses import dataclass, replace

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.case import Case


@dataclass(frozen=True)
class ByProcesses:
    """One kind of work with the same total of clients, in one process and in several."""

    kind: Case
    """The case without backend and loop, in one process."""
    backends: dict[str, dict[int, Summary]]
    """Backend -> number of processes -> the case, from the fewest processes to the most."""

    @property
    def processes(self) -> list[int]:
        """The numbers of processes, from the fewest to the most."""
        return sorted({number for of in self.backends.values() for number in of})


def by_processes(selection: Selection) -> list[ByProcesses]:
    """Return each kind of work that backends did in one process and in several.

    Cases with a failure are left out, and so are null backends.
    """
    kinds: dict[Case, dict[str, dict[int, Summary]]] = {}
    null = selection.header.null_backends
    for summary in sorted(selection.summaries, key=lambda summary: summary.case.processes):
        case = summary.case
        if summary.throughput_per_s and not summary.marked and case.backend not in null:
            kind = replace(case, backend="", loop="asyncio", processes=1)
            kinds.setdefault(kind, {}).setdefault(case.backend, {})[case.processes] = summary
    found = []
    for kind, backends in kinds.items():
        several = {name: of for name, of in backends.items() if len(of) > 1}
        if several:
            in_order = {name: several[name] for name in selection.looks if name in several}
            found.append(ByProcesses(kind, in_order))
    return found
