"""The palette: every backend of every results file has a colour."""

from bench.analysis.look import Look
from bench.output.palette import GREY, hue


def test_a_driver_that_has_the_name_of_the_null_backend_has_a_colour() -> None:
    """Forbids ValueError for a file of elsewhere, whose driver is called null and is none."""
    looks = {
        "mine": Look("mine", "sync", "orm", "null"),
        "null": Look("null", "sync", "null", "null"),
    }
    assert hue(looks["null"], looks) == GREY
    assert hue(looks["mine"], looks) != GREY
