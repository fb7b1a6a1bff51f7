"""The page of a dispute lists its own movements, and none of a dispute with a similar id."""

import pytest
from django.urls import reverse

from issuing.models import CardTransaction, Dispute
from tests.issuing.disputes.dispute_events import REINSTATED, settled_purchase
from tests.support.back_office import logged_in, text_of
from tests.support.purchases import approve_purchase, deliver_events
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db


def shown() -> str:
    return text_of(logged_in().get(reverse("admin:issuing_dispute_change", args=[Dispute.objects.get().pk])))


def page(movement: CardTransaction) -> str:
    return reverse("admin:issuing_cardtransaction_change", args=[movement.pk])


def test_what_it_moved_is_that_of_its_own_purchase() -> None:
    deliver_events(REINSTATED(settled_purchase(walkthrough_card())))
    own = CardTransaction.objects.get(transaction_type="chargeback")
    other = CardTransaction.objects.get(pk=own.pk)
    other.pk, other.authorization_id = None, None
    other.issuer_transaction_id = f"{own.issuer_transaction_id}_of_another"
    other.save()

    assert page(own) in shown()
    assert page(other) not in shown()


def test_what_was_moved_before_its_purchase_was_told_is_there_as_well() -> None:
    deliver_events(REINSTATED(approve_purchase(walkthrough_card())))
    assert page(CardTransaction.objects.get()) in shown()


def test_it_says_so_while_nothing_was_moved() -> None:
    deliver_events(REINSTATED(settled_purchase(walkthrough_card())))
    Dispute.objects.update(issuer_dispute_id="idp_other")
    assert "Nothing yet" in shown()
