"""A card's balance that has too little or too much for the amount due, and what funding cards pay beside it."""

import pytest

from audit.models import Entry
from issuing.authorizations import lifecycle
from issuing.billing import stored_balance
from issuing.locking import locked_purchase
from issuing.models import Authorization, BalanceUse, RewardEntry, VirtualCard
from issuing.reconcile import ledger_balances as balances_check
from issuing.reconcile import uncleared as purchases_check
from issuing.rewards import book as rewards_book
from onecard.kit import clock
from onecard.kit.transactions import TransactionError
from tests.issuing.billing.balances import ON_CARD, books, by_cards, card, card_with, ended, from_balance, on_card, work
from tests.support.purchases import approve_purchase, deliver_events, transaction_event, update_event
from tests.support.wallets import walkthrough_card
from wallet.accounts import Account
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation

__all__ = ["card"]
pytestmark = pytest.mark.django_db


# More than the balance has


def test_what_the_balance_lacks_is_charged_to_the_best_usable_card() -> None:
    card = card_with(4500)
    asked = approve_purchase(card)
    FundingMethod.objects.filter(network="amex").update(status="disabled")

    deliver_events(transaction_event(asked, 5000))

    # Second best of the walkthrough after Amex is Citi, which is also the backup.
    charge = FundingCharge.objects.get()
    assert (charge.method.network, charge.obligation.amount_minor) == ("mastercard", 500)
    assert books(card) == ended(4500, 500, has=4500)


def test_with_no_card_left_a_person_hears_of_it_once() -> None:
    card = card_with(4500)
    asked = approve_purchase(card)
    FundingMethod.objects.update(status="disabled")

    deliver_events(transaction_event(asked, 5000), update_event(asked, "closed"))
    deliver_events(transaction_event(asked, 5000))
    work()

    case = Case.objects.get()
    assert (case.kind, case.status, case.amount_minor) == ("approved_without_us", "open", 500)
    assert (from_balance(), FundingObligation.objects.exists()) == (4500, False)

    FundingMethod.objects.update(status="active")
    deliver_events(transaction_event(asked, 100, number=2))
    assert not FundingObligation.objects.exists(), "a person is on it; nobody charges beside them"


def test_a_card_that_no_longer_spends_its_balance_keeps_the_rest_of_it() -> None:
    card = card_with(6000)
    asked = approve_purchase(card)
    VirtualCard.objects.update(spends_balance=False)

    deliver_events(transaction_event(asked, 5000), update_event(asked, "closed"))

    assert books(card) == ended(4500, 500, has=6000)


# Less than nothing


