"""The charts of the network study."""

from bench.studies.network.charts.latency import figures

__all__ = ["figures"]
