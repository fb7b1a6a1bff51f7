"""Somebody on duty, with a mailbox and a webhook receiver, and a clock that the test moves."""

import base64
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core import mail

from onecard.alert_settings import AlertSettings
from onecard.alerts import evaluation, sending
from onecard.alerts.models import AlertMessage, Incident
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.support.webhook_receivers import Receiver, is_genuine, running_receiver

SECRET = "whsec_" + base64.b64encode(b"alerts" * 6).decode()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with running_receiver() as running:
        settings.WEBHOOKS_TO_LOOPBACK = True
        settings.ALERTS = AlertSettings([], running.url, [SECRET], "")
        yield running


@dataclass
class Duty:
    """What whoever is on duty gets, and the worker's tasks that bring it."""

    receiver: Receiver
    patch: pytest.MonkeyPatch

    def pass_time(self, **length: float) -> None:
        """Moves the product's clock on."""
        now = clock.now() + dt.timedelta(**length)
        self.patch.setattr(clock, "now", lambda: now)

    def evaluate(self) -> None:
        """Evaluates every rule once and sends what is to be sent."""
        evaluation.evaluate()
        self.send()

    def send(self) -> None:
        for pk in AlertMessage.objects.values_list("pk", flat=True):
            sending.send(message_id=pk)
        Message.objects.filter(topic="alert.send").update(published_at=clock.now())

    def assert_woken_once(self, kind: str, *, key: str = "", words: str = "") -> Incident:
        """One incident of this kind, with one mail and one genuine webhook, and no second after further evaluations."""
        self.evaluate()
        self.evaluate()
        incident = Incident.objects.get()
        assert (incident.kind, incident.key, incident.status) == (kind, key, "open")
        assert words in incident.summary
        (sent,) = mail.outbox
        assert sent.to == ["duty@example.com"]
        assert incident.summary in sent.body
        (told,) = self.receiver.received
        assert is_genuine(told, SECRET)
        assert told.event["type"] == "incident.opened"
        assert told.event["data"]["incident"]["summary"] == incident.summary
        return incident

    def assert_resolved_by_itself(self, incident: Incident) -> None:
        """The cause is gone: the incident ends after a while, which the webhook says and no mail."""
        self.evaluate()
        incident.refresh_from_db()
        assert incident.status == "open"
        self.pass_time(minutes=6)
        self.evaluate()
        incident.refresh_from_db()
        assert incident.status == "resolved"
        assert [each.event["type"] for each in self.receiver.received] == ["incident.opened", "incident.resolved"]
        assert len(mail.outbox) == 1

    def assert_quiet(self) -> None:
        """Nothing is wrong, so nobody is woken."""
        self.evaluate()
        assert list(Incident.objects.all()) == []
        assert mail.outbox == []
        assert self.receiver.received == []


@pytest.fixture
def duty(receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Duty:
    settings.ALERTS = settings.ALERTS._replace(mails=["duty@example.com"])
    return Duty(receiver, monkeypatch)
