"""What the rest of a period is expected to bring, and what the space in caps is worth for it."""

import datetime as dt
from dataclasses import replace

import pytest

from routing.value.forecast import Bill, Forecast, History, KindKey, find_bill
from routing.value.layout import Layout
from routing.value.live_spend import LiveSpend
from routing.value.pricing import make_prices
from routing.value.replay import Replay
from routing.value.spend import Booking, Bucket, Purchase, Spend
from routing.value.terms import Channel, Holding
from routing.value.top_category import Gains
from routing.value.wallet import UNITS, Wallet
from tests.routing.value.golden import CATALOGUE, MATCHER

KROGER = KindKey("5411", "Kroger", Channel.IN_STORE, is_home=True)
SUPERMARKETS = Bucket("amex-blue-cash-preferred", "supermarkets", dt.date(2025, 1, 1))


def hold(*keys: str) -> list[Holding]:
    return [Holding(key, CATALOGUE.products[key]) for key in keys]


def buy(day: dt.date, dollars: float, mcc: str = "5411", merchant: str = "Kroger") -> Purchase:
    return Purchase(dt.datetime.combine(day, dt.time(12)), mcc, merchant, round(dollars * 100))


def weekly(dollars: float, days: int = 180) -> History:
    start = dt.date(2025, 1, 1)
    return History(start, [buy(start + dt.timedelta(days=day), dollars) for day in range(0, days, 7)])


def dollar_price(history: History, today: dt.date, left: int) -> float:
    """The price in cents of a dollar of what is left of the 6,000 dollars of supermarkets; Savor pays 3 % beside it."""
    live = LiveSpend()
    live.book(Booking(((SUPERMARKETS, 600_000 - left * 100),)))
    wallet = Wallet(MATCHER, CATALOGUE, hold("amex-blue-cash-preferred", "capital-one-savor"))
    prices = make_prices(wallet, live.spend, history, today)
    return prices.cost(SUPERMARKETS, left * 100, 100) / UNITS


def expected(history: History, today: dt.date, month: int) -> dict[KindKey, float]:
    """What is expected of each kind in a month that has not begun."""
    first, after = dt.date(2025, month, 1), dt.date(2025, month + 1, 1)
    forecast = Forecast(history, today)
    return {key: forecast.expect(key, first, after).mean for key in history.kinds()}


def test_space_that_runs_out_costs_what_the_next_card_pays_less() -> None:
    assert dollar_price(weekly(300), dt.date(2025, 7, 1), 100) == pytest.approx(3.0, abs=0.1)


def test_space_that_nobody_will_use_costs_nothing() -> None:
    assert dollar_price(weekly(10), dt.date(2025, 7, 1), 6000) == pytest.approx(0.0, abs=0.01)


def test_the_price_falls_towards_the_end_of_the_period() -> None:
    prices = [dollar_price(weekly(100), day, 800) for day in (dt.date(2025, 7, 1), dt.date(2025, 11, 10))]
    assert prices[0] > 2.5
    assert prices[1] < prices[0] / 2


def test_a_short_history_is_completed_by_the_average_household() -> None:
    found = expected(History(dt.date(2025, 1, 1)), dt.date(2025, 1, 1), 1)

    assert 150_000 < sum(found.values()) < 500_000


def test_months_ahead_are_expected_to_be_like_the_past() -> None:
    """A month that has not come yet is no month without purchases."""
    july, october = (expected(weekly(100), dt.date(2025, 7, 1), month)[KROGER] for month in (7, 10))

    assert july == pytest.approx(october)


def test_own_purchases_outweigh_the_average_in_time() -> None:
    """This person buys nothing but groceries for 100 dollars a week."""
    found = expected(weekly(100), dt.date(2025, 7, 1), 7)

    assert found[KROGER] == pytest.approx(100 * 100 * 31 / 7, rel=0.2)
    assert sum(found.values()) < 1.5 * found[KROGER]


@pytest.mark.parametrize(
    ("days", "amounts", "is_bill"),
    [
        ((0, 30, 61), (50, 50, 50), True),
        ((0, 30, 61), (50, 55, 48), True),
        ((0, 30, 61), (50, 150, 20), False),
        ((0, 10, 61), (50, 50, 50), False),
        ((0,), (50,), False),
    ],
)
def test_a_bill_comes_monthly_with_about_the_same_amount(
    days: tuple[int, ...], amounts: tuple[int, ...], is_bill: bool
) -> None:
    start = dt.date(2025, 1, 5)
    payments = [(start + dt.timedelta(days=day), amount) for day, amount in zip(days, amounts, strict=True)]

    assert (find_bill(payments) is not None) is is_bill


