"""Staff refund what the card's balance paid: it returns to the balance, once, and the books still add up."""

from typing import Any

import pytest
from django.db import transaction as django_transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Entry
from issuing import locking
from issuing.billing import stored_balance
from issuing.models import Authorization, BalanceUse, VirtualCard
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from onecard.notices.models import Notice
from tests.issuing.billing.balances import books, by_cards, card_with, from_balance, on_card, work
from tests.support.purchases import approve_purchase, deliver_events, transaction_event, update_event
from tests.wallet.casework.desks import WHY, clerk
from wallet.accounts import Account
from wallet.entered import amounts as entered_amounts
from wallet.entered import purchase_refunds
from wallet.entered.purchase_refunds import Refundable, RefundRefusedError
from wallet.ledger import postings as ledger
from wallet.models import EnteredAmount, FundingRefund

pytestmark = pytest.mark.django_db
# What is smaller than the processor's least amount is carried, which is another test's.
WHOLE_DOLLARS = st.integers(1, 30).map(lambda dollars: dollars * 100)


@pytest.fixture(autouse=True)
def _patient(settings: Any) -> None:
    """A busy machine declines no purchase."""
    settings.DECISION_DEADLINE_MS = 60_000


def bought(on_it: int, amount: int = 4500) -> tuple[VirtualCard, dict[str, Any]]:
    """A purchase that was captured and closed: the balance paid what it had, and a funding card the rest."""
    card = card_with(on_it)
    asked = approve_purchase(card, amount)
    deliver_events(transaction_event(asked, amount), update_event(asked, "closed"))
    work()
    return card, asked


def refundable() -> Refundable:
    purchase = Authorization.objects.get()
    return purchase_refunds.of_purchase(purchase.reference, purchase.currency)


def refund(minor: int, *, user: Any = None, seen: int | None = None) -> EnteredAmount:
    shown = refundable().given_back.minor if seen is None else seen
    purchase = Authorization.objects.get().reference
    return purchase_refunds.refund(
        purchase=purchase, amount=Money(minor, "USD"), reason=WHY, user=user or clerk(), shown_minor=shown
    )


def goodwill() -> int:
    return ledger.balance(Account.GOODWILL, currency="USD", reference=Authorization.objects.get().reference)


def test_what_the_balance_alone_paid_returns_to_it_at_our_cost() -> None:
    card, _asked = bought(5000)
    ada = clerk()

    assert refund(1000, user=ada).status == "applied"

    assert (on_card(card), from_balance(), goodwill(), FundingRefund.objects.count()) == (1500, 3500, 1000, 0)
    assert books(card)["clearing"] == 0
    entry = Entry.objects.get(action="authorization.refunded_to_balance")
    assert (entry.actor, entry.details["amount_minor"], entry.details["reason"]) == (f"user:{ada.pk}", 1000, WHY)
    notice = Notice.objects.get(kind="refund_arrived")
    assert notice.text.startswith("10.00 USD went back to the balance of your card")
    assert notice.user_id == card.cardholder.user_id


def test_funding_cards_get_back_first_and_the_balance_the_rest() -> None:
    card, _asked = bought(2000)
    found = refundable()
    assert found.balance is not None
    assert (found.by_cards.minor, found.balance.left.minor, found.left.minor) == (2500, 2000, 4500)

    refund(3200)

    assert FundingRefund.objects.get().amount_minor == 2500
    assert (on_card(card), from_balance(), goodwill()) == (700, 1300, 3200)
    assert books(card) == {"balance": 1300, "cards": 0, "on card": 700, "clearing": 0, "open cases": 0}
    refund(1300)
    assert (on_card(card), goodwill()) == (2000, 4500)
    with pytest.raises(RefundRefusedError, match="All that was paid"):
        refund(1)


def test_a_second_press_returns_nothing_more() -> None:
    card, _asked = bought(5000)
    refund(1000, seen=0)

    with pytest.raises(RefundRefusedError, match=r"Meanwhile 10\.00 USD"):
        refund(1000, seen=0)
    assert (on_card(card), goodwill()) == (1500, 1000)


def test_no_more_returns_than_the_balance_paid() -> None:
    card, _asked = bought(5000)

    with pytest.raises(RefundRefusedError, match=r"45\.00 USD is left"):
        refund(4501)
    assert (on_card(card), goodwill(), EnteredAmount.objects.count()) == (500, 0, 0)


def test_what_is_only_set_aside_is_not_paid_yet() -> None:
    card = card_with(5000)
    asked = approve_purchase(card)

    with pytest.raises(RefundRefusedError, match="nothing to give back"):
        refund(100)
    deliver_events(transaction_event(asked, 3000))
    with pytest.raises(RefundRefusedError, match=r"30\.00 USD is left"):
        refund(3001)
    refund(3000)
    assert (on_card(card), from_balance()) == (3500, 1500)


