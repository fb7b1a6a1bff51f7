"""A card is frozen for what its holder owes once, whoever unfreezes it at the same moment (money-safety F8, F17)."""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core import mail
from django.db import connection, connections

from issuing.billing import dunning
from issuing.cards import changes
from issuing.cards import service as cards
from issuing.issuers import registry
from issuing.issuers.base import IssuedCard
from issuing.issuers.mock import MockIssuer
from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import transaction
from tests.issuing.billing.test_dunning import all_fail, bought, card_of
from tests.support.locks import wait_for_somebody_who_waits
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
STAFF = "user:999999"
Unpaid = tuple[VirtualCard, Callable[[], bool]]


@pytest.fixture(autouse=True)
def issuer() -> Iterator[MockIssuer]:
    registry.clear()
    mock = MockIssuer(provider="stripe")
    registry.install(mock)
    yield mock
    registry.clear()


@pytest.fixture
def unpaid(issuer: MockIssuer) -> Unpaid:
    """A card with a purchase that nobody pays, and the notice that freezes it."""
    obligation = bought()
    card, case = card_of(obligation), all_fail(obligation)
    issuer.cards[card.issuer_card_id] = IssuedCard(
        card.issuer_card_id, "active", "visa", card.last_four, 12, 2099, "USD"
    )
    return card, lambda: dunning.take_notice(case_id=case.pk)


def unfreeze(card: VirtualCard) -> VirtualCard:
    return cards.unfreeze(card=card, requested_by=STAFF)


def all_carried_out(card: VirtualCard) -> str:
    """The card's status once no change is under way."""
    changes.sweep(now=clock.now() + dt.timedelta(minutes=1))
    assert not CardChange.objects.filter(card=card, status__in=("intended", "sending")).exists()
    return VirtualCard.objects.get(pk=card.pk).status


def in_line(card: VirtualCard, calls: list[Callable[[], Any]]) -> None:
    """Each call waits for the card in this order, having read what it reads before the lock."""

    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        with transaction(), connection.cursor() as cursor:
            cursor.execute("SELECT FROM issuing_virtualcard WHERE id = %s FOR NO KEY UPDATE", [card.pk])
            waiting = []
            for count, call in enumerate(calls, start=1):
                waiting.append(pool.submit(run, call))
                wait_for_somebody_who_waits(count=count)
        for each in waiting:
            each.result(timeout=60)


def test_a_late_worker_does_not_undo_the_unfreezing_after_the_first(unpaid: Unpaid) -> None:
    card, notice = unpaid

    in_line(card, [notice, lambda: unfreeze(card), notice])

    assert all_carried_out(card) == "active"
    kinds = list(CardChange.objects.filter(card=card).order_by("pk").values_list("kind", flat=True))
    assert kinds == ["freeze", "unfreeze"]
    assert len(mail.outbox) == 1


def test_an_unfreezing_begun_before_the_debt_makes_no_card_usable(unpaid: Unpaid) -> None:
    card, notice = unpaid
    cards.freeze(card=card, reason="Support asked for it.", requested_by=STAFF)

    in_line(card, [lambda: unfreeze(card), notice])

    assert all_carried_out(card) == "frozen"
    assert "frozen" in mail.outbox[0].body


def test_whoever_comes_first_the_last_request_counts(unpaid: Unpaid) -> None:
    card, notice = unpaid
    cards.freeze(card=card, reason="Support asked for it.", requested_by=STAFF)

    at_once([notice, lambda: unfreeze(card), notice, notice])

    last = CardChange.objects.filter(card=card).latest("pk")
    assert all_carried_out(card) == {"freeze": "frozen", "unfreeze": "active"}[last.kind]
    assert CardChange.objects.filter(card=card, requested_by=dunning.ACTOR).count() == 1


def test_a_card_frozen_otherwise_gets_its_freeze_and_keeps_what_staff_do(unpaid: Unpaid) -> None:
    card, notice = unpaid
    cards.freeze(card=card, reason="Support asked for it.", requested_by=STAFF)

    assert notice()

    assert "your One Card is frozen" in mail.outbox[0].body
    unfreeze(card)
    notice()
    assert all_carried_out(card) == "active"


def test_a_freeze_of_the_issuer_stays_the_issuers(unpaid: Unpaid) -> None:
    _card, notice = unpaid
    VirtualCard.objects.update(status="frozen", frozen_by="issuer")

    notice()

    assert VirtualCard.objects.get().frozen_by == "issuer"