def test_a_bill_that_was_paid_this_month_is_not_due_again_before_the_next() -> None:
    bill = Bill(5000, dt.date(2025, 3, 5))

    assert bill.times_due(dt.date(2025, 3, 10), dt.date(2025, 4, 1)) == 0
    assert bill.times_due(dt.date(2025, 4, 1), dt.date(2025, 5, 1)) == 1


def test_a_bill_that_stopped_is_no_longer_expected() -> None:
    history = History(dt.date(2025, 1, 1), [buy(dt.date(2025, month, 5), 50) for month in (1, 2)])
    march = (KROGER, dt.date(2025, 3, 1), dt.date(2025, 4, 1))

    assert Forecast(history, dt.date(2025, 3, 1)).expect(*march).due == 5000
    assert Forecast(history, dt.date(2025, 4, 1)).expect(KROGER, dt.date(2025, 4, 1), dt.date(2025, 5, 1)).due == 0


def test_a_year_keeps_scarce_space_for_what_no_other_card_rewards() -> None:
    """One cap for gas at 3 % and groceries at 2 %, and another card with 2 % for groceries: all space goes to gas."""
    gas = Holding("bofa-customized-cash", CATALOGUE.products["bofa-customized-cash"], {"choice_3": ("gas",)})
    replay = Replay(MATCHER, CATALOGUE, [gas, *hold("wells-fargo-active-cash")])
    spent: dict[str, int] = {"gas": 0, "groceries": 0}
    for day in range(90):
        for mcc, what in (("5411", "groceries"), ("5541", "gas")):
            purchase = buy(dt.date(2025, 1, 1) + dt.timedelta(days=day), 60, mcc, what)
            choice = replay.choose(purchase)
            replay.record(purchase, choice)
            if choice.chosen and choice.chosen.card.holding.card == "bofa-customized-cash":
                spent[what] += purchase.amount_minor

    # The last purchase that does not fit whole goes to the other card.
    assert spent["gas"] >= 244_000
    assert spent["groceries"] == 0


def pay_bills(cards: list[Holding], months: int) -> list[str]:
    """Who pays a monthly bill of 700 dollars for the internet, beside groceries for 120 dollars every fourth day."""
    replay, payers = Replay(MATCHER, CATALOGUE, cards), []
    for day in (dt.date(2025, 1, 1) + dt.timedelta(days=each) for each in range(30 * months)):
        bought = [buy(day, 700, "4899", "Fibre")] if day.day == 10 else []
        bought += [buy(day, 120)] if day.toordinal() % 4 == 0 else []
        for purchase in bought:
            choice = replay.choose(purchase)
            replay.record(purchase, choice)
            if purchase.mcc == "4899" and choice.chosen:
                payers.append(choice.chosen.card.holding.card)
    return payers


def test_a_bill_that_is_due_now_is_not_waited_for() -> None:
    """Once it is recognized, the bill fills the top category's cap: the same bill does not come again this month."""
    payers = pay_bills(hold("citi-custom-cash", "citi-double-cash", "amex-gold"), 8)

    assert payers[-5:] == ["citi-custom-cash"] * 5


def test_a_wallet_priced_again_with_its_layout_has_the_same_prices() -> None:
    """Across a change of quarter, of rotating categories and of the purchases that are known."""
    held = hold("citi-custom-cash", "discover-it-cash-back", "amex-blue-cash-preferred")
    activated = {f"2025Q{quarter}": None for quarter in (1, 2, 3)}
    wallet = Wallet(MATCHER, CATALOGUE, [replace(each, activations=activated) for each in held])
    layout, history = Layout(wallet), weekly(90)
    for day in (dt.date(2025, 6, 29), dt.date(2025, 6, 30), dt.date(2025, 7, 2)):
        history.add(buy(day, 75, "5541", "Shell"))
        assert make_prices(wallet, Spend(), history, day, layout) == make_prices(wallet, Spend(), history, day)


def test_the_same_spend_gives_the_same_prices() -> None:
    wallet = Wallet(MATCHER, CATALOGUE, hold("citi-custom-cash", "amex-blue-cash-preferred", "capital-one-savor"))
    first, second = (make_prices(wallet, LiveSpend().spend, weekly(90), dt.date(2025, 7, 1)) for _ in range(2))

    assert first == second


def test_a_part_of_a_price_answers_as_the_whole() -> None:
    whole = Gains((0, 300, 700, 1000), (0, 5000, 8001, 9000), 7, 11)
    for low in range(0, 1101, 50):
        for high in range(low, 1101, 50):
            part = whole.between(low, high)
            assert [part.upto(room) for room in (low, high)] == [whole.upto(room) for room in (low, high)]
            assert (part.deviation, part.reach) == (7, 11)
