"""Stripe's whole numbers in any notation of JSON: read where the meaning is plain, refused where it is not."""

import json
import time
from typing import Any

import pytest

from issuing.handlers import dispatch
from issuing.issuers.stripe import objects as stripe_objects
from issuing.models import Authorization, CardTransaction, Decision, IssuerEvent, VirtualCard
from tests.issuing.clearing.postings import posted
from tests.support.stripe_events import authorization_request, authorization_update, post
from tests.support.wallets import walkthrough_card
from wallet.models import Case

pytestmark = pytest.mark.django_db
HOLE = 987_654_321
SAME = ["4500", "4500.0", "4500.000", "4.5E3", "4.5e+3", "45E+2"]
# A decimal point in a question may mean dollars, so nothing is approved on it.
NONE = ["4500.5", "45E-1", "1E+999999999", "1E-999999999", "1e400", '"forty"']


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def written(event: dict[str, Any], number: str) -> str:
    """The event with the number, as it is written, in place of each HOLE."""
    return json.dumps(event).replace(str(HOLE), number)


def deliver_with_number(event: dict[str, Any], number: str) -> str:
    assert post(written(event, number)).status_code == 200
    return dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)


@pytest.mark.parametrize("number", ["4500", "4.5E3", "4.5e+3", "45E+2"])
def test_a_question_is_decided_in_any_notation(card: VirtualCard, number: str) -> None:
    asked = authorization_request(card=card.issuer_card_id, amount=HOLE)

    assert post(written(asked, number)).json()["approved"] is True

    assert Decision.objects.get().amount_minor == 4500


@pytest.mark.parametrize("number", ["4500.0", *NONE])
def test_a_question_whose_number_is_not_certain_is_declined_at_once(card: VirtualCard, number: str) -> None:
    asked, began = authorization_request(card=card.issuer_card_id, amount=HOLE), time.monotonic()

    assert post(written(asked, number)).json()["approved"] is False

    assert time.monotonic() - began < 5, "the digits of a huge exponent must never be written out"
    assert not Authorization.objects.exists()


@pytest.mark.parametrize("number", SAME)
def test_a_capture_is_booked_in_any_notation(card: VirtualCard, number: str) -> None:
    asked = authorization_request(card=card.issuer_card_id)
    assert post(asked).json()["approved"]

    assert deliver_with_number(posted(asked, amount=-HOLE), number) == "handled"

    assert CardTransaction.objects.get().amount_minor == 4500


@pytest.mark.parametrize("number", NONE[:4])
def test_a_capture_of_a_part_of_a_cent_is_kept_with_a_case(card: VirtualCard, number: str) -> None:
    asked = authorization_request(card=card.issuer_card_id)
    assert post(asked).json()["approved"]

    assert deliver_with_number(posted(asked, amount=-HOLE), number) == "rejected"

    assert not CardTransaction.objects.exists()
    assert Case.objects.get().kind == "event_unapplied"


def test_the_same_event_in_another_notation_is_a_repeat(card: VirtualCard) -> None:
    asked = authorization_request(card=card.issuer_card_id)
    news = authorization_update(asked, amount=HOLE)

    for number in SAME:
        post(written(news, number))

    assert IssuerEvent.objects.filter(event_type="issuing_authorization.created").count() == 1
    assert not Case.objects.exists()


@pytest.mark.parametrize(("amount", "is_read"), [(-4500.0, True), (-4500, True), (-4500.5, False), (-1e300, False)])
def test_a_list_is_read_alike(amount: float, is_read: bool) -> None:
    row = posted(authorization_request(card="ic_1"), amount=amount)["data"]["object"]

    page = stripe_objects.read_page({"data": [row], "has_more": False})

    assert [found.amount_minor for found in page.transactions] == ([4500] if is_read else [])
    assert len(page.unread) == (0 if is_read else 1)
