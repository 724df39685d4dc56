"""The charts of the processes study."""

from bench.studies.processes.charts.processes import figures

__all__ = ["figures"]
