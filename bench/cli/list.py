"""`bench list`: what can be measured here."""

import click

from bench.cli.options import backend_module_option
from bench.output.terminal.safe_text import echo


@click.command()
@backend_module_option
def list_(backend_modules: tuple[str, ...]) -> None:
    """Show the backends and whether they can be had here, the workloads, and the profiles.

    \b
    Example:
      bench list
    """
    from bench.cli.options import look_for_backends
    from bench.model.plan import plan
    from bench.model.profiles import PROFILES
    from bench.model.workload import WORKLOADS

    found = look_for_backends(backend_modules)
    usable = {name: one for name, one in found.items() if one.backend}
    echo("Backends")
    for name, one in found.items():
        if one.backend is None:
            echo(f"  {name:20} not here: {one.reason}")
        else:
            echo(f"  {name:20} {one.backend.colour:6} {one.backend.layer}")
    echo("\nWorkloads")
    for workload in WORKLOADS.values():
        echo(f"  {workload.name:28} {workload.description}")
    echo("\nProfiles")
    for profile in PROFILES.values():
        planned = plan(profile, usable)
        runs = f"{len(planned.cases)} cases x {profile.rounds} rounds x {profile.seconds:g} s"
        echo(f"  {profile.name:8} {profile.description}: {runs}")
        echo(f"  {'':8} leaves out {profile.leaves_out}")