def test_above_the_threshold_nothing_returns_until_another_agrees(settings: Any) -> None:
    settings.TWO_PERSON_ABOVE = 2_000
    card, _asked = bought(5000)
    ada, bob = clerk(), clerk()
    row = refund(2001, user=ada)
    assert (row.status, on_card(card), goodwill()) == ("proposed", 500, 0)

    entered_amounts.agree(entered=row, user=bob, reason=WHY, shown_minor=2001)

    assert (on_card(card), goodwill()) == (2501, 2001)
    assert Entry.objects.get(action="authorization.refunded_to_balance").actor == f"user:{ada.pk}+user:{bob.pk}"
    assert books(card)["clearing"] == 0


def test_a_closed_cards_balance_gets_nothing_and_says_why() -> None:
    card, _asked = bought(5000)
    VirtualCard.objects.filter(pk=card.pk).update(status="closed")

    with pytest.raises(RefundRefusedError, match="card is closed"):
        refund(100)
    assert (on_card(card), goodwill()) == (500, 0)


def test_a_card_that_replaced_it_gets_what_it_paid() -> None:
    card, _asked = bought(5000)
    later = card_with(0, replaces=card)
    VirtualCard.objects.filter(pk=card.pk).update(status="closed", balance_minor=0)
    VirtualCard.objects.filter(pk=later.pk).update(balance_minor=500)
    BalanceUse.objects.update(card=later)

    refund(1000)

    assert (on_card(card), on_card(later), goodwill()) == (0, 1500, 1000)


def test_it_needs_the_purchases_lock_and_takes_no_more_than_was_paid() -> None:
    bought(5000)
    purchase = Authorization.objects.get()
    with transaction(), pytest.raises(locking.LockError):
        stored_balance.give_back(purchase, 100, reason=WHY, actor="x")
    with locking.locked_purchase(purchase) as locked, pytest.raises(ValueError, match="it paid 4500"):
        stored_balance.give_back(locked, 4501, reason=WHY, actor="x")


class TestMerchantRefundsToo:
    """The merchant's refund pays our cost first; the balance gets what is more than ours (docs/decisions/0046)."""

    @pytest.mark.parametrize(
        ("by_merchant", "on_it", "cost"), [(1000, 2500, 1000), (2000, 2500, 0), (3000, 3500, 0), (4500, 5000, 0)]
    )
    def test_it_makes_good_our_cost_before_the_balance(self, by_merchant: int, on_it: int, cost: int) -> None:
        card, asked = bought(5000)
        refund(2000)

        deliver_events(transaction_event(asked, by_merchant, kind="refund", number=2))

        assert (on_card(card), goodwill()) == (on_it, cost)
        assert books(card)["clearing"] == 0

    def test_before_ours_only_the_rest_is_ours_to_give(self) -> None:
        card, asked = bought(5000)
        deliver_events(transaction_event(asked, 3000, kind="refund", number=2))

        with pytest.raises(RefundRefusedError, match=r"15\.00 USD is left"):
            refund(1501)
        refund(1500)
        assert (on_card(card), goodwill()) == (5000, 1500)
        assert books(card)["clearing"] == 0

    def test_a_tip_after_our_refund_is_paid_as_it_is(self) -> None:
        card, asked = bought(5000)
        refund(2000)

        deliver_events(transaction_event(asked, 500, number=2))
        work()

        assert (on_card(card), by_cards(), goodwill()) == (2000, 0, 2000)
        assert books(card)["clearing"] == 0

    @pytest.mark.only_in_proofs
    @given(
        on_it=st.sampled_from([0, 1500, 9000]),
        steps=st.lists(st.tuples(st.sampled_from(["staff", "merchant", "more"]), WHOLE_DOLLARS), max_size=6),
    )
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_in_any_order_each_gets_back_what_is_theirs(self, on_it: int, steps: list[tuple[str, int]]) -> None:
        with django_transaction.atomic():
            card, asked = bought(on_it)
            taken, returned, ours = 4500, 0, 0
            for number, (who, minor) in enumerate(steps, start=2):
                if who == "staff" and minor <= refundable().left.minor:
                    refund(minor)
                    ours += minor
                elif who == "staff":
                    with pytest.raises(RefundRefusedError):
                        refund(minor)
                elif who == "merchant":
                    part = min(minor, taken - returned)
                    if part:
                        deliver_events(transaction_event(asked, part, kind="refund", number=number))
                        returned, ours = returned + part, max(0, ours - part)
                else:
                    deliver_events(transaction_event(asked, minor, number=number))
                    taken += minor
                work()
                assert goodwill() == ours
                use = BalanceUse.objects.first()
                assert by_cards() + (use.amount_minor if use else 0) == taken - returned - ours
            if BalanceUse.objects.exists():
                assert (books(card)["clearing"], books(card)["open cases"]) == (0, 0)
            django_transaction.set_rollback(True)
