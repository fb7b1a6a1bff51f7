"""A line that is no charge of ours says why, by the nearest that it could have been."""

import datetime as dt
from typing import Any

import pytest
from django.test import override_settings
from django.utils import translation

from issuing.models import CardStatement, StatementLine
from issuing.statements import importing, report, unmatched
from issuing.statements.matching import Moved
from issuing.statements.unmatched import Asked, Known
from onecard.kit import clock
from tests.issuing.rewards.purchases import bought, refunded
from tests.support.wallets import valued_card
from wallet.models import FundingCharge, FundingMethod

DAY = dt.date(2026, 11, 10)


def day(number: int) -> dt.date:
    return DAY + dt.timedelta(days=number)


def known(amount: int = 4500, made: int = 0, *, left: int | None = None, taken: bool = False, came: str = "") -> Known:
    kind = ("refund", 9) if amount < 0 else ("charge", made)
    return Known(Moved(kind, day(made), day(made), amount), amount if left is None else left, taken, came)


def why(amount: int, *rows: Known, saved: int = -365) -> str:
    return unmatched.why(Asked(DAY, amount, "USD", day(saved), rows))


@pytest.mark.parametrize(
    ("amount", "rows", "said"),
    [
        (0, [known()], "Its amount is zero, so there is no charge to look for."),
        (4500, [known(taken=True)], "Our charge of 45.00 USD on 2026-11-10 belongs to another line."),
        (4500, [known()], "Our charge of 45.00 USD on 2026-11-10 fits since then: the next import for this card"),
        (4500, [known(came="declined")], "Our charge of 45.00 USD on 2026-11-10 moved no money: it is declined."),
        (3000, [known(left=3000)], "Our charge on 2026-11-10 was 45.00 USD; 30.00 USD is what is left of it after"),
        (
            4500,
            [known(made=-20), known(made=30)],
            "The nearest of this amount is of 2026-10-21: a line fits from 1 day",
        ),
        (4500, [known(4400), known(9000, -1)], "the nearest of these days is 44.00 USD on 2026-11-10."),
        (4500, [], "We charged nothing else to this card on these days"),
        (-4500, [known(-4000)], "Nothing of ours is 45.00 USD; the nearest of these days is 40.00 USD on 2026-11-10."),
        (-4500, [known(4500)], "We refunded nothing to this card on these days"),
    ],
)
def test_each_reason_is_a_sentence_about_the_nearest(amount: int, rows: list[Known], said: str) -> None:
    assert said in why(amount, *rows)


def test_a_line_from_before_the_card_was_saved_says_so() -> None:
    assert why(4500, saved=5) == "The card was saved with us on 2026-11-15, after this line."


def test_the_sentence_is_in_the_language_of_the_page() -> None:
    with translation.override("de"):
        assert why(4500, known(taken=True)) == (
            "Unsere Belastung von 45,00 USD vom 10.11.2026 gehört zu einer anderen Zeile."
        )


@pytest.fixture
def gold() -> FundingMethod:
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=True):
        card = valued_card()
        charges = [bought(card, amount=amount) for amount in (4500, 2000, 3000)]
    refunded(charges[0], 1500)
    FundingCharge.objects.filter(pk=charges[2].pk).update(status="declined")
    return charges[0].method


@pytest.mark.django_db
def test_the_reasons_come_from_the_charges_and_refunds_of_the_card(
    gold: FundingMethod, django_assert_num_queries: Any
) -> None:
    today = clock.local_day(clock.now(), gold.cardholder.time_zone)
    amounts = ("20.00", "20.00", "30.00", "30.00", "30.01", "-15.00", "-15.00", "0")
    content = "\n".join(["date,amount,reward", *(f"{today},{each},{place}" for place, each in enumerate(amounts))])
    importing.import_statement(method=gold, content=content.encode(), actor="user:1")
    kept = CardStatement.objects.get()
    found = report.build(method=gold, currency="USD", first_on=kept.first_on, last_on=kept.last_on)

    with django_assert_num_queries(2):
        lines = unmatched.explain(found)

    assert [(each.line.amount_minor, each.why.split(" on ")[0]) for each in lines] == [
        (2000, "Our charge of 20.00 USD"), (3000, "Our charge of 30.00 USD"), (3000, "Our charge of 30.00 USD"),
        (3001, "Nothing of ours is 30.01 USD; the nearest of these days is 45.00 USD"),
        (-1500, "Our refund of 15.00 USD"), (0, "Its amount is zero, so there is no charge to look for."),
    ]  # fmt: skip
    ends = [each.why.split(f"{today} ")[-1] for each in lines]
    assert (ends[0], ends[1], ends[4]) == (
        "belongs to another line.", "moved no money: it is declined.", "belongs to another line.",
    )  # fmt: skip
    StatementLine.objects.all().delete()
    with django_assert_num_queries(0):
        assert unmatched.explain(report.Report(**{**_fields(found), "elsewhere": []})) == []


def _fields(found: report.Report) -> dict[str, Any]:
    return {name: getattr(found, name) for name in report.Report.__dataclass_fields__}
