"""The palette: one colour per driver, the same in charts and pages.

Okabe and Ito, "Color Universal Design", 2008: colour-blind people can tell these colours apart.
"""

from collections.abc import Mapping

from bench.analysis.look import Look

GREY = "#a3a3a3"
_HUES = {"psycopg2": "#d98200", "psycopg": "#009e73", "asyncpg": "#0072b2"}
_OTHER_HUES = ("#cc79a7", "#6a4c93", "#56b4e9", "#8c6d1f", "#4d4d4d")


def hue(look: Look, looks: Mapping[str, Look]) -> str:
    """Return the colour of a backend's driver, `#rrggbb`.

    `looks`: all backends of the results, by name. The drivers that are not in the palette take the
    remaining colours, in the order of their names.
    """
    if look.null:
        return GREY
    if look.driver in _HUES:
        return _HUES[look.driver]
    drivers = {other.driver for other in looks.values() if not other.null}
    others = sorted(drivers - _HUES.keys())
    return _OTHER_HUES[others.index(look.driver) % len(_OTHER_HUES)]
