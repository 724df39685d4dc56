"""A claim about the load of other programs: clock ticks against nanoseconds."""

from random import Random

from bench.studies.audit.claim import Claim, Outcome

TICK_S = 0.01
WINDOW_S = 0.05
CORES = 2
RUNS = 500


def _quiet() -> Outcome:
    """Return the load of a quiet machine, whose CPU time is known in steps of a clock tick."""
    random = Random(3)
    machine = used = clipped = 0.0
    for _ in range(RUNS):
        own = WINDOW_S * random.uniform(0.3, 1.2)
        # A tick falls into the window by its phase: on average the ticks add up to the time.
        ticks = int(own / TICK_S + random.random())
        machine += ticks * TICK_S
        used += own
        clipped += max(0.0, ticks * TICK_S - own)
    capacity = RUNS * WINDOW_S * CORES
    now = max(0.0, machine - used) / capacity
    return Outcome(
        truth="0 %",
        measured=f"{now:.1%} of the machine",
        before=f"{clipped / capacity:.1%}",
        holds=now < 0.005,
    )


CLAIMS = (
    Claim(
        "load-of-others",
        "The rounding of CPU times does not show as other programs' load.",
        f"simulation: {RUNS} runs of {WINDOW_S * 1e3:.0f} ms on {CORES} cores without other"
        f" programs, the machine's CPU time in steps of {TICK_S * 1e3:.0f} ms",
        simulate=_quiet,
    ),
)
