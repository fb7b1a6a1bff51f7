"""A purchase, its charge, its reports and the calls about it stand in the scrape with their times."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from issuing.inbox.unapplied import UNFINISHED
from issuing.issuers.errors import NetworkError
from issuing.models import Authorization, Decision, IssuerBalance, IssuerEvent, Provider
from onecard.desk import kept_figures
from onecard.desk.models import KeptFigure
from onecard.kit import clock, durations
from onecard.metrics import counting, decisions
from onecard.metrics.sources import SOURCES
from routing.words import DECLINES
from tests.issuing.issuers.worlds import new_key, order_for, sandbox_for_issuers, world_of
from tests.onecard.metrics.scraping import scraped
from tests.support import stripe_events
from tests.support.processors import Obliging
from tests.support.purchases import approve_purchase, deliver_events, transaction_event
from tests.support.sandboxes import intended_charge, processor_sandbox
from tests.support.wallets import walkthrough_card
from wallet.charges import charge as charges
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _counted_from_now() -> None:
    counting.count(SOURCES)


def counted(**labels: str) -> dict[str, float]:
    counting.count(SOURCES)
    return scraped(**labels)


def test_a_purchase_shows_with_its_answer_its_charge_and_their_times() -> None:
    approve_purchase(walkthrough_card())
    charges.charge(charge_id=FundingCharge.objects.get().pk, processor=Obliging())

    assert counted(outcome="approved", provider="stripe")["onecard_decisions_total"] == 1
    found = counted(provider="stripe")
    for name in ("onecard_decision_seconds", "onecard_signature_check_seconds", "onecard_card_selection_seconds"):
        assert found[f"{name}_count"] == 1
        assert 0 < found[f"{name}_sum"] < 2
    assert scraped(outcome="succeeded")["onecard_funding_charges_total"] == 1
    found = scraped()
    for name in ("onecard_funding_charge_seconds", "onecard_purchase_seconds", "onecard_charge_sent_seconds"):
        assert found[f"{name}_count"] == 1
    assert found["onecard_purchase_seconds_sum"] >= found["onecard_funding_charge_seconds_sum"] > 0


def test_calls_to_the_processor_show_by_the_class_of_the_answer() -> None:
    durations.link().clear()
    with processor_sandbox():
        charges.charge(charge_id=intended_charge().pk)

    assert scraped(provider="stripe", code="2xx")["onecard_processor_call_seconds_count"] == 1


def test_a_decline_shows_with_what_it_is_about() -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id, amount=9_000_000)
    assert stripe_events.post(asked).json()["approved"] is False

    found = counted(outcome="declined", group="limit", reason="per_transaction_limit_exceeded")

    assert found["onecard_decisions_total"] == 1
    assert scraped(outcome="declined", group="failure")["onecard_decisions_total"] == 0


def test_every_reason_of_ours_has_a_group() -> None:
    assert set(DECLINES) == set(decisions.GROUP_OF)


def test_slow_and_missing_answers_are_counted() -> None:
    approve_purchase(walkthrough_card())
    one = Decision.objects.get()
    slow = Decision(**{f.attname: getattr(one, f.attname) for f in Decision._meta.fields if f.name != "id"})
    slow.public_id, slow.round_key, slow.obligation_id = new_key(), "again", None
    slow.event_id = IssuerEvent.objects.create(provider="stripe", event_id="e", received_at=clock.now()).pk
    slow.timings_ms = {"verify": 400, "read": 1800, "note": "no number"}
    slow.save()
    Authorization.objects.update(answer_failed="timeout")

    found = counted(provider="stripe")

    assert found["onecard_answers_late_total"] == 1
    assert counted(provider="stripe", failure="timeout")["onecard_answers_failed_total"] == 1
    assert scraped(provider="stripe", failure="error")["onecard_answers_failed_total"] == 0
    slow_checks = scraped(provider="stripe", le="0.1")["onecard_signature_check_seconds_bucket"]
    assert scraped(provider="stripe", le="0.5")["onecard_signature_check_seconds_bucket"] == slow_checks + 1


def test_a_hold_has_no_time_of_its_charge() -> None:
    charge = intended_charge(policy="hold_then_capture")
    now = clock.now()
    FundingCharge.objects.filter(pk=charge.pk).update(
        status="succeeded", first_sent_at=now - dt.timedelta(days=3), finished_at=now
    )

    assert counted(outcome="succeeded")["onecard_funding_charges_total"] == 1
    assert scraped().get("onecard_funding_charge_seconds_count", 0) == 0


def test_reports_show_by_their_end_and_questions_do_not() -> None:
    asked = approve_purchase(walkthrough_card())
    deliver_events(transaction_event(asked, 4500))
    at = clock.now() - dt.timedelta(seconds=40)
    more: dict[str, Any] = {"provider": "stripe", "received_at": at}
    IssuerEvent.objects.create(event_id="1", status="rejected", handled_at=at + dt.timedelta(seconds=7), **more)
    IssuerEvent.objects.create(event_id="2", attempts=1, reason="It failed.", **more)
    IssuerEvent.objects.create(event_id="3", attempts=1, reason=UNFINISHED, **more)

    assert counted(provider="stripe", outcome="handled")["onecard_webhook_events_total"] == 1
    assert scraped(provider="stripe", outcome="rejected")["onecard_webhook_events_total"] == 1
    found = scraped(provider="stripe")
    assert found["onecard_webhook_events_failed_total"] == 1
    assert found["onecard_webhook_seconds_count"] == 2
    assert 7 <= found["onecard_webhook_seconds_sum"] < 10


@pytest.mark.parametrize("provider", [Provider.STRIPE, Provider.MARQETA])
def test_calls_to_an_issuer_show_by_the_class_of_the_answer(provider: Provider) -> None:
    durations.link().clear()
    with sandbox_for_issuers() as sandbox:
        world = world_of(provider, sandbox)
        order = order_for(world.issuer)

        assert scraped(provider=provider, code="2xx")["onecard_issuer_call_seconds_count"] >= 1
        for failure in ("error_500", "drop_answer"):
            sandbox.order(do=failure, path=world.card_path)
            with pytest.raises(NetworkError):
                world.issuer.create_card(order, key=new_key())

    assert scraped(provider=provider, code="5xx")["onecard_issuer_call_seconds_count"] == 1
    assert scraped(provider=provider, code="none")["onecard_issuer_call_seconds_count"] == 1


def test_the_frontend_api_shows_by_method_and_class_of_the_answer() -> None:
    durations.link().clear()
    Client().get("/api/v1/cards")
    Client().generic("MADE-UP", "/api/v1/cards")
    Client().get("/health/live")

    assert scraped(method="GET", code="4xx")["onecard_frontend_call_seconds_count"] == 1
    assert scraped(method="other", code="4xx")["onecard_frontend_call_seconds_count"] == 1
    assert "onecard_frontend_call_seconds_count" not in scraped(method="GET", code="2xx")


def test_balances_and_the_rate_budget_show() -> None:
    rows = [{"account": "issuer", "currency": "USD", "balance_minor": -4500}]
    KeptFigure.objects.create(name=kept_figures.BALANCES, value=rows, counted_at=clock.now())

    assert scraped(account="issuer", currency="USD")["onecard_account_balance_minor"] == -4500
    assert scraped(name="purchase")["onecard_target_seconds"] == 5
    assert scraped(name="webhook_events")["onecard_target_ratio"] == 0.999


def test_balances_at_issuers_show() -> None:
    now = clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    row = {"currency": "USD", "hour_at": hour, "read_at": now}
    IssuerBalance.objects.create(provider="stripe", available_minor=-1, pays_purchases=True, **row)
    IssuerBalance.objects.create(provider="marqeta", available_minor=0, pays_purchases=False, **row)

    found = scraped(provider="stripe", currency="USD")
    assert (found["onecard_issuer_balance_minor"], found["onecard_issuer_balance_low"]) == (-1, 1)
    assert 0 <= found["onecard_issuer_balance_age_seconds"] < 60
    assert "onecard_issuer_balance_minor" not in scraped(provider="marqeta", currency="USD")


def test_the_age_of_the_counts_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + dt.timedelta(minutes=10))

    assert 590 < scraped()["onecard_counts_age_seconds"] < 610
