"""A person makes their card single-use, locks it to a merchant, and answers “it was me” for a purchase of theirs."""

import datetime as dt
from typing import Any, Final

import pytest
from django.test import Client

from audit.models import Entry
from issuing.controls import life
from issuing.models import Authorization, Control, ControlPass, ControlVersion, Decision, VirtualCard
from onecard.kit import clock
from tests.onecard.api.cards.callers import page, post
from tests.support import stripe_events
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.models import CaseNote

pytestmark = pytest.mark.django_db
MERCHANT: Final = {
    "name": "Bella Italia",
    "network_id": "777",
    "category": "eating_places_restaurants",
    "country": "US",
}


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.fixture
def client(card: VirtualCard) -> Client:
    return logged_in(card.cardholder.user)


def buy(card: VirtualCard, amount: int = 4_500, **merchant: str) -> tuple[str, bool]:
    """The issuer's id of a purchase, and whether it was approved."""
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)
    asked["data"]["object"]["merchant_data"] |= MERCHANT | merchant
    return asked["data"]["object"]["id"], stripe_events.post(asked).json()["approved"]


def suspicious(*, kind: str = "decline", allows_pass: bool = True) -> ControlVersion:
    """A control that somebody published: no more than 50.00 USD a purchase."""
    author, second = UserFactory(is_staff=True), UserFactory(is_staff=True)
    when = [{"attribute": "amount", "operator": "between", "value": [5_001, None]}]
    version = life.create(
        name="Large", definition={"when": when, "action": {"kind": kind}}, reason_code="looks_unusual",
        sentence="This looked unusual: if it was you, say so and pay again.", actor=f"user:{author.pk}",
        allows_pass=allows_pass,
    )  # fmt: skip
    life.to_shadow(version, actor=version.author)
    return life.activate(version, actor=f"user:{second.pk}")


def answer(client: Client, purchase: str, key: str = "") -> Any:
    return post(client, f"/api/v1/purchases/{purchase}/it-was-me", key)


def test_a_single_use_card_pays_once_until_it_is_taken_off(card: VirtualCard, client: Client) -> None:
    made = post(client, f"{page(card)}/controls", kind="single_use")
    assert (made.status_code, made.json()["kind"], made.json()["used"]) == (201, "single_use", False)
    assert post(client, f"{page(card)}/controls", kind="single_use").json()["code"] == "control_move_refused"

    assert buy(card)[1]
    second, approved = buy(card)
    assert not approved
    read = client.get(f"/api/v1/purchases/{second}").json()
    assert read["decline"]["code"] == "single_use_card_used"
    assert "single purchase" in read["decline"]["sentence"]
    assert not read["can_answer"]
    assert [each["used"] for each in client.get(f"{page(card)}/controls").json()["results"]] == [True]

    assert client.delete(f"{page(card)}/controls/{made.json()['id']}").status_code == 204
    assert client.delete(f"{page(card)}/controls/{made.json()['id']}").status_code == 404
    assert client.get(f"{page(card)}/controls").json() == {"results": []}
    assert buy(card)[1]


def test_a_card_is_locked_to_the_merchant_of_a_purchase(card: VirtualCard, client: Client) -> None:
    purchase, _approved = buy(card)

    made = post(client, f"{page(card)}/controls", kind="merchant_lock", purchase=purchase).json()

    assert made["merchant"] == {"name": "Bella Italia", "network_id": "777"}
    assert buy(card)[1]
    assert buy(card, network_id="778")[1]
    elsewhere, approved = buy(card, name="Elsewhere", network_id="999")
    assert not approved
    assert client.get(f"/api/v1/purchases/{elsewhere}").json()["decline"]["code"] == "locked_to_another_merchant"
    assert Entry.objects.filter(action="control.activated", actor=f"user:{card.cardholder.user_id}").count() == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "merchant_lock"}, "Name the merchant"),
        ({"kind": "single_use", "merchant_name": "Bella"}, "names no merchant"),
        ({"kind": "merchant_lock", "merchant_name": "Bella", "purchase": "iauth_1"}, "not both"),
        ({"kind": "sanctions"}, "not a valid choice"),
        ({"kind": "merchant_lock", "merchant_name": "x" * 121}, "no more than 120"),
    ],
)
def test_a_control_that_says_too_little_is_refused(
    card: VirtualCard, client: Client, body: dict[str, str], said: str
) -> None:
    refused = post(client, f"{page(card)}/controls", **body)

    assert refused.status_code == 400
    assert said in str(refused.json()["errors"])
    assert not Control.objects.filter(origin="holder").exists()


