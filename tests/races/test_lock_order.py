"""Whoever locks a purchase takes its locks in one order, so nobody waits in a circle (money-safety T12)."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from issuing import states
from issuing.authorizations import close_out
from issuing.billing import position
from issuing.clearing import match_correction
from issuing.handlers import dispatch
from issuing.models import Authorization, CardTransaction, IssuerEvent, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import transaction
from tests.support import stripe_events
from tests.support.factories import VirtualCardFactory
from tests.support.locks import deadlocks, wait_for_somebody_who_waits
from tests.support.purchases import MUCH_LATER, deliver_events, transaction_event, update_event
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)
Told = dict[str, Any]


@pytest.fixture
def replaced() -> tuple[VirtualCard, VirtualCard, Told]:
    """A closed card with a purchase, and the living card that replaced it; the issuer may name either."""
    old = walkthrough_card()
    asked = stripe_events.authorization_request(card=old.issuer_card_id)
    assert stripe_events.post(asked).json()["approved"] is True
    living = VirtualCardFactory(cardholder=old.cardholder, replaces=old, issuer_card_id="ic_living")
    VirtualCard.objects.filter(pk=old.pk).update(status=states.Card.CLOSED)
    return old, living, asked


def naming(card: VirtualCard, event: Told) -> Told:
    """The same event, where the issuer names this card."""
    content = event["data"]["object"]
    content["card"] = {**content["card"], "id": card.issuer_card_id} if "id" in content["card"] else card.issuer_card_id
    return event


def telling(event: Told) -> Callable[[], str]:
    stripe_events.post(event)
    key = IssuerEvent.objects.get(event_id=event["id"]).pk
    return lambda: dispatch.handle(event_pk=key)


def test_who_waits_for_a_purchases_first_card_holds_nothing_else_yet(
    replaced: tuple[VirtualCard, VirtualCard, Told],
) -> None:
    old, living, asked = replaced
    tell = telling(naming(living, update_event(asked, "closed")))

    def run() -> str:
        try:
            return tell()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction(), connection.cursor() as cursor:
            cursor.execute("SELECT FROM issuing_virtualcard WHERE id = %s FOR NO KEY UPDATE", [old.pk])
            told = pool.submit(run)
            wait_for_somebody_who_waits()
            cursor.execute("SELECT FROM issuing_virtualcard WHERE id = %s FOR NO KEY UPDATE NOWAIT", [living.pk])
            cursor.execute("SELECT FROM issuing_authorization FOR NO KEY UPDATE NOWAIT")
        assert told.result(timeout=60) == "handled"


@pytest.mark.parametrize("_", range(6))
def test_events_that_name_either_card_of_a_purchase_do_not_deadlock(
    replaced: tuple[VirtualCard, VirtualCard, Told], _: int
) -> None:
    old, living, asked = replaced
    before, purchase = deadlocks(), Authorization.objects.get()
    events = [naming(card, update_event(asked, "pending")) for card in (living, old) * 3]
    events += [
        naming(card, transaction_event(asked, 1000, number=number)) for number, card in enumerate((living, old) * 3)
    ]
    events.append(naming(living, update_event(asked, "closed")))
    acts: list[Callable[[], Any]] = [telling(event) for event in events]
    acts += [lambda: close_out.close_out_purchase(purchase.pk, now=clock.now() + MUCH_LATER)] * 4
    random.shuffle(acts)

    at_once(acts)

    assert deadlocks() == before
    assert position.moved_minor(purchase) == (6000, 0)
    assert not IssuerEvent.objects.filter(status="received").exists()


def test_captures_moved_between_two_purchases_both_ways_do_not_deadlock() -> None:
    first, second = walkthrough_card(), walkthrough_card()
    VirtualCard.objects.filter(pk=second.pk).update(cardholder=first.cardholder)
    before = deadlocks()
    bought = [stripe_events.authorization_request(card=card.issuer_card_id) for card in (first, second)]
    for asked in bought:
        stripe_events.post(asked)
        deliver_events(
            transaction_event(asked, 4000, number=1),
            transaction_event(asked, 500, number=2),
            transaction_event(asked, 300, number=3),
        )
    one, other = (Authorization.objects.get(issuer_authorization_id=each["data"]["object"]["id"]) for each in bought)

    def moving(kept: CardTransaction, purchase: Authorization) -> Callable[[], None]:
        return lambda: match_correction.relink(movement=kept, purchase=purchase, reason="It is of it.", actor="user:1")

    acts = [moving(kept, other) for kept in CardTransaction.objects.filter(authorization=one, amount_minor__lt=4000)]
    acts += [moving(kept, one) for kept in CardTransaction.objects.filter(authorization=other, amount_minor__lt=4000)]
    at_once([*acts, *(telling(transaction_event(asked, 100, number=9)) for asked in bought)])

    assert deadlocks() == before
    assert [position.moved_minor(each) for each in (one, other)] == [(4900, 0), (4900, 0)]
