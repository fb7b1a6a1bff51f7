"""An operator evaluates the alerts by hand, and tries whether they arrive."""

from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from audit.models import Entry
from onecard.alert_settings import AlertSettings
from onecard.alerts.models import AlertMessage, Incident
from onecard.outbox import services as outbox
from onecard.outbox.models import Message
from tests.onecard.alerts.conftest import SECRET, Duty
from tests.support.webhook_receivers import is_genuine

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    """What the command prints, with the sentence that it fails with."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def test_check_alerts_prints_that_nothing_is_wrong(duty: Duty) -> None:
    assert run("check_alerts").startswith("Nothing is wrong: ")
    assert not Incident.objects.exists()


def test_check_alerts_opens_and_sends_without_queue_and_clock(duty: Duty) -> None:
    outbox.put(topic="funding.requested", charge_id=1)
    duty.pass_time(minutes=3)

    shown = run("check_alerts")

    assert "Critical, open for 0 s: The outbox is not emptied. 1 message waits" in shown
    assert shown.endswith("1 incident not resolved.")
    assert len(mail.outbox) == len(duty.receiver.received) == 1


def test_a_dry_run_prints_and_writes_nothing(duty: Duty) -> None:
    outbox.put(topic="funding.requested", charge_id=1)
    duty.pass_time(minutes=3)

    shown = run("check_alerts", "--dry-run")

    assert "Critical: outbox_waits. 1 message waits in the outbox" in shown
    assert shown.endswith("1 incident would be opened or continued.")
    assert not any(model.objects.exists() for model in (Incident, AlertMessage, Entry))
    assert Message.objects.count() == 1
    assert mail.outbox == []


def test_a_test_alert_says_where_it_arrived(duty: Duty) -> None:
    shown = run("send_test_alert")

    assert "Mail to duty@example.com: taken by the mail server." in shown
    assert "Webhook to 127.0.0.1: answered with success." in shown
    assert "There is nothing to do." in mail.outbox[0].body
    (told,) = duty.receiver.received
    assert is_genuine(told, SECRET)
    assert told.event["type"] == "alerts.test"
    assert not Incident.objects.exists()


def test_a_test_alert_that_fails_says_why(duty: Duty, settings: Any) -> None:
    duty.receiver.answers(401)

    shown = run("send_test_alert")

    assert "Webhook to 127.0.0.1: not sent. It answered 401." in shown
    assert AlertMessage.objects.get(channel="webhook").status == "given_up"
    settings.ALERTS, settings.ADMINS = AlertSettings([], "", [], ""), []
    assert "No way is set" in run("send_test_alert")
