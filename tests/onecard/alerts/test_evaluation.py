"""An incident is opened once by its cause, and ends by itself when the cause is gone."""

from collections.abc import Iterable

import pytest
from django.db import IntegrityError

from audit.models import Entry
from onecard.alerts import evaluation, incidents
from onecard.alerts.models import AlertMessage, Incident
from onecard.alerts.rule import Condition, Measure, Rule
from onecard.celery import SUBSCRIBERS, app
from onecard.outbox.models import Message
from tests.onecard.alerts.conftest import Duty
from tests.support.factories import UserFactory
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db


def rule(measure: Measure, kind: str = "tested") -> Rule:
    return Rule(kind=kind, label="Tested", to_do="Nothing.", measure=measure)


def found(key: str = "") -> Iterable[Condition]:
    yield Condition(severity="warning", summary="3 of 4 are wrong.", key=key)


def nothing() -> Iterable[Condition]:
    return ()


def broken() -> Iterable[Condition]:
    raise ValueError("a fault of the rule")


def test_the_clock_and_the_outbox_bring_the_work_to_workers() -> None:
    tasks = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"onecard.alerts.tasks.evaluate", "onecard.alerts.tasks.sweep_messages"} <= tasks
    assert SUBSCRIBERS["alert.send"] == ("onecard.alerts.tasks.send_message",)


def test_an_incident_is_opened_once_and_follows_its_condition(duty: Duty) -> None:
    evaluation.evaluate([rule(found)])
    duty.pass_time(seconds=30)
    worse = Condition(severity="warning", summary="4 of 4 are wrong.")
    evaluation.evaluate([rule(lambda: [worse])])

    incident = Incident.objects.get()
    assert (incident.summary, incident.latest) == ("3 of 4 are wrong.", "4 of 4 are wrong.")
    assert AlertMessage.objects.count() == Message.objects.filter(topic="alert.send").count() == 2
    assert [entry.action for entry in Entry.objects.filter(subject_type="incident")] == ["incident.opened"]


def test_a_condition_that_comes_and_goes_is_one_incident(duty: Duty) -> None:
    for measure in (found, nothing, found, nothing, found):
        evaluation.evaluate([rule(measure)])
        duty.pass_time(minutes=4)

    assert Incident.objects.get().status == "open"


def test_after_its_end_the_same_cause_opens_a_new_incident(duty: Duty) -> None:
    for measure in (found, nothing, nothing, found):
        evaluation.evaluate([rule(measure)])
        duty.pass_time(minutes=6)

    assert sorted(Incident.objects.values_list("status", flat=True)) == ["open", "resolved"]


def test_each_key_has_an_incident_of_its_own(duty: Duty) -> None:
    evaluation.evaluate([rule(lambda: [*found("stripe"), *found("marqeta")])])

    assert sorted(Incident.objects.values_list("key", flat=True)) == ["marqeta", "stripe"]


def test_a_rule_that_raises_hides_no_other_and_is_an_alert(duty: Duty) -> None:
    evaluation.evaluate([rule(found, "first"), rule(found, "second")])
    duty.pass_time(minutes=6)
    evaluation.evaluate([rule(broken, "first"), rule(found, "second"), rule(found, "third")])
    duty.pass_time(minutes=6)
    evaluation.evaluate([rule(broken, "first"), rule(found, "second"), rule(found, "third")])

    assert sorted(Incident.objects.values_list("kind", "key", "status")) == [
        ("first", "", "open"),
        ("rule_failing", "first", "open"),
        ("second", "", "open"),
        ("third", "", "open"),
    ]


def test_an_incident_of_a_rule_that_is_no_more_ends(duty: Duty) -> None:
    evaluation.evaluate([rule(found, "old")])
    for _ in range(2):
        duty.pass_time(minutes=6)
        evaluation.evaluate([])

    assert Incident.objects.get().status == "resolved"


@pytest.mark.django_db(transaction=True)
def test_concurrent_evaluations_open_one_incident(duty: Duty) -> None:
    at_once([lambda: evaluation.evaluate([rule(found)])] * 6)

    assert Incident.objects.count() == 1
    assert AlertMessage.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_evaluations_resolve_an_incident_once(duty: Duty) -> None:
    for _ in range(2):
        evaluation.evaluate([rule(found if not Incident.objects.exists() else nothing)])
    duty.pass_time(minutes=6)
    at_once([lambda: evaluation.evaluate([rule(nothing)])] * 6)

    assert Incident.objects.get().status == "resolved"
    assert AlertMessage.objects.filter(occasion="incident.resolved").count() == 1


def test_the_database_refuses_a_second_open_incident_of_a_kind_and_key() -> None:
    evaluation.evaluate([rule(found)])
    first = Incident.objects.get()
    with pytest.raises(IntegrityError, match="one_unresolved_incident_of_a_kind"):
        Incident.objects.create(kind=first.kind, opened_at=first.opened_at, measured_at=first.measured_at)


@pytest.mark.django_db(transaction=True)
def test_one_of_two_people_acknowledges_an_incident() -> None:
    evaluation.evaluate([rule(found)])
    incident, people = Incident.objects.get(), [UserFactory(), UserFactory()]

    def acknowledge(number: int) -> bool:
        try:
            incidents.acknowledge(incident, user=people[number], note="I look at it.")
        except incidents.IncidentMovedError:
            return False
        return True

    assert sorted(at_once([lambda: acknowledge(0), lambda: acknowledge(1)])) == [False, True]
    incident.refresh_from_db()
    assert (incident.status, incident.note) == ("acknowledged", "I look at it.")
    assert Entry.objects.filter(action="incident.acknowledged").count() == 1


def test_an_acknowledged_incident_is_resolved_by_itself(duty: Duty) -> None:
    evaluation.evaluate([rule(found)])
    incidents.acknowledge(Incident.objects.get(), user=UserFactory(), note="")
    for _ in range(2):
        duty.pass_time(minutes=6)
        evaluation.evaluate([rule(nothing)])

    assert Incident.objects.get().status == "resolved"
