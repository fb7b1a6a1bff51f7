"""What people hear of, each once, from the place where it becomes true."""

import datetime as dt
from typing import Any

import pytest

from issuing.activity import decision_notices
from issuing.cards import service as cards
from issuing.models import Decision, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import TransactionError, transaction
from onecard.notices import choices, services
from onecard.notices.kinds import Channel, Kind
from onecard.notices.models import Cursor, Notice
from tests.support import stripe_events
from tests.support.factories import UserFactory
from tests.support.processors import Obliging
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.charges import charge as charges
from wallet.models import FundingCharge, FundingObligation
from wallet.refunds import records as refunds
from wallet.refunds import send as sending

pytestmark = pytest.mark.django_db
SOON = dt.timedelta(minutes=1)


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1", daily_limit_minor=10_000)


def buy(card: VirtualCard, **more: Any) -> None:
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, **more))


def told() -> list[tuple[str, str]]:
    return list(Notice.objects.order_by("pk").values_list("kind", "text"))


def test_decisions_are_told_once_and_not_on_their_own_path(card: VirtualCard) -> None:
    buy(card, amount=4500)
    buy(card, amount=9000)
    assert told() == []

    decision_notices.sweep()
    decision_notices.sweep()

    (approved, its_text), (declined, why) = told()
    assert (approved, declined) == ("purchase_approved", "purchase_declined")
    assert its_text.startswith("45.00 USD at ")
    assert its_text.endswith(" pays it.")
    assert "55.00 USD" in why, why


def test_a_decision_that_commits_late_is_told_too(card: VirtualCard) -> None:
    buy(card, amount=1000)
    buy(card, amount=2000)
    early, late = Decision.objects.order_by("pk")
    decision_notices.sweep()
    Notice.objects.filter(cause=f"decision:{early.public_id}").delete()  # As if it had not been visible yet.

    decision_notices.sweep()

    assert Notice.objects.filter(cause=f"decision:{early.public_id}").count() == 1
    assert Cursor.objects.get().position < early.pk

    with clock.ahead(dt.timedelta(minutes=5)):
        decision_notices.sweep()
    assert Cursor.objects.get().position == late.pk


def test_decisions_that_a_sweep_had_no_time_for_are_the_next_ones(card: VirtualCard) -> None:
    for _ in range(3):
        buy(card, amount=1000)
    first, second, third = Decision.objects.order_by("pk").values_list("pk", flat=True)

    with clock.ahead(dt.timedelta(minutes=5)):
        assert decision_notices.sweep(work_s=0) == 1
        assert Cursor.objects.get().position == first
        assert decision_notices.sweep(work_s=0) == 1
        assert Cursor.objects.get().position == second
        decision_notices.sweep()
    assert Cursor.objects.get().position == third
    assert len(told()) == 3


def test_a_refund_is_told_when_the_processor_has_paid_it(card: VirtualCard) -> None:
    buy(card, amount=4500)
    charges.sweep(now=clock.now() + SOON, processor=Obliging())
    with transaction():
        obligation = FundingObligation.objects.select_for_update().get()
        refund = refunds.begin(obligation=obligation, amount_minor=500, reason="Returned.", actor="system:test")
    refund.refresh_from_db()
    assert told() == []

    for _ in range(2):
        sending.refund(refund_id=refund.pk, processor=Obliging())

    method = FundingCharge.objects.get().method
    ((kind, text),) = told()
    assert kind == "refund_arrived"
    assert text.startswith(f"5.00 USD went back to {method.name} ({method.last_four}), for ")
    assert Notice.objects.get().reference.startswith("purchase:iauth_")


def test_a_card_that_is_frozen_and_closed_is_told(card: VirtualCard, settings: Any) -> None:
    settings.DEBUG = True
    new = cards.create_virtual_card(
        cardholder=card.cardholder, card_type="visa", requested_by="user:0", provider="mock"
    )
    cards.activate(card=new, requested_by="user:0")
    cards.freeze(card=new, reason="Lost it.", requested_by="user:0")
    cards.unfreeze(card=new, requested_by="user:0")
    cards.close(card=new, reason="Gone.", requested_by="user:0")

    assert [kind for kind, _text in told()] == ["card_unfrozen", "card_frozen", "card_unfrozen", "card_closed"]
    assert {each.reference for each in Notice.objects.all()} == {f"card:{new.public_id}"}


@pytest.mark.django_db(transaction=True)
def test_one_cause_has_one_notice_even_at_once() -> None:
    user = UserFactory()

    def write() -> bool:
        with transaction():
            return services.kyc_changed(user_id=user.pk, cause="kyc:1", text="You are verified.") is not None

    assert sorted(at_once([write] * 4)) == [False, False, False, True]
    assert Notice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_notice_outside_the_transaction_of_its_cause_is_refused() -> None:
    user = UserFactory()
    with pytest.raises(TransactionError):
        services.kyc_changed(user_id=user.pk, cause="kyc:1", text="You are verified.")
    assert Notice.objects.count() == 0


def test_what_is_off_is_not_in_the_feed() -> None:
    user = UserFactory()
    choices.choose(user, {Kind.PURCHASE_APPROVED: Channel.OFF}, actor=f"user:{user.pk}")
    services.write(user_id=user.pk, kind=Kind.PURCHASE_APPROVED, cause="decision:1", text="4.00 USD.")

    assert services.feed_of(user.pk).count() == 0
    assert Notice.objects.count() == 1
