"""Alerts whose rows other tests write, fired by what causes them: an issuer over real HTTP, purchases at our door."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from issuing.cards import changes as card_changes
from issuing.issuers import registry
from issuing.issuers.base import AuthenticationError
from issuing.issuers.guard import alerts
from issuing.issuers.guard.breaker import close_breaker
from issuing.issuers.guard.redis_scripts import shared
from issuing.models import CardChange, VirtualCard
from issuing.operations import alarm, balances, hourly_sums
from issuing.sync import run as sync
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.issuing.cards.remote_issuers import MAKING, new_card
from tests.issuing.issuers.worlds import sandbox_for_issuers
from tests.onecard.alerts.conftest import Duty
from tests.sandbox.running import RunningSandbox
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 27, 14, 45, tzinfo=dt.UTC)
WEEK = dt.timedelta(weeks=1)


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with sandbox_for_issuers() as sandbox:
        yield sandbox


@pytest.fixture
def issuer(served: RunningSandbox, settings: Any) -> Iterator[RunningSandbox]:
    """Stripe alone, behind the product's own guard."""
    settings.ISSUER_PROVIDER, settings.ISSUER_BACKUP_PROVIDER = "stripe", ""
    served.reset()
    shared().clear()
    registry.clear()
    yield served
    close_breaker("stripe")
    shared().clear()
    registry.clear()


def handed_over() -> None:
    """The relay has been by, so that the outbox itself wakes nobody."""
    Message.objects.update(published_at=clock.now())


def order_cards(count: int) -> None:
    for _ in range(count):
        new_card("stripe")
    card_changes.sweep()
    handed_over()


def test_new_cards_that_the_issuer_refuses(duty: Duty, issuer: RunningSandbox) -> None:
    issuer.order(
        path=MAKING["stripe"], do="refuse", error_status=400, error_message="The name is not accepted.", times=2
    )
    order_cards(1)
    duty.assert_quiet()
    order_cards(2)

    incident = duty.assert_woken_once(
        "card_creations", key="stripe", words="Of 3 new cards within an hour 2 were refused: 33.3% succeeded"
    )

    assert sorted(CardChange.objects.values_list("status", flat=True)) == ["done", "refused", "refused"]
    duty.pass_time(minutes=61)
    duty.assert_resolved_by_itself(incident)


def test_new_cards_that_the_issuer_does_not_answer(duty: Duty, issuer: RunningSandbox) -> None:
    issuer.order(path=MAKING["stripe"], do="error_500", times=None)
    order_cards(1)
    duty.assert_quiet()
    duty.pass_time(minutes=16)

    incident = duty.assert_woken_once("card_creations", key="stripe", words="1 new card waits for the issuer")

    issuer.sandbox.scenarios.clear()
    close_breaker("stripe")
    card_changes.sweep()
    handed_over()
    duty.assert_resolved_by_itself(incident)


@pytest.mark.django_db(transaction=True)
def test_a_key_that_the_issuer_turns_away_until_it_is_right(duty: Duty, issuer: RunningSandbox, settings: Any) -> None:
    alerts.forget()
    alarm.install()
    issuer.order(method="GET", path="/v1/issuing/cards/*", do="unauthorized", times=None)
    with pytest.raises(AuthenticationError):
        registry.issuer_for("stripe").get_card_details("ic_1")
    handed_over()

    incident = duty.assert_woken_once("issuer_credentials", key="stripe", words="does not accept our credentials")

    duty.pass_time(hours=2)
    issuer.sandbox.scenarios.clear()
    close_breaker("stripe")
    sync.sync_provider("stripe", requested_by="user:1")
    handed_over()
    duty.assert_resolved_by_itself(incident)


def test_a_balance_that_purchases_used_up(duty: Duty, issuer: RunningSandbox, settings: Any) -> None:
    settings.ISSUER_BALANCE_LOW = {"USD": 500_000}
    issuer.state.issuing_balance = 600_000
    balances.read_all()
    duty.assert_quiet()
    issuer.state.held_total = 100_001
    balances.read_all()

    words = "our balance is 4,999.99 USD, the mark is 5,000.00 USD"
    incident = duty.assert_woken_once("issuer_balance_low", key="stripe:USD", words=words)

    issuer.state.issuing_balance = 900_000
    duty.pass_time(minutes=1)
    balances.read_all()
    duty.assert_resolved_by_itself(incident)


class Shop:
    """Purchases at our door at a time of the test's choice, counted by the clock's task."""

    def __init__(self, duty: Duty) -> None:
        self._duty = duty
        self._good = walkthrough_card()
        # Of one card alone ten declines are an attack, which has an alert of its own.
        self._frozen = [walkthrough_card(status="frozen") for _ in range(4)]
        VirtualCard.objects.update(daily_limit_minor=10**9, monthly_limit_minor=10**9)

    def buys(self, at: dt.datetime, *, approved: int, declined: int = 0) -> None:
        self._duty.pass_time(seconds=(at - clock.now()).total_seconds())
        for number in range(approved + declined):
            card = self._good if number < approved else self._frozen[number % 4]
            asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=100)
            assert stripe_events.post(asked).json()["approved"] == (card is self._good)
        hourly_sums.refresh()
        handed_over()


@pytest.mark.only_in_proofs
def test_purchases_that_are_declined_and_then_do_not_come(duty: Duty) -> None:
    shop = Shop(duty)
    for weeks in (2, 1):
        shop.buys(NOW - weeks * WEEK, approved=28, declined=2)
    shop.buys(NOW, approved=25, declined=3)
    duty.assert_quiet()
    shop.buys(NOW, approved=0, declined=32)

    incident = duty.assert_woken_once(
        "purchase_declines", key="stripe", words="35 of 60 purchases since 14:00 UTC were declined, 58%; usual are 7%."
    )

    duty.pass_time(hours=2)
    duty.assert_resolved_by_itself(incident)
