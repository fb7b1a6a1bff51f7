"""Staff open a case by hand about a person, a card or a purchase, work it like any other, and resolve it."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.urls import reverse

from audit.models import Entry
from issuing.models import Authorization
from onecard.kit import clock
from onecard.kit.references import page_of
from onecard.users.models import User
from tests.issuing.disputes.captured import captured_purchase
from tests.support.back_office import logged_in, sentences, text_of
from tests.support.factories import UserFactory, VirtualCardFactory
from tests.support.threads import at_once
from tests.wallet.admin.case_pages import LIST, WHY, act, page
from tests.wallet.casework.desks import tried
from wallet.casework import actions as case_actions
from wallet.casework import by_hand
from wallet.models import Case, CaseNote

pytestmark = pytest.mark.django_db
FORM = {
    "title": "Call back about the trip",
    "words": "They fly on Friday.\nThey asked twice.",
    "due_on": "",
    "owner": "",
}
VIEWS = ("view_case", "view_cardholder", "view_virtualcard", "view_authorization")


def staff(*names: str) -> User:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=(*VIEWS, *names)))
    return user


def clerk() -> User:
    return staff("add_case", "change_case")


def button(row: Model) -> str:
    name = f"{row._meta.app_label}_{row._meta.model_name}_open_case"
    return reverse(f"admin:{name}", args=[row.pk])


def rows() -> dict[str, Model]:
    card = VirtualCardFactory()
    purchase = captured_purchase(card).authorization
    assert purchase is not None
    return {"cardholder": card.cardholder, "virtualcard": card, "authorization": purchase}


def open_it(row: Model, user: User, **changes: Any) -> Any:
    return logged_in(user).post(button(row), FORM | changes, follow=True)


@pytest.mark.parametrize("kind", ["cardholder", "virtualcard", "authorization"])
def test_a_case_is_opened_about_each_worked_and_resolved(kind: str) -> None:
    row, user, other = rows()[kind], clerk(), clerk()
    client = logged_in(user)
    assert button(row) in text_of(client.get(page_of(f"{kind}:{row.pk}"), follow=True))
    due = clock.now().date() + dt.timedelta(days=3)

    answer = open_it(row, user, due_on=str(due), owner=str(other.pk))

    assert "The case is open" in sentences(answer)
    case = Case.objects.get()
    assert (case.kind, case.reference, case.due_on, case.owner) == ("by_hand", f"{kind}:{row.pk}", due, other)
    assert CaseNote.objects.get().text == FORM["words"]
    entry = Entry.objects.get(action="case.opened")
    assert (entry.actor, entry.details["owner"]) == (f"user:{user.pk}", other.pk)
    shown = text_of(answer)
    for words in ("Call back about the trip", "They asked twice.", other.username):
        assert words in shown, words
    assert "Call back about the trip" in text_of(client.get(LIST))
    assert act(case, "resolve") in shown
    case_actions.resolve(case=case, user=other, reason=WHY)
    case.refresh_from_db()
    assert (case.status, case.resolution) == ("resolved", WHY)


def test_about_one_thing_there_is_one_at_a_time() -> None:
    row, user = rows()["cardholder"], clerk()
    open_it(row, user)

    assert "open already: “Call back about the trip”" in sentences(open_it(row, user, title="Another"))
    assert Case.objects.count() == 1
    case_actions.resolve(case=Case.objects.get(), user=user, reason=WHY)
    open_it(row, user, title="Another")
    assert Case.objects.filter(status="open").get().summary == "Another"


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": "x" * 121},
        {"words": "  "},
        {"words": "x" * 2001},
        {"due_on": "2020-01-01"},
        {"due_on": "2999-01-01"},
        {"due_on": "soon"},
        {"owner": "999999"},
    ],
)
def test_what_is_wrong_opens_no_case(changes: dict[str, str]) -> None:
    answer = open_it(rows()["cardholder"], clerk(), **changes)

    assert answer.status_code == 200
    assert not Case.objects.exists()
    assert not CaseNote.objects.exists()


def test_it_is_given_only_to_who_may_work_cases() -> None:
    reader = staff()
    assert reader not in by_hand.assignees()

    open_it(rows()["cardholder"], clerk(), owner=str(reader.pk))

    assert not Case.objects.exists()


def test_an_overdue_case_says_so() -> None:
    row, user = rows()["cardholder"], clerk()
    open_it(row, user)
    Case.objects.update(due_on=clock.now().date() - dt.timedelta(days=1))

    assert "overdue" in text_of(logged_in(user).get(LIST))
    assert "overdue" in text_of(logged_in(user).get(page(Case.objects.get())))


def test_without_the_permission_nobody_opens_one() -> None:
    row, user = rows()["authorization"], staff("change_case")

    assert button(row) not in text_of(logged_in(user).get(page_of(f"authorization:{row.pk}")))
    assert open_it(row, user).status_code == 403
    assert not Case.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_presses_at_once_open_one_case() -> None:
    people = [clerk() for _ in range(8)]
    reference = "cardholder:1"

    def press(user: User) -> None:
        by_hand.open_case(reference=reference, title="Call", words="Back", due_on=None, owner=None, user=user)

    results = at_once([tried(lambda user=user: press(user)) for user in people])

    assert results.count("done") == 1
    assert (Case.objects.count(), CaseNote.objects.count()) == (1, 1)
    assert not Authorization.objects.exists()
