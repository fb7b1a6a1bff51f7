"""A creation at an issuer that fails for long, or whose key the issuer has forgotten: one card is made in the end."""

import datetime as dt

import pytest

from issuing.cards import service as cards
from issuing.issuers.base import Limits
from issuing.issuers.guard.breaker import breaker_state
from issuing.issuers.stripe.keys import KEYS_OF_A_RUN, QUIET_END, RUN
from issuing.models import CardChange, IssuerAccount
from onecard.kit import clock
from onecard.kit.attempts import ATTEMPTS_BEFORE_CASE
from tests.issuing.cards.remote_issuers import MAKING, ME, MOVING, ONE_ISSUER, attempts, made, new_card, status_of
from tests.sandbox.running import RunningSandbox
from wallet.models import Case

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]

DAY = dt.timedelta(hours=24)


def age(by: dt.timedelta) -> None:
    """As if all changes had been asked for that much earlier."""
    for change in CardChange.objects.all():
        CardChange.objects.filter(pk=change.pk).update(created_at=change.created_at - by)
    for account in IssuerAccount.objects.all():
        IssuerAccount.objects.filter(pk=account.pk).update(created_at=account.created_at - by)


def test_change_is_made_however_often_the_issuer_failed(provider: str, served: RunningSandbox) -> None:
    """Stripe stores an error under its key, so each failure takes a key away."""
    failures = 2 * ATTEMPTS_BEFORE_CASE
    served.order(path=MAKING[provider], do="error_500", times=failures)
    before = made(provider, served)
    card = new_card(provider)
    attempts(failures - 1, provider)
    assert CardChange.objects.get(card=card).status == "intended"

    attempts(1, provider)

    assert CardChange.objects.get(card=card).status == "done"
    assert made(provider, served) - before == 1


@ONE_ISSUER
def test_keys_of_one_hour_used_up_are_no_obstacle_in_the_next(provider: str, served: RunningSandbox) -> None:
    served.order(path=MAKING[provider], do="error_500", times=KEYS_OF_A_RUN)
    before = made(provider, served)
    change = CardChange.objects.get(card=new_card(provider))

    attempts(KEYS_OF_A_RUN, provider)

    assert (status_of(change), made(provider, served) - before) == ("intended", 0)
    assert change.failure_code == "issuer_rate_limited"
    assert change.next_attempt_at is not None
    assert change.next_attempt_at <= change.created_at + RUN + dt.timedelta(seconds=60)
    assert Case.objects.get().status == "open"
    assert breaker_state(provider).failures == 0, "a stored error says nothing of the issuer's present health"

    age(RUN)
    attempts(1, provider)

    assert (status_of(change), made(provider, served) - before) == ("done", 1)
    assert Case.objects.get().status == "resolved"


@ONE_ISSUER
def test_freeze_is_made_although_every_key_of_an_hour_is_used_up(provider: str, served: RunningSandbox) -> None:
    card = cards.activate(card=new_card(provider), requested_by=ME)
    served.order(path=MOVING[provider], do="error_500", times=KEYS_OF_A_RUN)
    cards.freeze(card=card, reason="Lost at the beach", requested_by=ME)
    attempts(KEYS_OF_A_RUN, provider)
    freeze = CardChange.objects.get(kind="freeze")
    assert freeze.status == "intended"

    age(RUN - QUIET_END / 2)
    attempts(1, provider)
    assert status_of(freeze) == "intended"

    age(QUIET_END / 2)
    attempts(1, provider)
    assert status_of(freeze) == "done"


@pytest.mark.parametrize("later", [RUN, DAY, 3 * DAY])
def test_late_attempt_finds_the_card_although_the_key_is_forgotten(
    provider: str, served: RunningSandbox, later: dt.timedelta
) -> None:
    served.order(path=MAKING[provider], do="drop_answer", times=1)
    before = made(provider, served)
    card = new_card(provider)
    assert made(provider, served) - before == 1

    age(later)
    served.sandbox.idempotency.forget_all()
    attempts(1, provider)

    assert CardChange.objects.get(card=card).status == "done"
    assert made(provider, served) - before == 1


def test_late_attempt_makes_the_card_that_was_never_made(provider: str, served: RunningSandbox) -> None:
    served.order(path=MAKING[provider], do="error_500", times=1)
    before = made(provider, served)
    card = new_card(provider)

    age(DAY)
    served.sandbox.idempotency.forget_all()
    attempts(1, provider)

    assert CardChange.objects.get(card=card).status == "done"
    assert made(provider, served) - before == 1


@pytest.mark.parametrize("later", [RUN, DAY])
def test_late_attempt_finds_the_cardholder_although_the_key_is_forgotten(
    provider: str, served: RunningSandbox, later: dt.timedelta
) -> None:
    path = {"stripe": "/v1/issuing/cardholders", "marqeta": "/v3/users"}[provider]
    served.order(path=path, do="drop_answer", times=1)
    card = new_card(provider)
    people = cardholders(provider, served)

    age(later)
    served.sandbox.idempotency.forget_all()
    attempts(1, provider)

    assert CardChange.objects.get(card=card).status == "done"
    assert cardholders(provider, served) == people


def cardholders(provider: str, served: RunningSandbox) -> int:
    """How many people the issuer knows."""
    if provider == "stripe":
        return len(served.state.objects["issuing.cardholder"])
    return len(served.marqeta.state.things["user"])


@ONE_ISSUER
def test_nothing_is_created_in_the_last_minutes_of_an_hour(provider: str, served: RunningSandbox) -> None:
    """What was sent in one hour has to be listed before the next hour's look-up."""
    served.order(path=MAKING[provider], do="error_500", times=1)
    change = CardChange.objects.get(card=new_card(provider))
    asked = len(served.requests.find(method="POST", path=MAKING[provider]))
    age(RUN - QUIET_END / 2)

    attempts(1, provider)

    assert len(served.requests.find(method="POST", path=MAKING[provider])) == asked
    assert status_of(change) == "intended"
    assert change.next_attempt_at is not None
    assert dt.timedelta() < change.next_attempt_at - clock.now() <= QUIET_END / 2

    age(QUIET_END)
    attempts(1, provider)
    assert status_of(change) == "done"


def test_limits_changed_after_a_lost_answer_close_no_card(provider: str, served: RunningSandbox) -> None:
    """Stripe refuses the key with the new limits; the card that it made is taken over in the next hour."""
    served.order(path=MAKING[provider], do="drop_answer", times=1)
    before = made(provider, served)
    card = new_card(provider)
    cards.update_spending_limits(card=card, limits=Limits(1_000, 2_000, 3_000), requested_by=ME)
    attempts(1, provider)
    card.refresh_from_db()
    assert card.status == "pending"

    age(RUN)
    attempts(2, provider)

    assert set(CardChange.objects.filter(card=card).values_list("status", flat=True)) == {"done"}
    assert made(provider, served) - before == 1
