"""The figures of results files that `bench history` keeps, so that it reads a file only once.

They are in `.gatherbench/figures/`, under a hash of the whole file and of the code that made them.
So a file that changed has none, and the same file elsewhere has them too.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np

import bench.analysis
import bench.model
import bench.results
from bench.analysis.figure import FIGURES
from bench.analysis.summary import Figures, summarise
from bench.model.case import Case
from bench.results import source
from bench.results.file import RUN_FILE, header_of, load
from bench.results.header import Header
from bench.system.code_hash import code_hash
from bench.system.home import home
from bench.system.output_files import replacing

MOST_KEPT = 2_000
"""The most files whose figures are kept. Those that were not used for longest are forgotten."""

_BLOCK = 2**20
"""The bytes of a file that are hashed at once."""

ByRound = Mapping[int, float]
_Kept = dict[str, dict[str, list[tuple[int, float]]]]
"""Key of a case -> name of a figure -> its rounds with their values."""

_DECODER = msgspec.json.Decoder(_Kept)


def figures_of(
    folder: Path, wanted: Callable[[Case], bool]
) -> tuple[Header, dict[Case, dict[str, ByRound]]]:
    """Return a run's header with the wanted cases, and the figures by name of those measured.

    Raises `BenchError` as `load` does.
    """
    kept: _Kept = {}
    if found := _find(folder / RUN_FILE):
        place, whole = found
        kept = _read(place)
        plan = tuple(filter(wanted, whole.plan))
        header = replace(whole, plan=plan)
    if not found or any(case.key not in kept for case in plan):
        figures = Figures()
        results = load(folder, wanted, figures.without_samples)
        header, plan = results.header, tuple(results.header.plan)
        kept |= {case.key: {} for case in plan}
        for summary in summarise(results, figures):
            values = {name: summary.by_round(figure) for name, figure in FIGURES.items()}
            kept[summary.case.key] = {name: list(of.items()) for name, of in values.items() if of}
        if found and found == _find(folder / RUN_FILE):  # it was not changed while it was read
            _write(place, kept)
    return header, {
        case: {name: dict(values) for name, values in by_name.items()}
        for case in plan
        if (by_name := kept[case.key])
    }


def _find(path: Path) -> tuple[Path, Header] | None:
    """Return the file that keeps the figures of a results file, and the header of the latter.

    None if it cannot be read. Raises `BenchError` for a damaged header.
    """
    try:
        with source.open_file(path) as file:
            header = header_of(path, file)
            digest = sha256(_made_by().encode())
            file.seek(0)
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return None
    return home() / ".gatherbench" / "figures" / f"{digest.hexdigest()}.json", header


def _made_by() -> str:
    """Return the code that figures are made by, in a few characters."""
    return f"{code_hash(bench.analysis, bench.model, bench.results)} numpy {np.__version__}"


def _read(place: Path) -> _Kept:
    """Return the kept figures; none if the file is missing or damaged."""
    try:
        with source.open_file(place) as file:
            kept = _DECODER.decode(file.read())
    except (OSError, ValueError, RecursionError):
        return {}
    with suppress(OSError):
        place.touch()
    return kept


def _write(place: Path, kept: _Kept) -> None:
    """Keep the figures. A folder that cannot be written keeps none."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        with replacing(place) as file:
            file.write(msgspec.json.encode(kept))
        known = list(place.parent.glob("*.json"))
        if len(known) > MOST_KEPT:
            for oldest in sorted(known, key=lambda path: path.stat().st_mtime)[:-MOST_KEPT]:
                oldest.unlink(missing_ok=True)
