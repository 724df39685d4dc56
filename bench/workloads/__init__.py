"""The declaration of your own workloads: reads as data, units of work as functions, mixes of both.

    from bench.workloads import Read, Unit, Workload

    order = Read("order", sql="SELECT * FROM orders WHERE id = :id", arguments="1..1000")

    def place_order(session: Session, customer: int) -> int: ...

    shop = Workload("shop", {order: 6, place_order: 1}, arguments="1..1000", setup=make_tables)

A file with such declarations is measured by `bench run --workload-file shop.py`.
"""

from bench.workloads.declarations import COPY, Read, Unit, Workload

__all__ = ["COPY", "Read", "Unit", "Workload"]
