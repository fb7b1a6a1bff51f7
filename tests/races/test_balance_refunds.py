"""Staff refund what a balance paid, while they press twice and others move the same money (money-safety I1, I5)."""

from collections.abc import Callable
from typing import Any

import pytest

from issuing.authorizations import close_out
from issuing.models import Authorization, BalanceUse
from issuing.reconcile import ledger_balances
from onecard.kit import clock
from onecard.kit.money import Money
from tests.races.test_balance import card_with, deliver_event, on_card
from tests.support import stripe_events
from tests.support.locks import deadlocks
from tests.support.purchases import MUCH_LATER, transaction_event, update_event
from tests.support.threads import at_once
from tests.wallet.casework.desks import WHY, clerk
from wallet.accounts import Account
from wallet.entered import purchase_refunds
from wallet.entered.purchase_refunds import RefundRefusedError
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger

pytestmark = pytest.mark.django_db(transaction=True)
ON_CARD, ASKED, CAPTURED, BY_STAFF = 20_000, 4500, 3000, 2000


@pytest.fixture(autouse=True)
def _patient(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 60_000


def presses(purchase: str) -> list[Callable[[], str]]:
    """Two people who each give back the same, having seen that nothing is given back yet."""

    def press(user: Any) -> str:
        amount = Money(BY_STAFF, "USD")
        try:
            purchase_refunds.refund(purchase=purchase, amount=amount, reason=WHY, user=user, shown_minor=0)
        except RefundRefusedError as error:
            return error.message
        return "done"

    return [lambda user=user: press(user) for user in (clerk(), clerk())]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("other", "costs"),
    [
        (lambda asked: transaction_event(asked, 1000, kind="refund", number=2), CAPTURED - 1000),
        (lambda asked: transaction_event(asked, 500, number=2), CAPTURED + 500),
        (lambda asked: update_event(asked, "reversed"), CAPTURED),
    ],
    ids=["the merchant refunds", "a further capture", "the rest is reversed"],
)
def test_what_others_move_at_the_same_moment_is_returned_once(
    other: Callable[[dict[str, Any]], dict[str, Any]], costs: int
) -> None:
    card, before = card_with(ON_CARD), deadlocks()
    asked = [stripe_events.authorization_request(card=card.issuer_card_id, amount=ASKED) for _ in range(2)]
    for event in asked:
        assert stripe_events.post(event).json()["approved"]
        deliver_event(transaction_event(event, CAPTURED))

    for event, purchase in zip(asked, Authorization.objects.order_by("pk"), strict=True):
        told = other(event)
        results = at_once([*presses(purchase.reference), lambda told=told: deliver_event(told)])
        assert results.count("done") == 1
        assert BalanceUse.objects.get(authorization=purchase).given_back_minor == BY_STAFF
        deliver_event(update_event(event, "closed"))
    close_out.sweep(now=clock.now() + MUCH_LATER)

    paid = 0
    for use in BalanceUse.objects.select_related("authorization"):
        ours = ledger.balance(Account.GOODWILL, currency="USD", reference=use.authorization.reference)
        assert use.amount_minor + ours == costs
        assert 0 <= ours <= BY_STAFF
        paid += use.amount_minor
    assert (on_card(card), deadlocks()) == (ON_CARD - paid, before)
    assert [each.said for each in (*ledger_check.check(), *ledger_balances.on_cards())] == []
