"""Staff send an event of the inbox through the handlers again: what was applied is not applied twice."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit.models import Entry
from issuing.handlers import dispatch
from issuing.models import CardTransaction, IssuerEvent
from onecard.outbox.models import Message
from onecard.users.models import User
from tests.invariants.money import money
from tests.support.back_office import logged_in, sentences, text_of
from tests.support.factories import UserFactory
from tests.support.purchases import approve_purchase, deliver_events, run_workers, transaction_event, update_event
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db
WHY = "To see that all of it was applied."


@pytest.fixture
def asked() -> dict[str, Any]:
    """45.00 USD, of which the merchant gave 10.00 back; all of it is applied."""
    found = approve_purchase(walkthrough_card())
    deliver_events(transaction_event(found, 4500), update_event(found, "closed"))
    deliver_events(transaction_event(found, 1000, kind="refund"))
    run_workers()
    return found


def staff(*names: str) -> User:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_issuerevent", *names)))
    return user


def page(event: IssuerEvent, name: str = "send_again") -> str:
    return reverse(f"admin:issuing_issuerevent_{name}", args=[event.pk])


def test_every_handled_event_again_moves_nothing(asked: dict[str, Any]) -> None:
    client, before = logged_in(staff("change_issuerevent")), money()
    movements = set(CardTransaction.objects.values_list("pk", flat=True))
    events = [each for each in IssuerEvent.objects.filter(status="handled") if not each.decisions.exists()]
    assert len(events) >= 3

    for event in reversed(events):
        assert page(event) in text_of(client.get(page(event, "change")))
        assert "changes nothing" in text_of(client.get(page(event)))
        answer = client.post(page(event), {"reason": WHY}, follow=True)
        assert "A worker applies the event again" in sentences(answer)
        assert IssuerEvent.objects.get(pk=event.pk).status == "received"
        assert dispatch.handle(event_pk=event.pk) == "handled"
    run_workers()

    assert money() == before
    assert set(CardTransaction.objects.values_list("pk", flat=True)) == movements
    entries = Entry.objects.filter(action="event.sent_again")
    assert [entry.details["reason"] for entry in entries] == [WHY] * len(events)


def test_pressed_twice_it_is_applied_once_more(asked: dict[str, Any]) -> None:
    client, before = logged_in(staff("change_issuerevent")), money()
    event = IssuerEvent.objects.filter(event_type="issuing_transaction.created").earliest("pk")

    for _ in range(2):
        client.post(page(event), {"reason": WHY})

    assert Message.objects.filter(topic="inbox.received", payload__event_pk=event.pk).count() == 3
    assert [dispatch.handle(event_pk=event.pk) for _ in range(2)] == ["handled", "handled"]
    assert money() == before


def test_a_question_that_was_answered_is_not_sent_again(asked: dict[str, Any]) -> None:
    client = logged_in(staff("change_issuerevent"))
    question = IssuerEvent.objects.get(event_id=asked["id"])

    assert page(question) not in text_of(client.get(page(question, "change")))
    answer = client.post(page(question), {"reason": WHY})

    assert "has our answer" in sentences(answer)
    assert IssuerEvent.objects.get(pk=question.pk).status == "handled"


def test_without_a_reason_or_the_permission_nothing_is_sent(asked: dict[str, Any]) -> None:
    event = IssuerEvent.objects.filter(event_type="issuing_transaction.created").earliest("pk")

    assert logged_in(staff()).post(page(event), {"reason": WHY}).status_code == 403
    logged_in(staff("change_issuerevent")).post(page(event), {"reason": " "})

    assert IssuerEvent.objects.get(pk=event.pk).status == "handled"
    assert not Entry.objects.filter(action="event.sent_again").exists()
