"""What the lock of a purchase takes, in which order, and what happens without it."""

import pytest
from django.db import connection

from issuing import locking
from issuing.billing import amount_due, stored_balance
from issuing.clearing import card_transactions, posting
from issuing.limits import holds
from issuing.locking import LockError, locked_names, locked_purchase
from issuing.models import Authorization, CardTransaction, VirtualCard
from onecard.kit.transactions import transaction
from tests.issuing.clearing.postings import deliver, posted
from tests.support import stripe_events
from tests.support.factories import CardholderFactory, VirtualCardFactory
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db


def is_locked(card: VirtualCard) -> bool:
    try:
        locking.require_card(card.pk)
    except LockError:
        return False
    return True


def purchase_is_locked(purchase: Authorization) -> bool:
    try:
        locking.require_purchase(purchase)
    except LockError:
        return False
    return True


def cards(provider: str = "stripe", *, issuer_card_id: str = "", named: str = "") -> list[VirtualCard]:
    with locked_names(provider, named, issuer_card_id=issuer_card_id):
        return [card for card in VirtualCard.objects.order_by("pk") if is_locked(card)]


def bought(card: VirtualCard) -> Authorization:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    return Authorization.objects.get(issuer_authorization_id=asked["data"]["object"]["id"])


def test_a_card_is_found_by_its_name_by_its_purchase_and_by_its_capture() -> None:
    card, other = walkthrough_card(), VirtualCardFactory(issuer_provider="stripe", issuer_card_id="ic_other")
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    deliver(posted(asked))
    purchase, capture = asked["data"]["object"]["id"], CardTransaction.objects.get().issuer_transaction_id

    assert cards(issuer_card_id=card.issuer_card_id) == [card]
    assert cards(named=purchase) == cards(named=capture) == [card]
    assert cards(issuer_card_id=other.issuer_card_id, named=purchase) == sorted([card, other], key=lambda each: each.pk)
    assert cards() == cards(issuer_card_id="ic_nobody", named="ipi_nobody") == []
    assert cards("marqeta", issuer_card_id=card.issuer_card_id, named=purchase) == []


def test_the_living_card_that_replaced_a_purchases_card_is_locked_too() -> None:
    card = walkthrough_card()
    purchase = bought(card)
    living = VirtualCardFactory(cardholder=card.cardholder, replaces=card, issuer_card_id="ic_new")

    with locked_purchase(purchase):
        assert (is_locked(card), is_locked(living)) == (True, True)


def test_however_many_cards_there_are_none_is_read_in_vain() -> None:
    holder = CardholderFactory()
    many = [
        VirtualCardFactory.build(cardholder=holder, issuer_provider="stripe", issuer_card_id=f"ic_{number}")
        for number in range(3000)
    ]
    VirtualCard.objects.bulk_create(many)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE issuing_virtualcard")
        names = {"provider": "stripe", "names": ["ipi_7", "iauth_7"], "card": "ic_7"}
        cursor.execute(f"EXPLAIN {locking.NAMED}", names)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    plans = [plan, locking.with_replacements([many[7].pk]).explain()]

    assert [plan for plan in plans if "Seq Scan on issuing_virtualcard" in plan] == []


def test_the_locked_row_is_fresh_and_locking_it_again_changes_nothing() -> None:
    purchase = bought(walkthrough_card())
    Authorization.objects.filter(pk=purchase.pk).update(merchant_name="Fresh")

    with locked_purchase(purchase) as outer, locked_purchase(purchase) as inner:
        assert (outer, outer.merchant_name) == (inner, "Fresh")


def test_another_purchase_of_a_locked_card_can_be_locked_too() -> None:
    card = walkthrough_card()
    one, other = bought(card), bought(card)

    with locked_purchase(one), locked_purchase(other):
        assert purchase_is_locked(one)
        assert purchase_is_locked(other)


def test_no_card_is_locked_after_a_purchase() -> None:
    first, second = walkthrough_card(), walkthrough_card()
    purchase, other = bought(first), bought(second)

    with locked_purchase(purchase):
        late = f"The card {second.pk} would be locked after a purchase"
        with pytest.raises(LockError, match=late), locked_purchase(other):
            pass
        with pytest.raises(LockError, match="cards come first"):
            locking.lock_card(second.pk)


def test_without_the_lock_an_inner_function_says_so() -> None:
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    deliver(posted(asked))
    purchase, kept = Authorization.objects.get(), CardTransaction.objects.get()
    message = f"{purchase.issuer_authorization_id} of stripe is not locked: .* locked_purchase"

    for call in (
        lambda: amount_due.follow(purchase, actor="test"),
        lambda: posting.book(kept),
        lambda: holds.release_all(purchase),
        lambda: stored_balance.bring_to(purchase, reference="x", due_minor=0, actor="test"),
        lambda: card_transactions.link(purchase),
        lambda: card_transactions.link_waiting_refunds(purchase),
    ):
        with transaction(), pytest.raises(LockError, match=message):
            call()


def test_a_lock_that_was_rolled_back_is_no_lock() -> None:
    purchase = bought(walkthrough_card())
    with transaction():
        with pytest.raises(ZeroDivisionError), locked_purchase(purchase):
            raise ZeroDivisionError
        with pytest.raises(LockError):
            amount_due.follow(purchase, actor="test")
