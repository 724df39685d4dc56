"""`bench list`: show the backends, workloads and profiles of this machine."""

import click

from bench.cli.options import backend_module_option
from bench.output.terminal.safe_text import echo


@click.command()
@backend_module_option
def list_(backend_modules: tuple[str, ...]) -> None:
    """Show the backends and whether they are available here, the workloads, and the profiles.

    \b
    Example:
      bench list
    """
    from accessors import is_extra, usual
    from bench.cli.options import look_for_backends
    from bench.model.plan import plan
    from bench.model.profiles import LEAST_ROUNDS, PROFILES
    from bench.model.workload import WORKLOADS
    from bench.output.terminal.list_row import echo_row

    known_backends = look_for_backends(backend_modules, described=True)
    echo("Backends")
    for name, discovered in known_backends.items():
        if discovered.backend is None:
            echo_row(name, 20, f"not available: {discovered.reason}")
        else:
            layer = discovered.backend.layer
            only = "   only if it is named" if is_extra(discovered) else ""
            echo_row(name, 20, f"{discovered.backend.mode:6} {layer}{only}")
    echo("\nWorkloads")
    for workload in WORKLOADS.values():
        echo_row(workload.name, 28, workload.description)
    echo("\nProfiles")
    for profile in PROFILES.values():
        planned = plan(profile, usual(known_backends))
        rounds = f"{LEAST_ROUNDS} to " * (profile.enough_s is not None) + str(profile.rounds)
        runs = f"{len(planned.cases)} cases x {rounds} rounds x {profile.seconds:g} s"
        echo_row(profile.name, 8, f"{profile.description}: {runs}")
        echo_row("", 8, f"does not measure {profile.leaves_out}")