def test_an_overpayment_goes_to_the_balance_and_comes_back_from_it(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    deliver_events(
        transaction_event(asked, 4500),
        update_event(asked, "closed"),
        transaction_event(asked, 5000, kind="refund", number=2),
    )
    assert (on_card(card), Case.objects.count()) == (ON_CARD + 500, 0)

    deliver_events(transaction_event(asked, 800, number=3))

    assert books(card) == ended(300, 0)


def test_an_overpayment_that_was_spent_meanwhile_is_charged(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    work()
    deliver_events(
        transaction_event(asked, 4500),
        update_event(asked, "closed"),
        transaction_event(asked, 5000, kind="refund", number=2),
    )
    VirtualCard.objects.update(balance_minor=100)

    deliver_events(transaction_event(asked, 800, number=3))
    work()

    purchase = Authorization.objects.get()
    assert (from_balance(), by_cards(), on_card(card)) == (-400, 700, 0)
    assert ledger.balance(Account.PURCHASES, currency="USD", reference=purchase.reference) == 0


def test_an_overpayment_that_the_card_does_not_spend_is_a_case_until_gone() -> None:
    card = card_with(0, spends_balance=False)
    asked = approve_purchase(card)
    deliver_events(
        transaction_event(asked, 4500),
        update_event(asked, "closed"),
        transaction_event(asked, 5000, kind="refund", number=2),
    )
    deliver_events(transaction_event(asked, 5000, kind="refund", number=2))

    case = Case.objects.get()
    assert (case.kind, case.amount_minor, case.status) == ("credit_left", 500, "open")
    assert case.reference == Authorization.objects.get().reference
    assert (on_card(card), from_balance()) == (500, -500)

    deliver_events(transaction_event(asked, 200, kind="refund", number=3))
    assert list(Case.objects.order_by("pk").values_list("amount_minor", "status")) == [(500, "resolved"), (700, "open")]
    deliver_events(transaction_event(asked, 900, number=4))
    assert not Case.objects.filter(status="open").exists()
    assert books(card) == ended(0, 200, has=0)


def test_an_overpayment_that_a_person_settled_opens_no_case_again() -> None:
    card = card_with(0, spends_balance=False)
    asked = approve_purchase(card)
    refund = transaction_event(asked, 5000, kind="refund", number=2)
    deliver_events(transaction_event(asked, 4500), update_event(asked, "closed"), refund)
    Case.objects.update(status="resolved", resolution="Sent by transfer.")

    deliver_events(update_event(asked, "closed"))

    assert Case.objects.count() == 1


def test_without_a_card_an_overpayment_is_only_a_case(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    deliver_events(transaction_event(asked, 4500), update_event(asked, "closed"))
    purchase = Authorization.objects.get()
    BalanceUse.objects.all().delete()
    Authorization.objects.update(card=None)

    deliver_events(transaction_event(asked, 9000, kind="refund", number=2))

    assert [(case.kind, case.amount_minor) for case in Case.objects.all()] == [("credit_left", 4500)]
    assert not BalanceUse.objects.filter(authorization=purchase).exists()


def test_an_overpayment_beyond_the_largest_balance_stops_there() -> None:
    card = card_with(0)
    asked = approve_purchase(card)
    top = 10**13
    for number in (2, 3):
        deliver_events(transaction_event(asked, top, kind="refund", number=number))
    assert (on_card(card), from_balance()) == (top, -top)


# Beside it


def test_money_goes_back_to_the_card_that_took_the_place_of_another(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    deliver_events(transaction_event(asked, 4500), update_event(asked, "closed"))
    real = walkthrough_card(replaces=card)
    VirtualCard.objects.filter(pk=card.pk).update(status="closed")

    deliver_events(transaction_event(asked, 4500, kind="refund", number=2))
    work()
    work()

    assert (on_card(card), on_card(real)) == (0, ON_CARD)
    assert [each.said for each in balances_check.on_cards()] == []


def test_only_what_a_funding_card_paid_earns_rewards(card: VirtualCard) -> None:
    approve_purchase(card)
    work()
    assert rewards_book.book_charge(FundingCharge.objects.get().pk)
    assert RewardEntry.objects.get().amount_minor == 2500


@pytest.mark.django_db(transaction=True)
def test_a_purchase_paid_by_balance_alone_is_paid_by_somebody() -> None:
    card = card_with(9000)
    approve_purchase(card)
    found = list(purchases_check.paid_by_nobody(balances_check.EVER, clock.now()))
    assert found == []

    BalanceUse.objects.all().delete()
    name = Authorization.objects.get().reference
    assert [each.key for each in purchases_check.paid_by_nobody(balances_check.EVER, clock.now())] == [name]


def test_a_use_or_a_balance_that_is_changed_behind_the_ledger_is_named(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    deliver_events(transaction_event(asked, 4500))
    name = Authorization.objects.get().reference

    BalanceUse.objects.update(amount_minor=1999)
    assert [each.about for each in balances_check.on_cards()] == [f"card:{card.pk}"]
    BalanceUse.objects.update(amount_minor=2001, posted_minor=2001)
    assert [each.about for each in balances_check.on_cards()] == [name]


def test_a_change_of_the_part_is_in_the_trail(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    deliver_events(update_event(asked, "reversed"))
    entry = Entry.objects.get(action="authorization.paid_from_balance")
    assert (entry.details["was_minor"], entry.details["amount_minor"], entry.actor) == (2000, 0, "issuer:stripe")


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_moves(card: VirtualCard) -> None:
    approve_purchase(card)
    purchase = Authorization.objects.get()
    with pytest.raises(TransactionError):
        stored_balance.bring_to(purchase, reference=purchase.reference, due_minor=0, actor="x")
    assert on_card(card) == 0


def test_an_issuers_own_approval_is_no_case_when_the_balance_pays_it() -> None:
    card = card_with(5000)
    asked = approve_purchase(card)
    purchase = Authorization.objects.get()
    with locked_purchase(purchase):
        lifecycle.move(purchase, "declined", actor="test")
    assert on_card(card) == 5000

    deliver_events(update_event(asked, "pending"))

    assert (on_card(card), Case.objects.count()) == (500, 0)
