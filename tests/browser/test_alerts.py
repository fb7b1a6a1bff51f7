"""Somebody on duty is woken by an incident, takes it, and sees it end by itself."""

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from playwright.sync_api import expect

from audit.models import Entry
from onecard.alerts import evaluation, sending
from onecard.alerts.models import AlertMessage, Incident
from onecard.kit import clock
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox
from onecard.outbox.models import Message
from tests.browser.conftest import Axe, LogIn, Shot

pytestmark = pytest.mark.only_in_proofs


def evaluate() -> None:
    evaluation.evaluate()
    for pk in AlertMessage.objects.values_list("pk", flat=True):
        sending.send(message_id=pk)


def test_operations_acknowledge_an_alert(log_in: LogIn, axe: Axe, shot: Shot, settings: Any) -> None:
    settings.ALERTS = settings.ALERTS._replace(mails=["duty@example.com"])
    page = log_in("operations")
    page.get_by_role("link", name="Alerts").first.click()
    expect(page.get_by_text("Nothing has been wrong yet.")).to_be_visible()
    axe(page)
    with transaction():
        outbox.put(topic="funding.requested", charge_id=1)
    Message.objects.update(created_at=clock.now() - dt.timedelta(minutes=7))
    evaluate()

    page.get_by_role("link", name="Overview").click()
    axe(page)
    page.get_by_role("link", name="The outbox is not emptied").click()
    axe(page)
    page.get_by_role("link", name="The outbox is not emptied").click()
    expect(page.get_by_text("the oldest for 7 min").first).to_be_visible()
    expect(page.get_by_text("Start the relay (manage.py relay)")).to_be_visible()
    axe(page)
    shot(page, "alert")
    page.get_by_role("link", name="Acknowledge").click()
    page.locator("[name=note]").fill("The relay's machine is full. I make room.")
    axe(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("You have acknowledged it.")).to_be_visible()
    expect(page.get_by_role("link", name="Acknowledge")).to_have_count(0)
    incident = Incident.objects.get()
    assert (incident.status, incident.note) == ("acknowledged", "The relay's machine is full. I make room.")
    assert Entry.objects.get(action="incident.acknowledged").actor == f"user:{incident.acknowledged_by_id}"
    assert [each.to for each in mail.outbox if each.to] == [["duty@example.com"]]

    Message.objects.update(published_at=clock.now())
    evaluate()
    Incident.objects.update(clear_since=clock.now() - dt.timedelta(minutes=6))
    evaluate()
    page.reload()
    expect(page.get_by_text("Resolved: its cause is gone")).to_be_visible()
    axe(page)