def test_nobody_controls_or_answers_for_another_persons_card(card: VirtualCard, client: Client) -> None:
    suspicious()
    other = walkthrough_card()
    theirs = post(logged_in(other.cardholder.user), f"{page(other)}/controls", kind="single_use").json()["id"]
    purchase, _approved = buy(other, 9_000)

    assert post(client, f"{page(other)}/controls", kind="single_use").status_code == 404
    assert client.delete(f"{page(card)}/controls/{theirs}").status_code == 404
    assert post(client, f"{page(card)}/controls", kind="merchant_lock", purchase=purchase).status_code == 404
    assert answer(client, purchase).status_code == 404
    assert Control.objects.filter(card=card).count() == ControlPass.objects.count() == 0


def test_it_was_me_lets_one_retry_pass_and_no_more(card: VirtualCard, client: Client) -> None:
    version = suspicious()
    purchase, approved = buy(card, 9_000)
    assert not approved
    read = client.get(f"/api/v1/purchases/{purchase}").json()
    assert (read["can_answer"], read["decline"]["code"]) == (True, "looks_unusual")
    assert read["decline"]["sentence"] == version.sentence

    said = answer(client, purchase, key="one")
    assert said.status_code == 201, said.content
    assert said.json()["up_to"] == {"amount_minor": 9_000, "currency": "USD"}
    assert answer(client, purchase, key="one").headers["Idempotency-Replayed"] == "true"
    assert answer(client, purchase).json()["code"] == "control_move_refused"
    opened = ControlPass.objects.get()
    assert opened.until - opened.created_at == dt.timedelta(minutes=10)

    assert not buy(card, 9_000, name="Elsewhere", network_id="999")[1]
    assert not buy(card, 9_001)[1]
    retried, passes = buy(card, 9_000)
    assert passes
    assert not buy(card, 9_000)[1]
    opened.refresh_from_db()
    assert opened.used_by == Decision.objects.get(authorization__issuer_authorization_id=retried).public_id
    entry = Entry.objects.get(action="control.pass_opened")
    assert (entry.actor, entry.details["control"]) == (f"user:{card.cardholder.user_id}", "Large")


def test_a_pass_ends_after_its_minutes(card: VirtualCard, client: Client) -> None:
    suspicious()
    assert answer(client, buy(card, 9_000)[0]).status_code == 201

    with clock.ahead(dt.timedelta(minutes=11)):
        assert not buy(card, 9_000)[1]
    assert ControlPass.objects.get().used_at is None


def test_a_person_answers_three_times_a_day_at_most(card: VirtualCard, client: Client) -> None:
    suspicious()
    purchases = [buy(card, 9_000)[0] for _ in range(4)]

    assert [answer(client, each).status_code for each in purchases] == [201, 201, 201, 409]
    assert "within a day" in answer(client, purchases[3]).json()["detail"]
    with clock.ahead(dt.timedelta(hours=25)):
        later, _approved = buy(card, 9_000)
        assert answer(client, later).status_code == 201
        assert "more than a day ago" in answer(client, purchases[3]).json()["detail"]


@pytest.mark.parametrize("what", ["not allowed by its author", "a limit", "approved"])
def test_what_is_not_theirs_to_answer_for_opens_nothing(what: str, card: VirtualCard, client: Client) -> None:
    suspicious(allows_pass=False)
    amount = {"not allowed by its author": 9_000, "a limit": 60_000, "approved": 1_000}[what]
    purchase, _approved = buy(card, amount)

    assert not client.get(f"/api/v1/purchases/{purchase}").json()["can_answer"]
    refused = answer(client, purchase)
    assert (refused.status_code, refused.json()["code"]) == (409, "control_move_refused")
    assert not ControlPass.objects.exists()


def test_a_flagged_purchase_is_answered_in_the_case_too(card: VirtualCard, client: Client) -> None:
    suspicious(kind="flag")
    purchase, approved = buy(card, 9_000)
    assert approved
    assert client.get(f"/api/v1/purchases/{purchase}").json()["can_answer"]

    said = answer(client, purchase).json()

    assert (said["noted"], said["up_to"]["amount_minor"]) == (True, 9_000)
    note = CaseNote.objects.get()
    assert (note.author, "it was me" in note.text) == (card.cardholder.user, True)
    assert (note.case.kind, note.case.status) == ("suspected_fraud", "open")


@pytest.mark.django_db(transaction=True)
def test_answers_at_once_stay_within_the_bound_of_a_day(settings: Any) -> None:
    settings.CONTROL_PASSES_A_DAY = 2
    card = walkthrough_card()
    suspicious()
    purchases = [buy(card, 9_000)[0] for _ in range(5)]
    client = logged_in(card.cardholder.user)

    answers = at_once([lambda each=each: answer(client, each) for each in purchases])

    assert sorted(each.status_code for each in answers) == [201, 201, 409, 409, 409]
    assert ControlPass.objects.count() == 2
    assert Authorization.objects.filter(status="declined").count() == 5
