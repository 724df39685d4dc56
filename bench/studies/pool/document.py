"""The figures of docs/pool-size.md, made from a results folder."""

import os
from pathlib import Path

from bench.analysis.selection import select
from bench.analysis.summary import summarise
from bench.results import file as results
from bench.studies.pool.findings import findings
from bench.studies.pool.surface import surfaces


def blocks(folder: Path, document: Path) -> dict[str, str]:
    """Return each block as Markdown, by its name. Paths are relative to the document's folder.

    Without the folder, the block says so.
    """
    shown = Path(os.path.relpath(folder, document)).as_posix()
    if not (folder / "run.jsonl").exists():
        return {"pools": f"No run is in the repository: `bench pool --out results/{folder.name}`."}
    run = results.load(folder)
    summaries = summarise(run)
    workloads = dict.fromkeys(
        surface.workload for surface in surfaces(run, summaries) if surface.link.is_direct
    )
    charts = [f"![Pool sizes and clients]({shown}/charts/pool-{name}.png)" for name in workloads]
    sentences = [f"- {found.sentence}" for found in findings(run, select(run, summaries))]
    return {
        "pools": "\n\n".join([*charts, "\n".join(sentences), _where(run, shown)]),
    }


def _where(run: results.Results, shown: str) -> str:
    """Return the command, the machine and the folder of the run."""
    header = run.header
    environment = header.environment
    host = environment.host
    cpu = ", ".join(word for word in (host.cpu, host.cpu_generation) if word)
    return (
        f"`{header.command}`, {header.created_at[:10]}: {cpu}, {host.cores} cores, Python"
        f" {environment.python}, PostgreSQL {environment.server.version}. Everything is in"
        f" [{shown}]({shown}/)."
    )
