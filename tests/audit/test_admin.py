"""The trail as staff read it."""

import pytest
from django.db import transaction
from django.urls import reverse

from audit import trail
from audit.admin import details_in_words
from audit.edits import plain
from audit.models import Entry
from onecard.users.models import User
from tests.support.back_office import logged_in, superuser, text_of
from tests.support.factories import RankingRowFactory, UserFactory

pytestmark = pytest.mark.django_db


def write(actor: str, subject: object, **details: object) -> Entry:
    with transaction.atomic():
        return trail.record(actor=actor, action="rankingrow.changed", subject=subject, **details)


def test_the_list_shows_person_subject_and_change() -> None:
    row, clerk = RankingRowFactory(), UserFactory(username="clara")
    write(f"user:{clerk.pk}", row, changes={"reward_rate": ["1", "2"]})

    shown = text_of(logged_in().get(reverse("admin:audit_entry_changelist")))

    assert f"clara (user:{clerk.pk})" in shown
    assert reverse("admin:routing_rankingrow_change", args=[row.pk]) in shown
    assert "reward_rate: 1 → 2" in shown


def test_an_entry_opens_whoever_its_actor_was() -> None:
    boss = superuser()
    for actor in ("user:999999", "user:x", "system:funding", "issuer:stripe"):
        entry = write(actor, boss, note="<b>bold</b>")

        shown = text_of(logged_in(boss).get(reverse("admin:audit_entry_change", args=[entry.pk])))

        assert actor in shown
        assert "<b>bold</b>" not in shown


def test_entries_are_searched_by_action_actor_and_subject() -> None:
    clerk, other = UserFactory(), UserFactory()
    write("system:funding", clerk)
    write("issuer:stripe", other)
    client = logged_in()

    shown = text_of(client.get(reverse("admin:audit_entry_changelist"), {"q": "system:funding"}))

    assert f"Login {clerk.pk}" in shown
    assert f"Login {other.pk}" not in shown


def test_details_are_one_line_whatever_they_hold() -> None:
    assert details_in_words({}) == "-"
    assert details_in_words({"changes": {"password": "changed"}}) == "password: changed"
    assert details_in_words({"was": "open", "empty": ""}) == "was open"


def test_any_value_becomes_json() -> None:
    people = User.objects.filter(pk=UserFactory(username="clara").pk)

    assert plain({"people": people, 1: (None, True, b"x")}) == {"people": ["clara"], "1": [None, True, "b'x'"]}
