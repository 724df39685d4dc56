"""The backends as results describe them: layer, driver and mode, in the order of every chart."""

from dataclasses import dataclass
from typing import Any

from bench.results.header import BackendFacts

LAYERS = ("driver", "core", "orm")
DRIVERS = ("psycopg2", "psycopg", "asyncpg")


@dataclass(frozen=True)
class Look:
    """A backend as results describe it: the source of its colour, marker and line in charts."""

    name: str
    mode: str
    """`sync` or `async`."""
    layer: str
    driver: str

    @property
    def null(self) -> bool:
        return self.layer == "null"


def look_of(name: str, described: BackendFacts) -> Look:
    """Return the backend as the header describes it, or by its name if the header does not."""
    return Look(
        name,
        described.colour or ("async" if "async" in name else "sync"),
        described.layer or "other",
        described.driver or name,
    )


def place(look: Look) -> tuple[Any, ...]:
    driver = DRIVERS.index(look.driver) if look.driver in DRIVERS else len(DRIVERS)
    return (*layer_place(look.layer), driver, look.driver, look.mode == "async", look.name)


def layer_place(layer: str) -> tuple[int, str]:
    if layer == "null":
        return len(LAYERS) + 1, ""
    return (LAYERS.index(layer), "") if layer in LAYERS else (len(LAYERS), layer)
