"""Events of another mode, another account or another API version: declined or kept, nothing booked, a person told."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from issuing.authorizations import decision_store
from issuing.handlers import dispatch
from issuing.inbox import foreign_events
from issuing.inbox.bodies import body_of
from issuing.models import Authorization, CardTransaction, Decision, Hold, IssuerEvent, VirtualCard
from onecard import environment
from onecard.celery import SUBSCRIBERS
from onecard.outbox.models import Message
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingCharge

pytestmark = pytest.mark.django_db
EventBody = dict[str, Any]

LIVE, TEST = "sk_live_x", "sk_test_x"
# The key, what the event says of itself, and the reason.
FOREIGN: list[tuple[str, EventBody, str]] = [
    (LIVE, {"livemode": False}, "event_of_other_mode"),
    (LIVE, {"livemode": None}, "event_of_other_mode"),
    (LIVE, {"livemode": "true"}, "event_of_other_mode"),
    ("rk_live_x", {"livemode": False}, "event_of_other_mode"),
    (TEST, {"livemode": True}, "event_of_other_mode"),
    (TEST, {"account": "acct_other"}, "event_of_other_account"),
    (TEST, {"account": 7}, "event_of_other_account"),
    (TEST, {"account": {"id": "acct_other"}}, "event_of_other_account"),
    (TEST, {"api_version": "2019-12-03"}, "event_of_other_version"),
    (TEST, {"api_version": "2031-01-01.unheard"}, "event_of_other_version"),
]
OURS: list[tuple[str, str, EventBody]] = [
    (LIVE, "", {"livemode": True}),
    (TEST, "", {"livemode": False}),
    (TEST, "", {"account": None}),
    (TEST, "acct_ours", {"account": "acct_ours"}),
    (TEST, "acct_ours", {}),
    (TEST, "", {"api_version": "2026-10-28.endive"}),
    (TEST, "", {"api_version": "2026-11-25.endive"}),
    (TEST, "", {"api_version": None}),
]


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def reason(response: Any) -> str:
    return str(response.json()["metadata"].get("onecard_reason", ""))


def capture(card: VirtualCard, **changes: Any) -> EventBody:
    content = {
        "id": stripe_events.unique("ipi"),
        "object": "issuing.transaction",
        "type": "capture",
        "amount": -4500,
        "currency": "usd",
        "card": card.issuer_card_id,
        "created": 1_794_862_800,
    }
    return stripe_events.event("issuing_transaction.created", content, **changes)


def handle(told: EventBody) -> IssuerEvent:
    assert stripe_events.post(told).status_code == 200
    event = IssuerEvent.objects.get(event_id=told["id"])
    dispatch.handle(event_pk=event.pk)
    event.refresh_from_db()
    return event


@pytest.mark.parametrize(("key", "said", "why"), FOREIGN)
def test_a_question_that_is_not_ours_is_declined_and_kept(
    card: VirtualCard, settings: Any, key: str, said: EventBody, why: str
) -> None:
    settings.STRIPE_API_KEY = key
    asked = stripe_events.authorization_request(card=card.issuer_card_id) | said

    answers = [stripe_events.post(asked) for _ in range(2)]

    assert {reason(answer) for answer in answers} == {why}
    assert answers[0].content == answers[1].content
    event = IssuerEvent.objects.get()
    assert (event.status, json.loads(body_of(event))) == ("kept", asked)
    assert not any(model.objects.exists() for model in (Decision, Authorization, Hold, FundingCharge))
    case = Case.objects.get()
    assert (case.kind, case.status, case.reference) == ("event_contradiction", "open", f"stripe:{why}")
    assert Message.objects.get().topic == "events.refused"


@pytest.mark.parametrize(("key", "said", "why"), FOREIGN)
def test_an_event_of_another_account_is_kept_and_books_nothing(
    card: VirtualCard, settings: Any, key: str, said: EventBody, why: str
) -> None:
    settings.STRIPE_API_KEY = key

    event = handle(capture(card) | said)

    assert event.status == "kept"
    assert not CardTransaction.objects.exists()
    assert not Authorization.objects.exists()
    assert Case.objects.get().reference == f"stripe:{why}"


@pytest.mark.parametrize(("key", "account", "said"), OURS)
def test_events_of_our_own_are_believed(
    card: VirtualCard, settings: Any, key: str, account: str, said: EventBody
) -> None:
    settings.STRIPE_API_KEY, settings.STRIPE_ACCOUNT_ID = key, account

    asked = stripe_events.authorization_request(card=card.issuer_card_id) | said
    assert stripe_events.post(asked).json()["approved"] is True
    assert handle(capture(card) | said).status == "handled"
    assert not Case.objects.filter(kind="event_contradiction").exists()


def test_an_object_of_test_mode_under_a_live_event_is_refused(card: VirtualCard, settings: Any) -> None:
    settings.STRIPE_API_KEY = LIVE
    asked = stripe_events.authorization_request(card=card.issuer_card_id, livemode=False) | {"livemode": True}

    assert reason(stripe_events.post(asked)) == "event_of_other_mode"


@pytest.mark.parametrize("kind", ["issuing_card.updated", "payment_intent.succeeded", "issuing_dispute.created"])
def test_no_kind_of_event_of_another_account_is_acted_on(card: VirtualCard, kind: str) -> None:
    content = {"id": card.issuer_card_id, "status": "canceled", "amount": 100, "currency": "usd"}

    assert handle(stripe_events.event(kind, content, account="acct_other")).status == "kept"

    card.refresh_from_db()
    assert card.status == "active"


def test_many_refused_events_are_one_case_that_alerts_once(card: VirtualCard) -> None:
    for _ in range(3):
        stripe_events.post(
            stripe_events.authorization_request(card=card.issuer_card_id) | {"api_version": "2019-12-03"}
        )
        handle(capture(card, api_version="2019-12-03"))

    assert "STRIPE_EVENT_VERSIONS" in Case.objects.get().summary
    assert Message.objects.filter(topic="events.refused").count() == 1
    assert SUBSCRIBERS["events.refused"] == ("onecard.alerts.tasks.evaluate",)


def test_a_refused_question_under_a_used_id_is_kept_beside_it(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    first = stripe_events.post(asked)

    assert reason(stripe_events.post(asked | {"livemode": True})) == "event_of_other_mode"

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["handled", "kept"]
    assert stripe_events.post(asked).content == first.content


def test_a_refused_event_is_handled_after_the_setting_is_corrected(card: VirtualCard, settings: Any) -> None:
    told = capture(card, api_version="2031-01-01.unheard")
    other = capture(card, account="acct_other")
    assert [handle(each).status for each in (told, other)] == ["kept", "kept"]
    stripe_events.post(
        stripe_events.authorization_request(card=card.issuer_card_id) | {"api_version": "2031-01-01.unheard"}
    )

    settings.STRIPE_EVENT_VERSIONS = ["2031-01-01.unheard"]
    out = StringIO()
    call_command("take_events_again", stdout=out)

    assert out.getvalue() == "1 event handed to the workers again.\n"
    event = IssuerEvent.objects.get(event_id=told["id"])
    assert dispatch.handle(event_pk=event.pk) == "handled"
    assert CardTransaction.objects.count() == 1
    assert foreign_events.take_again() == 0


def test_a_refused_question_is_declined_without_a_database(card: VirtualCard, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def fail(*_args: object, **_more: object) -> None:
        raise OperationalError("no database")

    monkeypatch.setattr(decision_store, "refuse", fail)
    asked = stripe_events.authorization_request(card=card.issuer_card_id) | {"account": "acct_other"}

    assert reason(stripe_events.post(asked)) == "event_of_other_account"


def test_an_account_id_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_ACCOUNT_ID", "ours")
    with pytest.raises(ImproperlyConfigured, match="STRIPE_ACCOUNT_ID"):
        environment.prefixed("STRIPE_ACCOUNT_ID", prefix="acct_")
