"""Which cards a movement locks: what it names, and what that belongs to; by index, however many cards there are."""

import pytest
from django.db import connection

from issuing import locking
from issuing.models import CardTransaction, VirtualCard
from tests import stripe_events
from tests.factories import CardholderFactory, VirtualCardFactory
from tests.issuing.clearing.postings import deliver, posted
from tests.wallets import walkthrough_card

pytestmark = pytest.mark.django_db


def cards(**named: str) -> list[VirtualCard]:
    return list(locking.cards_of("stripe", **{"issuer_card_id": "", "named": ""} | named).order_by("pk"))


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
    assert not locking.cards_of("marqeta", issuer_card_id=card.issuer_card_id, named=purchase).exists()


def test_however_many_cards_there_are_none_is_read_in_vain() -> None:
    holder = CardholderFactory()
    many = [
        VirtualCardFactory.build(cardholder=holder, issuer_provider="stripe", issuer_card_id=f"ic_{number}")
        for number in range(3000)
    ]
    VirtualCard.objects.bulk_create(many)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE issuing_virtualcard")

    plan = locking.cards_of("stripe", issuer_card_id="ic_7", named="ipi_7").explain()

    assert "Seq Scan on issuing_virtualcard" not in plan, plan
