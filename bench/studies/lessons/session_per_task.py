"""The lesson `session-per-task`: many trials of every mistake and of its right way."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.measure.worker_pool import Pending
from bench.measure.worker_process import DiedError, GivenUpError
from bench.studies.lessons.catalogue import MISTAKES, THEMES
from bench.studies.lessons.lesson import LessonSetting
from bench.studies.lessons.mistake import Mistake
from bench.studies.lessons.outcome import Evidence
from bench.studies.lessons.tally import TrialTally
from bench.studies.lessons.trial import TIMEOUT_S, TrialJob, run

if TYPE_CHECKING:
    from rich.console import RenderableType

TRIALS = 8

_ISOLATED_TRIALS = 3
"""The trials of a mistake that may hang. They run at once: each ends only with its process."""
_START_S = 15.0

# If a trial's process dies or has to be ended, no other evidence is known, and no count.
_HUNG = Evidence(says="no end", agrees=True, hung=True)
_CRASHED = Evidence(says="its process died", agrees=True, crashed=True)


def measure(setting: LessonSetting) -> dict[str, Any]:
    """Return the tallies `wrong` and `right` of each mistake.

    With the guard there are also `guarded` and `guarded right`.
    """
    from bench.studies.lessons.page import page

    results: dict[str, dict[str, Any]] = {}
    for theme, mistakes in THEMES.items():
        for mistake in mistakes:
            if setting.chosen and mistake.name not in setting.chosen:
                continue
            ways = {"wrong": tally(setting, mistake, "wrong")}
            ways["right"] = tally(setting, mistake, "right")
            if setting.guard and mistake.guardable:
                ways["guarded"] = tally(setting, mistake, "wrong", guard=True)
                ways["guarded right"] = tally(setting, mistake, "right", guard=True)
            results[mistake.name] = {way: counts.as_dict() for way, counts in ways.items()}
            setting.tell(page(mistake, ways, theme=theme))
    return results


def conclude(found: Mapping[str, Any]) -> "RenderableType":
    from bench.studies.lessons.page import table

    return table(tallies(found))


def tallies(found: Mapping[str, Any]) -> dict[Mistake, dict[str, TrialTally]]:
    """Return the tallies in a file, for the mistakes that are still in the catalogue."""
    return {
        MISTAKES[name]: {way: TrialTally(**kept) for way, kept in ways.items()}
        for name, ways in found.items()
        if name in MISTAKES
    }


def tally(setting: LessonSetting, mistake: Mistake, way: str, *, guard: bool = False) -> TrialTally:
    """Run the trials of one way and count them. If it may hang, each trial has its own process."""
    url, driver = setting.database.url, setting.driver
    if way == "right" or not mistake.alone:
        job = TrialJob(mistake.name, way, setting.trials, url, driver, guard)
        timeout_s = _START_S + setting.trials * 2 * TIMEOUT_S
        return TrialTally.of(_evidence(setting, _submit(setting, "trials", job), timeout_s))
    job = TrialJob(mistake.name, way, 1, url, driver, guard)
    running = [
        _submit(setting, f"trial {number}", job)
        for number in range(min(_ISOLATED_TRIALS, setting.trials))
    ]
    evidence = [
        trial
        for pending in running
        for trial in _evidence(setting, pending, _START_S, dismiss=True)
    ]
    return TrialTally.of(evidence)


def _submit(setting: LessonSetting, process: str, job: TrialJob) -> Pending[list[Evidence]]:
    return setting.worker_pool.submit(process, run, job)


def _evidence(
    setting: LessonSetting,
    pending: Pending[list[Evidence]],
    timeout_s: float,
    *,
    dismiss: bool = False,
) -> Sequence[Evidence]:
    try:
        return setting.worker_pool.result(pending, timeout_s)
    except GivenUpError:
        return [_HUNG]
    except DiedError:
        return [_CRASHED]
    finally:
        if dismiss:
            setting.worker_pool.dismiss(pending.process)
