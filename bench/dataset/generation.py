"""Statements that generate the rows: one INSERT ... SELECT per table, equal on every server.

Every value comes from a draw (`bench.model.draws`).
"""

from accessors import sample
from accessors.sql import SCHEMA
from bench.model.dataset import DAYS, FIRST_DAY, FIRST_ORDER, Dataset
from bench.model.draws import FACTORS, MASK, SHIFTS, key

_FIRST_CUSTOMER = len(sample.CUSTOMERS) + 1
_FIRST_ITEM = len(sample.ITEMS) + 1

# A prime larger than any number of customers, so `number * _PRIME % customers` gives each id once.
_PRIME = 2_147_483_647

_GIVEN = "Ada,Bo,Chi,Dana,Eli,Femi,Grace,Hanna,Ines,Jun,Kofi,Lena,Maximilian,Noor,Olu,Priya"
_ONSETS = "Ab,Bar,Cor,Dal,Es,Fin,Gar,Hol,Il,Jan,Kel,Lor,Mon,Nor,Os,Pe,Quin,Ros,Sta,Tor"
_MIDDLES = ",a,an,de,el,in,isto,land,mer,o,quil,vender"
_ENDS = "ak,berg,by,dottir,er,ez,ham,ini,ley,man,ov,sen,son,ski,ton,well"
_QUALITIES = "Dried,Fresh,Frozen,Golden,Organic,Plain,Roasted,Salted,Smoked,Sweet"
_GOODS = (
    "Apples,Barley,Carrots,Dates,Eggs,Figs,Granola,Honey,Jam,Kale,Lentils,Mushrooms,Noodles,"
    "Olives,Peppermint tea,Quinoa,Rice,Sauerkraut,Tofu,Yoghurt"
)
_PACKS = "a bag,a bottle,a box,a can,a family-sized box,a glass jar,a handful,a net"
_TRAITS = "for every day,from the farm,in brine,of the finest sort,ready to eat"


def insertions(dataset: Dataset) -> dict[str, str]:
    """Return a statement for each generated table, parents before children."""

    def draw(purpose: str, number: str = "i") -> str:
        return _mixed(f"({number} # {key(dataset.seed, purpose)})")

    def pick(purpose: str, words: str) -> str:
        choice = words.split(",")
        array = ", ".join(f"'{word}'" for word in choice)
        return f"(ARRAY[{array}])[1 + {draw(purpose)} % {len(choice)}]"

    def shuffled(purpose: str, number: str) -> str:
        """Return the SQL for an id of a generated customer or address.

        For 0 <= number < count it gives every id exactly once.
        """
        offset = key(dataset.seed, purpose)
        return f"({_FIRST_CUSTOMER} + ({number} * {_PRIME} + {offset}) % {customers})"

    def numbers(first: int, last: int) -> str:
        return f"generate_series({first}::bigint, {last}::bigint)"

    customers = dataset.customers - len(sample.CUSTOMERS)
    orders = dataset.orders - len(sample.ORDERS)
    goods = dataset.ordered_items

    # The customer of an order. The number of orders by rank has a Lomax (Pareto II) distribution
    # with exponent 1 and scale customers / 15, cut at the last customer. The inverse of its
    # distribution function is rank = scale * u / (1 - u) for u in [0, 15/16), computed here in
    # integers with u = 15 h / 2**36. The factor 1/15 gives Pareto's rule: 20 % of the customers
    # place 80 % of the orders. The first customer has 16 times the average (1 % of all orders at
    # 1,600 customers, 0.16 % at scale 1), and about a third have none.
    # Lomax, K. S. (1954), "Business failures", JASA 49, 847-852.
    # The ranks are then spread over the ids; otherwise the best customers would share a few pages.
    hashed = draw("orders.customer_id")
    rank = f"({customers} * {hashed} / ({2**36} - 15 * {hashed}))"

    # Each line of an order has another item: with strides below a quarter, five lines never meet.
    return {
        "address": f"""
INSERT INTO {SCHEMA}.address (id, flat_number, post_code)
SELECT i, 1 + {draw("address.flat_number")} % 999, 10001 + {draw("address.post_code")} % 89999
FROM {numbers(_FIRST_CUSTOMER, dataset.customers)} AS i""",
        "customer": f"""
INSERT INTO {SCHEMA}.customer (id, name, address_id)
SELECT i,
       {pick("customer.given", _GIVEN)} || ' ' || {pick("customer.onset", _ONSETS)}
       || {pick("customer.middle", _MIDDLES)} || {pick("customer.end", _ENDS)},
       {shuffled("customer.address_id", f"(i - {_FIRST_CUSTOMER})")}
FROM {numbers(_FIRST_CUSTOMER, dataset.customers)} AS i""",
        "item": f"""
INSERT INTO {SCHEMA}.item (id, name, price, description)
SELECT i,
       {pick("item.quality", _QUALITIES)} || ' ' || {pick("item.good", _GOODS)} || ' ' || i,
       (50 + {draw("item.price")} % 9950) * 0.01,
       CASE WHEN {draw("item.described")} % 4 > 0
            THEN {pick("item.pack", _PACKS)} || ' ' || {pick("item.trait", _TRAITS)} END
FROM {numbers(_FIRST_ITEM, dataset.items)} AS i""",
        "orders": f"""
INSERT INTO {SCHEMA}.orders (id, customer_id, order_time)
SELECT i,
       {shuffled("orders.customer_id+", rank)},
       date '{FIRST_DAY:%Y-%m-%d}' + ((i - {FIRST_ORDER}) * {DAYS} / {orders})::integer
       + ({draw("orders.time")} + {draw("orders.time+")}) * interval '10 microseconds'
FROM {numbers(FIRST_ORDER, dataset.orders)} AS i""",
        "order_items": f"""
INSERT INTO {SCHEMA}.order_items (order_id, item_id, quantity)
SELECT i, 1 + (first + line * stride) % {goods},
       1 + {draw("order_items.quantity", "(i * 8 + line)")} % 5
FROM (
    SELECT i, {draw("order_items.first")} % {goods} AS first,
           1 + {draw("order_items.stride")} % {(goods - 1) // 4} AS stride,
           {draw("order_items.lines")} % 5 AS more
    FROM {numbers(FIRST_ORDER, dataset.orders)} AS i
    OFFSET 0  -- evaluates the draws once an order, not once a line
) AS o, generate_series(0::bigint, more) AS line""",
    }


def _mixed(number: str) -> str:
    """Return `mix` as an inline SQL expression over a bigint. A function call would cost more.

    A factor above 2**31 is written as the equal negative number modulo 2**32, so that the product
    fits into a bigint. After the mask both give the same result.
    """
    for shift, factor in zip(SHIFTS, FACTORS, strict=False):
        fitting = factor if factor < 2**31 else factor - 2**32
        number = f"((({number} # ({number} >> {shift})) * ({fitting})) & {MASK})"
    return f"({number} # ({number} >> {SHIFTS[-1]}))"
