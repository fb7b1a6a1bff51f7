"""The tiles of the overview: each leads to exactly the rows that it counts, and none is red with nothing to do."""

import datetime as dt
from typing import Any

import pytest

from issuing.models import IssuerEvent
from issuing.operations import hourly_sums
from onecard.kit import clock
from tests.issuing.admin.test_what_is_so import declined_by_every_bank
from tests.issuing.authorizations.test_failed_answers import heard_later, report
from tests.support import stripe_events
from tests.support.back_office import logged_in
from tests.support.purchases import approve_purchase, run_workers
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingObligation

pytestmark = pytest.mark.django_db


def tiles() -> dict[str, Any]:
    return {tile.title: tile for tile in logged_in().get("/admin/").context["tiles"]}


def later(minutes: float) -> dict[str, Any]:
    with clock.ahead(dt.timedelta(minutes=minutes)):
        return tiles()


def test_every_tile_leads_to_the_rows_that_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card(per_transaction_limit_minor=5000)
    approve_purchase(card)
    run_workers()
    approve_purchase(card)
    declined_by_every_bank()
    for _ in range(2):
        stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=6000))
    stripe_events.post(
        stripe_events.authorization_update(stripe_events.authorization_request(card=card.issuer_card_id))
    )
    heard_later(monkeypatch)
    for reason in ("webhook_error", "webhook_timeout", "spending_controls"):
        report(card, reason=reason)
    hourly_sums.refresh()

    client, counted = logged_in(), {}
    for tile in client.get("/admin/").context["tiles"]:
        if tile.value.isdecimal():
            counted[tile.title] = int(tile.value)
            assert client.get(tile.page).context["cl"].result_count == int(tile.value), tile.title

    assert {name: counted[name] for name in ("Failed answers today", "Open cases", "Inbox waiting")} == {
        "Failed answers today": 2,
        "Open cases": 2,
        "Inbox waiting": 1,
    }
    assert counted["Declined by us today"] == 2
    assert counted["Declined by the issuer today"] == 3


def test_a_failed_answer_is_red_and_none_is_green(monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card()
    assert tiles()["Failed answers today"].tone == "good"

    heard_later(monkeypatch)
    report(card, reason="webhook_error")

    assert tiles()["Failed answers today"].tone == "bad"


def test_what_a_case_is_open_for_is_not_red_twice() -> None:
    approve_purchase(walkthrough_card())
    assert later(5)["Oldest uncharged approval"].tone == "bad"

    declined_by_every_bank()

    assert FundingObligation.objects.get().status == "failed"
    assert later(60)["Open cases"].tone == "bad"
    assert later(60)["Oldest uncharged approval"].tone == "good"


def test_a_written_off_purchase_is_red_no_more() -> None:
    approve_purchase(walkthrough_card())
    declined_by_every_bank()
    Case.objects.update(status="resolved", resolution="Written off")

    assert later(60)["Oldest uncharged approval"].tone == "good"


def test_a_purchase_below_the_processors_minimum_is_not_red() -> None:
    approve_purchase(walkthrough_card(), amount=30)
    run_workers()

    assert {tile.tone for tile in later(60).values() if tile.title != "Outbox waiting"} <= {"good", "neutral"}


def test_an_event_that_waits_for_our_decision_is_not_red() -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    stripe_events.post(stripe_events.authorization_update(asked))

    assert later(5)["Inbox waiting"].tone == "info"
    assert later(30)["Inbox waiting"].tone == "bad"


def test_an_event_that_waits_for_nothing_is_red_after_minutes() -> None:
    stripe_events.post(stripe_events.event("issuing_card.updated", {"id": walkthrough_card().issuer_card_id}))

    assert later(1)["Inbox waiting"].tone == "info"
    assert later(5)["Inbox waiting"].tone == "bad"


def test_an_event_that_is_tried_again_later_is_not_red() -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    stripe_events.post(stripe_events.authorization_update(asked))
    due = clock.now() + dt.timedelta(hours=3)
    IssuerEvent.objects.update(attempts=3, next_attempt_at=due)

    assert later(60)["Inbox waiting"].tone == "info"
    assert later(240)["Inbox waiting"].tone == "bad"
