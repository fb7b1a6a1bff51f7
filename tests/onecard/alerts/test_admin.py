"""Staff see what is wrong, take it, and read who heard of it."""

from typing import Any

import pytest
from django.contrib.auth.models import Group

from audit.models import Entry
from onecard.alerts import evaluation, incidents
from onecard.alerts.models import Incident
from onecard.alerts.registry import RULES
from onecard.alerts.rule import Condition
from onecard.users.models import User
from tests.onecard.admin_pages import page
from tests.onecard.alerts.conftest import Duty
from tests.support.back_office import logged_in, send, sentences, text_of
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
KIND = RULES[0].kind
LIST = page(Incident, "changelist")


def colleague(role: str) -> User:
    user: User = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def opened(key: str = "stripe") -> Incident:
    condition = Condition(severity="critical", summary="3 of 4 fail.", key=key, page="/admin/issuing/issuerevent/")
    incidents.follow(KIND, [condition])
    return Incident.objects.get(key=key)


def test_an_empty_list_says_what_opens_an_incident_and_how_to_try_it() -> None:
    shown = text_of(logged_in().get(LIST))

    assert "Nothing has been wrong yet." in shown
    assert "manage.py send_test_alert" in shown


def test_open_incidents_come_first() -> None:
    old, new = opened("old"), opened("new")
    Incident.objects.filter(pk=new.pk).update(status="resolved", resolved_at=new.opened_at)

    shown = text_of(logged_in().get(LIST))

    assert shown.index("fail: old") < shown.index("fail: new")
    assert old.pk < new.pk


def test_the_page_says_what_is_wrong_what_to_do_and_who_heard(duty: Duty) -> None:
    row = opened()
    duty.send()

    shown = text_of(logged_in().get(page(Incident, "change", row.pk)))

    assert "3 of 4 fail." in shown
    assert "Look at the database&#x27;s load" in shown
    assert "duty@example.com" in shown
    assert "127.0.0.1" in shown
    assert 'href="/admin/issuing/issuerevent/"' in shown
    assert "docs/runbook.md#our-answers-to-an-issuer-fail" in shown


def test_the_page_links_a_runbook_that_a_browser_can_read(settings: Any) -> None:
    settings.ALERTS = settings.ALERTS._replace(runbook_url="https://wiki.example.com/runbook")

    shown = text_of(logged_in().get(page(Incident, "change", opened().pk)))

    assert 'href="https://wiki.example.com/runbook#our-answers-to-an-issuer-fail"' in shown


def test_operations_acknowledge_with_a_note_and_an_audit_entry() -> None:
    row, boss = opened(), colleague("operations")
    client, button = logged_in(boss), page(Incident, "acknowledge", row.pk)
    assert button in text_of(client.get(page(Incident, "change", row.pk)))

    assert send(client, button, note="I restart the relay.").status_code == 302

    row.refresh_from_db()
    assert (row.status, row.acknowledged_by, row.note) == ("acknowledged", boss, "I restart the relay.")
    entry = Entry.objects.get(action="incident.acknowledged")
    assert (entry.actor, entry.details["note"]) == (f"user:{boss.pk}", "I restart the relay.")
    shown = text_of(client.get(page(Incident, "change", row.pk)))
    assert button not in shown
    assert "I restart the relay." in shown
    assert "acknowledged it, or its cause is gone" in sentences(client.get(button, follow=True))


def test_whoever_may_only_see_has_no_button() -> None:
    row, client = opened(), logged_in(colleague("auditor"))
    button = page(Incident, "acknowledge", row.pk)

    assert button not in text_of(client.get(page(Incident, "change", row.pk)))
    assert client.post(button, {"note": ""}).status_code == 403
    assert logged_in(colleague("support")).get(LIST).status_code == 403
    row.refresh_from_db()
    assert row.status == "open"


def test_the_overview_and_the_sidebar_count_what_is_open() -> None:
    client = logged_in()
    tile = next(each for each in client.get("/admin/").context["tiles"] if each.title == "Alerts")
    assert (tile.value, tile.tone) == ("0", "good")
    opened()

    answer = client.get("/admin/")

    tile = next(each for each in answer.context["tiles"] if each.title == "Alerts")
    assert (tile.value, tile.note, tile.tone) == ("1", "Our answers to an issuer fail: stripe", "bad")


def test_the_rules_measure_nothing_wrong_in_an_empty_product() -> None:
    assert not any(evaluation.measure().values())
