"""What goes wrong between an issuer and us wakes somebody: events, signatures, credentials, calls, answers."""

from typing import Any

import pytest

from issuing.handlers import dispatch
from issuing.issuers.guard import alerts
from issuing.issuers.guard.rate_budget import Budget
from issuing.issuers.guard.redis_scripts import shared
from issuing.models import IssuerEvent, SyncRun
from issuing.operations import alarm
from issuing.webhooks import refused_signatures
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.onecard.alerts.conftest import Duty
from tests.support import stripe_events
from tests.support.purchases import deliver_events
from tests.support.wallets import walkthrough_card
from wallet.models import Case

pytestmark = pytest.mark.django_db


def forged(times: int) -> None:
    for _ in range(times):
        # Each asks Redis at once, as a process does that was quiet for a second.
        refused_signatures.forget()
        assert (
            stripe_events.post(stripe_events.event("issuing_card.updated", {}), header="t=1,v1=00").status_code == 400
        )


def test_webhooks_with_a_wrong_signature(duty: Duty) -> None:
    shared().clear()
    forged(4)
    duty.assert_quiet()
    forged(1)

    incident = duty.assert_woken_once(
        "webhook_signatures", key="stripe", words="5 deliveries had a wrong signature or password within 2 hours, and 0"
    )

    assert incident.severity == "critical"
    shared().clear()
    duty.assert_resolved_by_itself(incident)


def test_forgeries_beside_genuine_webhooks_are_a_warning(duty: Duty) -> None:
    shared().clear()
    assert stripe_events.post(stripe_events.event("issuing_card.updated", {"id": "ic_1"})).status_code == 200
    Message.objects.update(published_at=clock.now())
    forged(5)

    assert duty.assert_woken_once("webhook_signatures", key="stripe").severity == "warning"


def test_events_that_cannot_be_applied(duty: Duty) -> None:
    for number in range(3):
        asked = stripe_events.authorization_request(card=f"ic_{number}")
        asked["data"]["object"]["pending_request"]["amount"] = "much"
        stripe_events.post(asked)
        if number == 1:
            duty.assert_quiet()
    Message.objects.update(published_at=clock.now())

    incident = duty.assert_woken_once("webhook_events", key="stripe", words="of 3 events within an hour 3 could not")

    duty.pass_time(minutes=61)
    duty.assert_resolved_by_itself(incident)


def test_events_of_another_version(duty: Duty) -> None:
    told = stripe_events.event("issuing_card.updated", {"id": "ic_1"}, api_version="2019-12-03")
    assert stripe_events.post(told).status_code == 200
    dispatch.handle(event_pk=IssuerEvent.objects.get().pk)
    Message.objects.update(published_at=clock.now())

    incident = duty.assert_woken_once(
        "events_refused", key="stripe:event_of_other_version", words="STRIPE_EVENT_VERSIONS"
    )

    Case.objects.update(status="resolved", resolved_at=clock.now())
    duty.assert_resolved_by_itself(incident)


def test_credentials_that_an_issuer_turns_away(duty: Duty) -> None:
    shared().clear()
    alerts.forget()
    alarm.install()
    alerts.authentication_failed("stripe", link=shared())
    Message.objects.update(published_at=clock.now())

    incident = duty.assert_woken_once("issuer_credentials", key="stripe", words="does not accept our credentials")

    duty.pass_time(hours=2)
    duty.evaluate()
    incident.refresh_from_db()
    assert incident.clear_since is None, "nothing has shown that the credentials work"
    now = clock.now()
    times = dict.fromkeys(("since", "until", "started_at", "updated_at", "finished_at"), now)
    SyncRun.objects.create(provider="stripe", status="finished", requested_by="user:1", **times)
    duty.assert_resolved_by_itself(incident)


def test_calls_that_near_an_issuers_rate_limit(duty: Duty, settings: Any) -> None:
    shared().clear()
    settings.STRIPE_CALLS_PER_SECOND = 10
    budget = Budget("stripe", shared(), 10)
    for _ in range(30):
        budget.take(most_wait_s=10)
    duty.assert_quiet()
    budget.hold(9)

    incident = duty.assert_woken_once("issuer_rate_limit", key="stripe", words="within 10 calls a second")

    shared().clear()
    duty.assert_resolved_by_itself(incident)


def report_time_out(card: str) -> None:
    history = [{"approved": False, "amount": 4500, "reason": "webhook_timeout"}]
    deliver_events(
        stripe_events.authorization_update(
            stripe_events.authorization_request(card=card), approved=False, status="closed", request_history=history
        )
    )


def test_answers_that_do_not_reach_the_issuer(duty: Duty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "WAIT_FOR_DECISION", -dispatch.WAIT_FOR_DECISION)
    card = walkthrough_card()
    for number in range(3):
        report_time_out(card.issuer_card_id)
        if number == 1:
            duty.assert_quiet()
    Message.objects.update(published_at=clock.now())

    incident = duty.assert_woken_once("answers_failing", key="stripe", words="3 purchases within 30 min got no answer")

    duty.pass_time(minutes=31)
    duty.assert_resolved_by_itself(incident)
