"""The health page measures what it says: each line turns when its cause is there, and says what to do."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from issuing import tasks
from issuing.issuers.guard.rate_budget import Budget
from issuing.issuers.guard.redis_scripts import shared
from issuing.models import DecisionHour, IssuerEvent, ReconcileRun, SyncRun
from onecard.celery import app as celery_app
from onecard.desk import task_runs
from onecard.desk.health import machinery, money, page
from onecard.desk.health.item import Item
from onecard.desk.health.task_words import NAMES
from onecard.desk.models import TaskRun
from onecard.kit import clock
from routing.models import RankingRow
from tests.onecard.admin_pages import purchases
from tests.support import stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db
HEALTH, ITEMS = reverse("desk:health"), reverse("desk:health-items")
HOURS = dt.timedelta(hours=1)
SWEEP = "issuing.tasks.sweep_reconciliations"


@pytest.fixture(autouse=True)
def stripe_alone(settings: Settings) -> None:
    settings.ISSUER_PROVIDER, settings.ISSUER_BACKUP_PROVIDER = "stripe", ""
    shared().clear()
    task_runs.forget()


def items() -> dict[str, Item]:
    return {item.code or str(item.name): item for _title, found in page.measured()["groups"] for item in found}


def state_of(name: str) -> tuple[str, str]:
    item = items()[name]
    return item.state, item.measured


def test_each_line_is_there_with_what_to_do() -> None:
    shown = text_of(logged_in().get(HEALTH))

    of_machinery = ("Backend server", "Database", "Broker", "Workers", "Outbox", "Inbox", SWEEP)
    of_stripe = ("Last webhook", "Signature verification", "Webhook", "Breaker", "Call budget")
    of_money = ("MCC rankings database", "Payment processing", "Decision time", "Last reconciliation")
    of_cards = ("Virtual cards", "Funding cards", "Wallet configuration", "Charges with unknown outcome")
    for name in (*of_machinery, *(f"{each} of Stripe Issuing" for each in of_stripe), *of_money, *of_cards):
        assert name in shown, name
    assert all(item.to_do for item in items().values())
    tasks_of_the_clock = {entry["task"] for entry in celery_app.conf.beat_schedule.values()}
    assert tasks_of_the_clock <= set(items())
    assert tasks_of_the_clock == set(NAMES)


def test_a_broker_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_of("Broker")[0] == "good"

    monkeypatch.setattr(celery_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(celery_app, "connection_for_write", lambda **more: celery_app.connection_for_read(
        url="redis://127.0.0.1:1/0", **more
    ))  # fmt: skip

    state, measured = state_of("Broker")
    assert (state, measured.startswith("It did not answer")) == ("bad", True)


def test_what_cannot_be_measured_hides_no_other_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> Any:
        raise ValueError

    monkeypatch.setattr(page, "GROUPS", (("All", (breaks, machinery.database)),))

    assert [(item.name, item.state) for item in items().values()] == [("Breaks", "bad"), ("Database", "good")]


@pytest.mark.django_db(transaction=True)
def test_workers_and_tasks_are_well_when_they_ran_and_not_otherwise() -> None:
    assert state_of("Workers") == ("bad", "None has run yet.")
    assert state_of(SWEEP)[0] == "warn"

    tasks.sweep_reconciliations.apply()

    assert state_of("Workers")[0] == "good"
    assert state_of(SWEEP)[0] == "good"
    TaskRun.objects.update(finished_at=clock.now() - HOURS)
    assert state_of("Workers")[0] == "bad"
    assert state_of(SWEEP) == ("bad", "It ran 1 h ago; it runs every 30 s.")


@pytest.mark.django_db(transaction=True)
def test_a_task_that_failed_says_so_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise LookupError

    from issuing.reconcile import recorded

    with monkeypatch.context() as patch:
        patch.setattr(recorded, "sweep", fail)
        tasks.sweep_reconciliations.apply()
    state, measured = state_of(SWEEP)
    assert (state, "LookupError" in measured) == ("bad", True)

    tasks.sweep_reconciliations.apply()

    assert state_of(SWEEP)[0] == "good"


def test_outbox_and_inbox_turn_when_the_oldest_waits_too_long() -> None:
    assert state_of("Outbox") == ("good", "Nothing waits.")
    for age, state in ((dt.timedelta(seconds=5), "good"), (HOURS, "bad")):
        with clock.ahead(-age):
            stripe_events.post(stripe_events.event("charge.updated", {"id": f"ch_{age.seconds}"}))
        assert (state_of("Outbox")[0], state_of("Inbox")[0]) == (state, state)
    # An event that waits for its next attempt waits by design, and has a case of its own.
    IssuerEvent.objects.update(next_attempt_at=clock.now() + HOURS)
    assert state_of("Inbox")[0] == "good"


def test_refused_signatures_and_the_last_webhook_are_counted(client: Client) -> None:
    assert state_of("Signature verification of Stripe Issuing")[0] == "warn"
    assert state_of("Last webhook of Stripe Issuing")[0] == "warn"

    refused = client.post(
        "/stripe-webhook", b"{}", content_type="application/json", headers={"Stripe-Signature": "t=1,v1=0"}
    )
    purchases(1)

    assert refused.status_code == 400
    state, measured = state_of("Signature verification of Stripe Issuing")
    assert state == "bad"
    assert measured.startswith("1 was refused in 24 hours, the last one ")
    assert state_of("Last webhook of Stripe Issuing")[0] == "good"


def test_a_budget_that_is_used_up_is_shown(settings: Settings) -> None:
    settings.STRIPE_CALLS_PER_SECOND = 10
    assert state_of("Call budget of Stripe Issuing")[0] == "good"

    Budget("stripe", shared(), 10.0).hold(30)

    state, measured = state_of("Call budget of Stripe Issuing")
    assert state == "warn"
    assert measured.startswith(("The next of 10 calls a second waits 30.", "The next of 10 calls a second waits 29."))


def test_syncs_say_their_age_and_their_problem() -> None:
    now = clock.now()
    times = {"since": now, "until": now, "started_at": now, "updated_at": now, "requested_by": "user:1"}
    assert state_of("Last sync with Stripe Issuing") == ("warn", "None has come to its end yet.")
    SyncRun.objects.create(provider="stripe", status="finished", finished_at=now, **times)
    assert state_of("Last sync with Stripe Issuing")[0] == "good"

    SyncRun.objects.create(provider="stripe", problem="The issuer did not answer.", **times)

    state, measured = state_of("Last sync with Stripe Issuing")
    assert (state, "The issuer did not answer." in measured) == ("bad", True)


@pytest.mark.parametrize(
    ("cause", "name", "state"),
    [
        (lambda: RankingRow.objects.all().delete(), "MCC rankings database", "bad"),
        (lambda: _hour(late=0), "Decision time", "good"),
        (lambda: _hour(late=1), "Decision time", "bad"),
        (lambda: _run(dt.timedelta(0)), "Last reconciliation", "good"),
        (lambda: _run(30 * HOURS), "Last reconciliation", "warn"),
        (lambda: _run(dt.timedelta(0), left=2), "Last reconciliation", "bad"),
        (lambda: _run(dt.timedelta(0), status="failed", problem="No."), "Last reconciliation", "bad"),
        (lambda: _unknown(dt.timedelta(minutes=5)), "Charges with unknown outcome", "warn"),
        (lambda: _unknown(2 * HOURS), "Charges with unknown outcome", "bad"),
    ],
)
def test_money_and_decisions_turn_with_their_cause(cause: Callable[[], Any], name: str, state: str) -> None:
    cause()

    found = {str(item.name): item.state for measure in (
        money.rankings, money.decision_times, money.reconciliation, money.unknown_charges
    ) for item in measure()}  # fmt: skip
    assert found[name] == state


def _hour(*, late: int) -> None:
    now = clock.now()
    DecisionHour.objects.create(
        hour_at=now.replace(minute=0, second=0, microsecond=0),
        decisions=1,
        late=late,
        buckets={"10": 1},
        counted_at=now,
    )


def _run(age: dt.timedelta, **more: Any) -> None:
    at = clock.now() - age
    values = {"status": "finished", "requested_by": "system:reconcile", **more}
    ReconcileRun.objects.create(requested_at=at, finished_at=at, updated_at=at, **values)


def _unknown(age: dt.timedelta) -> None:
    purchases(1)
    ReconcileRun.objects.all().delete()
    FundingCharge.objects.update(status="unknown", first_sent_at=clock.now() - age, finished_at=None)


def test_only_who_may_see_the_issuers_sees_it() -> None:
    person = UserFactory(is_staff=True)
    client = logged_in(person)
    assert [client.get(url).status_code for url in (HEALTH, ITEMS)] == [403, 403]

    person.user_permissions.add(Permission.objects.get(codename="view_issuercontrol"))

    assert [logged_in(person).get(url).status_code for url in (HEALTH, ITEMS)] == [200, 200]
    assert Client().get(ITEMS, headers={"X-Polled": "1"})["HX-Refresh"] == "true"
