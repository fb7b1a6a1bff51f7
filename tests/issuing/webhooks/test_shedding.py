"""A genuine question that gets no thread in time is declined at once; nothing else is answered in its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from issuing.authorizations import together
from issuing.webhooks import event_loop, shedding
from onecard.kit import exact_json
from onecard.kit.admission import Admission
from onecard.kit.buffered_wsgi import Answer
from tests.support import stripe_events
from tests.support.marqeta_events import basic, gateway_request
from tests.support.together import post_together


def stripe(event: Any, **more: Any) -> Answer | None:
    body = json.dumps(event)
    header = more.pop("header", None) or stripe_events.signed(body)
    return shedding.decline_stripe({"stripe-signature": header}, body.encode())


def marqeta(content: Any, **more: Any) -> Answer | None:
    known = basic(settings.MARQETA_JIT_USERNAME, settings.MARQETA_JIT_PASSWORD)
    body = content if isinstance(content, str) else exact_json.dumps(content)
    return shedding.decline_marqeta({"authorization": more.get("header", known)}, body.encode())


def test_stripes_question_is_declined() -> None:
    declined = stripe(stripe_events.authorization_request(card="ic_1"))
    assert declined is not None
    assert declined.status == 200
    assert json.loads(declined.body) == {"approved": False, "metadata": {"onecard_reason": "overloaded"}}
    assert dict(declined.headers)[b"stripe-version"] == settings.STRIPE_API_VERSION.encode()


def test_events_and_strangers_wait_for_their_turn() -> None:
    question = stripe_events.authorization_request(card="ic_1")
    assert stripe(stripe_events.event("issuing_card.updated", {"id": "ic_1"})) is None
    assert stripe(question, header="t=1,v1=00") is None
    assert stripe(question | {"padding": "x" * shedding.LARGEST_BODY}) is None
    for body in ("", "[]", "{", "7"):
        assert shedding.decline_stripe({"stripe-signature": stripe_events.signed(body)}, body.encode()) is None
        assert marqeta(body) is None


def test_marqetas_question_is_declined_with_what_it_asked() -> None:
    question = gateway_request(card="card_1")
    declined = marqeta(question)
    assert declined is not None
    assert declined.status == 402
    answer = json.loads(declined.body)["jit_funding"]
    assert answer["token"] == question["gpa_order"]["jit_funding"]["token"]
    assert answer["decline_reason"]


@pytest.mark.parametrize("change", [{"method": "pgfs.authorization.clearing"}, {"method": None}, {"method": ["x"]}])
def test_a_notice_of_marqeta_waits_for_its_turn(change: dict[str, Any]) -> None:
    notice = gateway_request(card="card_1")
    notice["gpa_order"]["jit_funding"] |= change
    assert marqeta(notice) is None


def test_a_stranger_at_the_gateway_is_not_answered_for() -> None:
    for header in ("", "Basic eDp5", "Bearer x"):
        assert marqeta(gateway_request(card="card_1"), header=header) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("is_silent", "reason"), [(True, "stand_in_declined"), (False, "overloaded")])
def test_who_waits_for_a_silent_database_gets_stand_ins_answer(
    is_silent: bool, reason: str, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.STAND_IN_DIR, settings.DECISION_DEADLINE_MS = str(tmp_path), 30_000
    monkeypatch.setattr(event_loop, "admission", Admission(least=0, most=0, most_waiting=0))
    monkeypatch.setattr(together, "is_silent", lambda: is_silent)

    (answer,) = post_together([stripe_events.authorization_request(card="ic_1")])

    assert (answer["in_loop"], answer["approved"]) == (True, False)
    assert answer["metadata"]["onecard_reason"] == reason
    assert event_loop.is_swamped() is not is_silent
