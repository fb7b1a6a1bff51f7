"""A mail and a webhook about an incident arrive once, whatever workers, queue, mail server and receiver do."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail

from onecard.alert_settings import AlertSettings
from onecard.alerts import incidents, sending
from onecard.alerts.models import AlertMessage, Incident
from onecard.alerts.registry import RULES, rule_of
from onecard.alerts.rule import Condition
from onecard.integrations import wire
from onecard.outbox.models import Message
from tests.onecard.alerts.conftest import SECRET, Duty
from tests.support.mail_servers import MailServer, running_mail_server
from tests.support.threads import at_once
from tests.support.webhook_receivers import is_genuine

pytestmark = pytest.mark.django_db
KIND = RULES[0].kind


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with running_mail_server(settings) as running:
        yield running


def opened(*, page: str = "/admin/health/") -> tuple[AlertMessage, AlertMessage]:
    """The mail and the webhook of an incident."""
    incidents.follow(KIND, [Condition(severity="critical", summary="3 of 4 fail.", key="stripe", page=page)])
    first, second = AlertMessage.objects.order_by("channel")
    return first, second


def test_the_mail_says_what_is_wrong_and_what_to_do(duty: Duty, settings: Any) -> None:
    settings.PUBLIC_URL = "https://cards.example.com"
    settings.ALERTS = settings.ALERTS._replace(runbook_url="https://wiki.example.com/runbook")
    settings.EMAIL_SUBJECT_PREFIX = "[One Card] "
    mailed, _webhook = opened()

    sending.send(message_id=mailed.pk)

    (sent,) = mail.outbox
    assert sent.subject == "[One Card] Critical: Our answers to an issuer fail: stripe"
    assert sent.body.startswith("3 of 4 fail.\n\nWhat to do: Look at the database's load")
    assert "Runbook: https://wiki.example.com/runbook#our-answers-to-an-issuer-fail\n" in sent.body
    assert "Look at: https://cards.example.com/admin/health/\n" in sent.body
    assert f"https://cards.example.com/admin/alerts/incident/{Incident.objects.get().pk}/change/\n" in sent.body
    assert str(mailed.public_id) in sent.extra_headers["Message-ID"]


def test_the_webhook_is_signed_and_says_the_same(duty: Duty, settings: Any) -> None:
    old = "whsec_" + "b2xk" * 10
    settings.ALERTS = settings.ALERTS._replace(webhook_secrets=[old, SECRET])
    _mail, webhook = opened()

    sending.send(message_id=webhook.pk)

    (told,) = duty.receiver.received
    assert is_genuine(told, SECRET)
    assert is_genuine(told, old)
    assert told.event_id == told.event["id"] == str(webhook.public_id)
    shown = told.event["data"]["incident"]
    assert (shown["kind"], shown["key"], shown["severity"]) == (KIND, "stripe", "critical")
    assert shown["runbook"] == "docs/runbook.md#our-answers-to-an-issuer-fail"


@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_send_each_message_once(duty: Duty, server: MailServer) -> None:
    mailed, webhook = opened()

    at_once([lambda pk=row.pk: sending.send(message_id=pk) for row in (mailed, webhook) for _ in range(4)])

    assert (server.taken, len(duty.receiver.received)) == (1, 1)


def test_nothing_is_lost_while_mail_server_and_receiver_are_down(duty: Duty, server: MailServer) -> None:
    server.is_full = True
    duty.receiver.answers(503, b"busy")
    rows = opened()
    for _ in range(8):
        for row in rows:
            assert sending.send(message_id=row.pk) == "waiting"
        duty.pass_time(hours=1)
    assert "The mail server did not take it" in AlertMessage.objects.get(channel="mail").failure_message
    assert AlertMessage.objects.get(channel="webhook").failure_message == "It answered 503."

    server.is_full = False
    duty.receiver.answers(200)
    assert sending.sweep() == 2
    assert sending.sweep() == 0

    assert server.taken == 1
    assert len(set(duty.receiver.ids)) == 1
    assert set(AlertMessage.objects.values_list("status", flat=True)) == {"sent"}


def test_a_worker_that_dies_after_sending_sends_the_same_id_again(duty: Duty) -> None:
    _mail, webhook = opened()
    post = wire.post

    def post_and_die(*arguments: Any) -> None:
        post(*arguments)
        raise SystemExit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "post", post_and_die)
        with pytest.raises(SystemExit):
            sending.send(message_id=webhook.pk)
    assert sending.send(message_id=webhook.pk) == "sending"
    duty.pass_time(minutes=5)

    assert sending.send(message_id=webhook.pk) == "sent"

    assert duty.receiver.ids == [str(webhook.public_id)] * 2
    assert duty.receiver.received[0].body == duty.receiver.received[1].body


def test_the_end_of_an_incident_waits_until_its_beginning_has_arrived(duty: Duty) -> None:
    duty.receiver.answers(503)
    opened()
    duty.send()
    for _ in range(2):
        incidents.follow(KIND, [])
        duty.pass_time(minutes=6)
    assert Incident.objects.get().status == "resolved"
    duty.receiver.received.clear()
    duty.receiver.answers(200)

    last = AlertMessage.objects.get(occasion="incident.resolved")
    assert sending.send(message_id=last.pk) == "waiting"
    assert duty.receiver.received == []
    for _ in range(2):
        duty.send()
        duty.pass_time(minutes=6)

    assert [each.event["type"] for each in duty.receiver.received] == ["incident.opened", "incident.resolved"]


def test_a_message_is_given_up_after_a_week(duty: Duty) -> None:
    duty.receiver.answers(503)
    _mail, webhook = opened()
    duty.pass_time(days=8)

    assert sending.send(message_id=webhook.pk) == "given_up"


@pytest.mark.parametrize("url", ["https://127.0.0.1/x", "https://10.0.0.1/x", "https://localhost/x"])
def test_a_receiver_on_our_own_network_is_not_called(duty: Duty, settings: Any, url: str) -> None:
    settings.WEBHOOKS_TO_LOOPBACK, settings.ALERTS = False, settings.ALERTS._replace(webhook_url=url)
    _mail, webhook = opened()

    assert sending.send(message_id=webhook.pk) == "waiting"

    webhook.refresh_from_db()
    assert "public" in webhook.failure_message


def test_without_any_way_the_incident_stands_in_the_back_office(settings: Any) -> None:
    settings.ALERTS, settings.ADMINS = AlertSettings([], "", [], ""), []
    incidents.follow(KIND, [Condition(severity="critical", summary="3 of 4 fail.")])

    assert Incident.objects.get().status == "open"
    assert not AlertMessage.objects.exists()
    assert not Message.objects.exists()


def test_administrators_are_mailed_where_nobody_else_is_named(duty: Duty, settings: Any) -> None:
    settings.ALERTS = settings.ALERTS._replace(mails=[])
    settings.ADMINS = [("a", "admin@example.com")]
    mailed, _webhook = opened()

    sending.send(message_id=mailed.pk)

    assert mail.outbox[0].to == ["admin@example.com"]
    assert rule_of(KIND) is not None
