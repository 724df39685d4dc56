"""Different work is reported for the cases that did it, and for no others."""

from bench.analysis import fairness
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.results.header import BackendFacts, Header

CARDS = {
    "one": {"rows": "tuple", "default_batch": "50", "prepared": "never"},
    "two": {"rows": "objects", "default_batch": "all", "prepared": "never"},
    "null": {"rows": "nothing", "prepared": "nothing"},
}
HEADER = Header(
    backends={
        name: BackendFacts(layer="null" if name == "null" else "driver", card=card)
        for name, card in CARDS.items()
    }
)


def points(*cases: Case) -> dict[str, fairness.Unlike]:
    return {each.point: each for each in fairness.unlike(HEADER, cases)}


def test_a_difference_is_told_with_who_does_what_and_how_many_cases_it_touches() -> None:
    found = points(Case("one", "get_customers"), Case("two", "get_customers"))
    (rows,) = found.values()
    assert rows.ways == {"tuple": ("one",), "objects": ("two",)}
    assert rows.cases == 2
    assert "--rows dict" in rows.cure


def test_differences_without_effect_on_a_case_are_not_reported() -> None:
    """A point read has no rows; equal dicts are equal; a named batch size is no default."""
    assert points(*(Case(name, "get_total_cost_of_an_order") for name in ("one", "two"))) == {}
    assert points(*(Case(name, "get_customers", rows="dict") for name in ("one", "two"))) == {}
    named = [Case(n, "get_customers", Fetch("streamed", 9), rows="dict") for n in ("one", "two")]
    assert points(*named) == {}


def test_a_default_batch_matters_to_a_stream_without_a_size() -> None:
    streams = [Case(n, "get_customers", Fetch("streamed"), rows="dict") for n in ("one", "two")]
    assert set(points(*streams)) == {"batch size by default"}


def test_backends_that_do_alike_and_the_floor_are_no_warning() -> None:
    assert points(Case("one", "get_customers"), Case("one", "mixed")) == {}
    assert points(Case("one", "get_customers"), Case("null", "get_customers")) == {}


def test_a_backend_without_a_card_is_left_out_of_the_card() -> None:
    assert set(fairness.cards(Header(backends={"mine": BackendFacts(layer="driver")}))) == set()
    facts = BackendFacts(card={"rows": "tuple"}, versions={"one": "1.2"})
    card = fairness.cards(Header(backends={"one": facts}))
    assert card == {"one": {"rows": "tuple", "versions": "one 1.2"}}
