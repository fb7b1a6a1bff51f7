"""Our own money from the bank's statement: posted once, with a second person above the threshold, never guessed."""

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse

from onecard.kit import clock
from onecard.kit.money import Money
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory
from tests.wallet.own_money.bank import stand
from wallet.entered import amounts
from wallet.entered.amounts import EnteredRefusedError
from wallet.models import EnteredAmount, Posting
from wallet.own_money import by_hand

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:wallet_owntransfer_enter_own_money")


def entered(minor: int = 50_000, *, place: str = "issuer:marqeta", sent: bool = True, **more: Any) -> EnteredAmount:
    given: dict[str, Any] = {"moved_on": clock.now().date(), "reason": "Settled.", "user": UserFactory(), **more}
    return by_hand.enter(place=place, sent=sent, amount=Money(minor, "USD"), **given)


@pytest.mark.parametrize(
    ("place", "sent", "stands"),
    [
        ("issuer:marqeta", True, {"issuer": 50_000, "bank": -50_000}),
        ("issuer:stripe", False, {"issuer": -50_000, "bank": 50_000}),
        ("processor:stripe", True, {"processor": 50_000, "bank": -50_000}),
    ],
)
def test_it_is_posted_between_our_bank_and_the_other_side(place: str, sent: bool, stands: dict[str, int]) -> None:
    assert entered(place=place, sent=sent).status == "applied"

    assert stand() == stands
    assert Posting.objects.get().reference == place


def test_much_of_it_waits_for_a_second_person_also_in_parts() -> None:
    first, second = UserFactory(), UserFactory()
    assert entered(60_000, user=first).status == "applied"
    waits = entered(60_000, user=first, place="issuer:stripe")
    assert (waits.status, Posting.objects.count()) == ("proposed", 1)

    amounts.agree(entered=waits, user=second, reason="On the statement.", shown_minor=60_000)
    assert stand() == {"issuer": 120_000, "bank": -120_000}
    with pytest.raises(EnteredRefusedError):
        amounts.agree(entered=waits, user=second, reason="Again.", shown_minor=60_000)
    assert Posting.objects.count() == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"place": "issuer:nobody"}, "Choose"),
        ({"minor": 0}, "more than nothing"),
        ({"minor": -5}, "more than nothing"),
        ({"moved_on": dt.date(2999, 1, 1)}, "future"),
        ({"moved_on": dt.date(2001, 1, 1)}, "400 days"),
        ({"reason": " "}, "."),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(given: dict[str, Any], says: str) -> None:
    with pytest.raises(EnteredRefusedError, match=says):
        entered(**given)
    assert not EnteredAmount.objects.exists()
    assert not Posting.objects.exists()


def test_the_page_says_when_it_takes_two_and_posts() -> None:
    client = logged_in()
    shown = text_of(client.get(PAGE))
    assert "what else you entered of our own money within a day" in shown

    day = clock.now().date().isoformat()
    form = {"place": "issuer:marqeta", "way": "sent", "currency": "usd", "moved_on": day, "reason": "Settlement."}
    assert "is not an amount of USD" in text_of(client.post(PAGE, {**form, "amount": "12.345"}))
    assert "is not an ISO 4217" in text_of(client.post(PAGE, {**form, "amount": "1", "currency": "zz"}))
    answer = client.post(PAGE, {**form, "amount": "123.45"}, follow=True)

    assert "It is posted." in text_of(answer)
    assert stand() == {"issuer": 12_345, "bank": -12_345}
