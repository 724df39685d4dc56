"""The workshop's own rows. They are the first of every dataset, so some answers are always known.

Order 1 costs 30, order 2 costs 12, order 3 has no lines.
"""

from datetime import datetime
from decimal import Decimal

ADDRESSES = ((1, 101, 10001), (2, 201, 10002), (3, 301, 10003))
"""(id, flat_number, post_code)"""

CUSTOMERS = ((1, "Alex", 1), (2, "Blake", 2), (3, "Cam", 3))
"""(id, name, address_id)"""

ITEMS = (
    (1, "Milk", Decimal(5), "1L bottle of milk"),
    (2, "Kit Kat", Decimal(1), "a chocolate"),
    (3, "Bread", Decimal("10.5"), "a loaf of bread"),
    (4, "Onion", Decimal(2), "an onion"),
)
"""(id, name, price, description)"""

ORDERS = (
    (1, 1, datetime(2024, 3, 18, 10, 30)),
    (2, 3, datetime(2024, 3, 20, 11, 0)),
    (3, 2, datetime(2024, 3, 25, 15, 0)),
)
"""(id, customer_id, order_time)"""

ORDER_ITEMS = ((1, 2, 4), (1, 3, 2), (1, 1, 1), (2, 2, 2), (2, 4, 5))
"""(order_id, item_id, quantity)"""
