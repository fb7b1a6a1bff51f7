"""Changes to one wallet that race (money-safety T12)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction
from django.urls import reverse

from audit.models import Entry
from tests.support import stripe_events
from tests.support.back_office import logged_in, opened, sentences, superuser
from tests.support.locks import wait_for_somebody_who_waits
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.charges import declines, outcomes
from wallet.models import Cardholder, FundingCharge, FundingMethod
from wallet.processors.base import Outcome

pytestmark = pytest.mark.django_db(transaction=True)


def test_concurrent_declines_in_one_wallet_do_not_deadlock() -> None:
    card = walkthrough_card()
    for amount in (100, 200, 300, 400):
        stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=amount))
    charges = list(FundingCharge.objects.order_by("id"))
    for charge, method in zip(charges, FundingMethod.objects.order_by("id"), strict=True):
        FundingCharge.objects.filter(pk=charge.pk).update(status="sending", method=method)

    def decline(charge: FundingCharge) -> None:
        outcome = Outcome("declined", f"pi_{charge.pk}", "generic_decline")
        outcomes.record(charge_id=charge.pk, outcome=outcome, actor="system:test")

    at_once([lambda charge=charge: decline(charge) for charge in charges])

    assert set(FundingCharge.objects.values_list("status", flat=True)) == {"declined"}
    assert FundingMethod.objects.filter(cooling_until=None).count() == 0


def test_saving_a_wallet_during_a_decline_waits_and_does_not_deadlock() -> None:
    walkthrough_card()
    method = FundingMethod.objects.order_by("pk")[0]
    place = reverse("admin:wallet_cardholder_change", args=[method.cardholder_id])
    client = logged_in(superuser())
    values = opened(client, place) | {"name": "Renamed"}

    def save() -> Any:
        try:
            return client.post(place, values, follow=True)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            Cardholder.objects.select_for_update(no_key=True).get(pk=method.cardholder_id)
            answer = pool.submit(save)
            wait_for_somebody_who_waits()
            declines.cool_down(method, "generic_decline", actor="system:test")
        said = sentences(answer.result(timeout=60))

    assert "someone else saved it, or a charge did" in said
    method.refresh_from_db()
    assert method.cooling_until is not None
    assert not Entry.objects.filter(action="cardholder.changed").exists()
