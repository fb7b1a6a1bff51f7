"""The button and form with which staff enter a movement's converted amount."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit.models import Entry
from issuing.clearing import currency_conversion
from issuing.models import CardTransaction, VirtualCard
from tests.issuing.clearing.test_currency_conversion import EventBody, asked, card, enter, open_cases, traces
from tests.support.back_office import logged_in, opened, send, sentences, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.purchases import approve_purchase, deliver_events, transaction_event
from wallet.models import Case

__all__ = ["asked", "card"]
pytestmark = pytest.mark.django_db


def test_staff_enter_it_and_the_case_names_the_page(asked: EventBody) -> None:
    boss = superuser()
    client, kept = logged_in(boss), CardTransaction.objects.get()
    case = text_of(client.get(reverse("admin:wallet_case_change", args=[Case.objects.get().pk])))
    assert page() in case
    assert "Enter the converted amount" in case
    shown = text_of(client.get(page()))
    assert page("enter_worth") in shown
    assert "Not known" in shown

    form = text_of(client.get(page("enter_worth")))
    for fact in ("40.00 EUR", "45.00 USD", kept.issuer_transaction_id, "Starbucks", "In USD, such as 12.34"):
        assert fact in form
    answer = send(client, page("enter_worth"), amount="43.20", reason="Statement of May")

    assert answer.status_code == 302
    assert (CardTransaction.objects.get().purchase_minor, open_cases()) == (4320, [])
    assert Entry.objects.get(action="transaction.worth_entered").actor == f"user:{boss.pk}"
    after = client.get(page())
    assert "40.00 EUR is converted into 43.20 USD" in sentences(after)
    assert page("enter_worth") not in after.content.decode()


def test_who_comes_second_gets_a_sentence(asked: EventBody) -> None:
    client = logged_in()
    values = opened(client, page("enter_worth")) | {"amount": "43.20", "reason": "Statement"}
    enter(4400)

    for answer in (
        client.get(page("enter_worth"), follow=True),
        client.post(page("enter_worth"), values, follow=True),
    ):
        assert "44.00 USD" in sentences(answer)
    assert CardTransaction.objects.get().purchase_minor == 4400


def test_who_comes_second_within_the_same_moment_gets_it_on_the_form(
    asked: EventBody, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, ask, told = logged_in(), currency_conversion.why_not, []

    def and_then(kept: CardTransaction) -> str:
        said = ask(kept)
        if not told:
            told.append(said)
            enter(4400)
        return said

    values = opened(client, page("enter_worth")) | {"amount": "43.20", "reason": "Statement"}
    monkeypatch.setattr(currency_conversion, "why_not", and_then)
    answer = client.post(page("enter_worth"), values)

    assert answer.status_code == 200
    assert "44.00 USD" in str(answer.context["form"].errors)
    assert CardTransaction.objects.get().purchase_minor == 4400


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount": "lots"}, "not an amount of USD"),
        ({"amount": "1.234"}, "not an amount of USD"),
        ({"amount": "1e3"}, "not an amount of USD"),
        ({"amount": "43,20"}, "not an amount of USD"),
        ({"amount": "99999999999999999999"}, "not an amount of USD"),
        ({"amount": "9" * 21}, "at most 20 characters"),
        ({"amount": "\0"}, "Null characters"),
        ({"amount": "0"}, "more than zero"),
        ({"amount": "-5"}, "more than zero"),
        ({"amount": ""}, "This field is required"),
        ({"reason": ""}, "This field is required"),
        ({"reason": " \n "}, "This field is required"),
        ({"reason": "x" * 201}, "at most 200 characters"),
    ],
)
def test_what_cannot_be_is_a_sentence_on_the_form(asked: EventBody, changes: dict[str, str], why: str) -> None:
    client, before = logged_in(), traces()
    values = opened(client, page("enter_worth")) | {"amount": "43.20", "reason": "Statement"}

    answer = client.post(page("enter_worth"), values | changes)

    assert answer.status_code == 200
    assert why in str(answer.context["form"].errors)
    assert traces() == before


def test_the_button_is_not_there_where_nothing_is_to_be_entered(card: VirtualCard) -> None:
    deliver_events(transaction_event(approve_purchase(card), 4500))
    client = logged_in()
    assert page("enter_worth") not in client.get(page()).content.decode()
    assert "nothing needs to be converted" in sentences(client.get(page("enter_worth"), follow=True))


def test_it_takes_the_right_to_change_transactions(asked: EventBody) -> None:
    values, before = {"amount": "43.20", "reason": "Statement"}, traces()
    viewer = logged_in(staff("view_cardtransaction"))
    assert page("enter_worth") not in viewer.get(page()).content.decode()
    for client in (viewer, logged_in(staff("view_authorization"))):
        assert client.get(page("enter_worth")).status_code == 403
        assert client.post(page("enter_worth"), values).status_code == 403
    assert traces() == before

    clerk = logged_in(staff("view_cardtransaction", "change_cardtransaction"))
    assert page("enter_worth") in clerk.get(page()).content.decode()
    assert clerk.post(page("enter_worth"), values).status_code == 302
    assert CardTransaction.objects.get().purchase_minor == 4320


@pytest.mark.parametrize("key", ["999999", "nothing", "9" * 30])
def test_a_movement_that_is_not_there_is_not_found(key: str) -> None:
    assert logged_in().get(reverse("admin:issuing_cardtransaction_enter_worth", args=[key])).status_code == 404


def page(act: str = "change") -> str:
    return reverse(f"admin:issuing_cardtransaction_{act}", args=[CardTransaction.objects.get().pk])


def staff(*codenames: str) -> Any:
    user = UserFactory(is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user
