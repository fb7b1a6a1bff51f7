"""What a decision sees of a person survives its way through JSON."""

import datetime as dt
import json

from routing.value.prices import Paid, Prices
from routing.value.spend import Bucket
from routing.value.top_category import Gains
from routing.valued.person import kept_prices, prices_of

FIRST = dt.date(2025, 1, 1)
PRICES = Prices(
    space={Bucket("7", "dining", FIRST): Gains((0, 50, 100), (0, 30, 40), 5, 80)},
    tops={
        Bucket("8", "top", FIRST): {"gas": Gains((0, 50), (0, 20), 9, 60), "groceries": Gains((0, 50), (0, 10), 4, 30)}
    },
    paid={Bucket("8", "top", FIRST): {Paid("gas", "5541", "Shell"): Gains((0, 50), (0, 10), 3, 20)}},
)


def test_prices_come_back_whole() -> None:
    assert prices_of(json.loads(json.dumps(kept_prices(PRICES)))) == PRICES


def test_prices_of_two_parts_can_still_be_read() -> None:
    found = prices_of({"space": [["7", "dining", "2025-01-01", [0, 100], [0, 40]]]})

    assert found == Prices({Bucket("7", "dining", FIRST): Gains((0, 100), (0, 40))})
