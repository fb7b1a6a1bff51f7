"""What a person reads of their purchases: the list with filters, one from tap to settled, and why it was declined."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from issuing.handlers import dispatch
from issuing.models import Authorization, Hold, SpendWindow, VirtualCard
from onecard.kit import clock
from onecard.notices.models import Notice
from tests.support import stripe_events
from tests.support.back_office import logged_in
from tests.support.factories import VirtualCardFactory
from tests.support.processors import Obliging
from tests.support.wallets import walkthrough_card
from wallet.charges import charge as charges
from wallet.models import Case, FundingObligation, Posting

pytestmark = pytest.mark.django_db
# When what a worker would do at once is due for the sweep as well.
SOON = dt.timedelta(minutes=1)


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1", daily_limit_minor=10_000)


@pytest.fixture
def client(card: VirtualCard) -> Client:
    return logged_in(card.cardholder.user)


def buy(card: VirtualCard, *, captured: bool = False, **more: Any) -> str:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, **more)
    stripe_events.post(asked)
    charges.sweep(now=clock.now() + SOON, processor=Obliging())
    if captured:
        stripe_events.post(capture(asked))
        dispatch.sweep(now=clock.now() + SOON)
    return str(asked["data"]["object"]["id"])


def capture(asked: dict[str, Any]) -> dict[str, Any]:
    of = asked["data"]["object"]
    return stripe_events.event(
        "issuing_transaction.created",
        {
            "id": stripe_events.unique("ipi"), "object": "issuing.transaction", "type": "capture",
            "amount": -of["pending_request"]["amount"], "currency": "usd", "authorization": of["id"],
            "card": of["card"]["id"], "created": int(clock.now().timestamp()), "merchant_data": of["merchant_data"],
        },
    )  # fmt: skip


def listed(client: Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/purchases", query)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_the_walkthrough_reads_as_it_was_decided(card: VirtualCard, client: Client) -> None:
    name = buy(card)

    read = client.get(f"/api/v1/purchases/{name}").json()

    assert (read["status"], read["amount"]) == ("pending", {"amount_minor": 4500, "currency": "USD"})
    assert read["merchant"]["name"] == "Starbucks Coffee"
    assert [(each["status"], each["amount"]["amount_minor"]) for each in read["paid_with"]] == [("succeeded", 4500)]
    why = read["explanation"]
    assert why["rule"] == "backup_without_cash"
    assert [each["effective_reward"] for each in why["cards"]] == ["2", "1.5", "0.5", "0.5"]
    assert (why["chosen"]["network"], why["chosen"]["is_backup"]) == ("mastercard", True)
    assert why["runner_up"]["network"] == "amex"
    assert why["gain_over_runner_up"] == "-0.45"
    assert [each["value"] for each in why["chosen"]["reward"]["values"]] == ["0.675", "1.35", "2.025"]
    assert (why["chosen"]["reward"]["baseline_value"], why["chosen"]["reward"]["benefit"]) == ("0.45", "0.9")
    assert [step["kind"] for step in read["timeline"]] == ["approved", "charge_succeeded"]
    assert read["timeline"][0]["after_ms"] == 0
    assert read["decided_in_ms"] > 0


def test_a_captured_purchase_is_completed(card: VirtualCard, client: Client) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    name = asked["data"]["object"]["id"]
    stripe_events.post(asked)
    for told in (capture(asked), stripe_events.authorization_update(asked, kind="updated", status="closed")):
        stripe_events.post(told)
    dispatch.sweep(now=clock.now() + SOON)

    read = client.get(f"/api/v1/purchases/{name}").json()

    assert read["status"] == "completed"
    assert "settlement" in [step["kind"] for step in read["timeline"]]
    (moved,) = client.get("/api/v1/transactions").json()["results"]
    assert (moved["type"], moved["amount"]["amount_minor"], moved["purchase"]) == ("settlement", -4500, name)


def test_a_used_up_limit_is_said_with_its_numbers(card: VirtualCard, client: Client) -> None:
    buy(card, amount=10_000)
    name = buy(card, amount=100)

    decline = client.get(f"/api/v1/purchases/{name}").json()["decline"]

    assert decline["code"] == "daily_limit_exceeded"
    assert decline["sentence"].startswith(
        "Your daily limit of 100.00 USD is used up; 0.00 USD left until 00:00 New York"
    )


def test_a_purchase_over_what_is_left_says_how_much_is_left(card: VirtualCard, client: Client) -> None:
    buy(card, amount=9_000)
    name = buy(card, amount=1_001)

    sentence = client.get(f"/api/v1/purchases/{name}").json()["decline"]["sentence"]

    assert sentence.startswith("10.01 USD is more than what is left of your daily limit of 100.00 USD: 10.00 USD until")


def test_the_limit_for_one_purchase_is_said_with_its_numbers(card: VirtualCard, client: Client) -> None:
    VirtualCard.objects.filter(pk=card.pk).update(per_transaction_limit_minor=1_000)
    name = buy(card, amount=1_001)

    read = client.get(f"/api/v1/purchases/{name}").json()

    assert read["amount"]["amount_minor"] == 1_001
    assert read["decline"]["sentence"] == (
        "10.01 USD is more than your limit for one purchase of 10.00 USD; 10.00 USD was left."
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("spending_controls", "One of your card's limits was used up at the card's issuer"),
        ("card_inactive", "Your card was frozen or not active yet"),
        ("something_new", "The card's issuer declined it and did not ask us"),
    ],
)
@pytest.mark.parametrize("stated", [0, 4500])
def test_what_the_issuer_declined_alone_keeps_amount_and_reason(
    card: VirtualCard, client: Client, reason: str, words: str, stated: int
) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    history = [{"approved": False, "amount": 4500, "currency": "usd", "reason": reason}]
    told = {"approved": False, "status": "closed", "amount": stated, "request_history": history}
    stripe_events.post(stripe_events.authorization_update(asked, **told))
    dispatch.sweep(now=clock.now() + SOON)

    (row,) = listed(client)
    assert (row["status"], row["amount"]["amount_minor"], row["decline"]["code"]) == ("declined", 4500, "issuer")
    assert row["decline"]["sentence"].startswith(words)
    (step,) = client.get(f"/api/v1/purchases/{row['id']}").json()["timeline"]
    assert (step["kind"], step["amount"]["amount_minor"]) == ("declined", 4500)
    assert step["text"].startswith(words)
    notice = Notice.objects.get(kind="purchase_declined")
    assert notice.text.startswith("45.00 USD")
    assert words in notice.text
    # It counts nowhere.
    purchase = Authorization.objects.get()
    assert (purchase.approved_minor, purchase.declined_minor, purchase.issuer_reason) == (0, 4500, reason)
    assert not any(model.objects.exists() for model in (SpendWindow, Hold, Case, FundingObligation, Posting))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("frozen", "Your card was frozen"),
        ("closed", "This card is closed"),
        ("active", "The card's issuer declined it"),
    ],
)
def test_a_reason_that_the_issuer_does_not_say_is_the_cards_state(
    card: VirtualCard, client: Client, status: str, words: str
) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    VirtualCard.objects.filter(pk=card.pk).update(status=status)
    history = [{"approved": False, "amount": 4500, "currency": "usd"}]
    told = {"approved": False, "status": "closed", "request_history": history}
    stripe_events.post(stripe_events.authorization_update(asked, **told))
    dispatch.sweep(now=clock.now() + SOON)
    VirtualCard.objects.filter(pk=card.pk).update(status="active")

    (row,) = listed(client)

    assert row["decline"]["sentence"].startswith(words)


def test_a_frozen_card_says_what_helps(card: VirtualCard, client: Client) -> None:
    VirtualCard.objects.filter(pk=card.pk).update(status="frozen")
    name = buy(card)

    read = client.get(f"/api/v1/purchases/{name}").json()

    assert (read["status"], read["paid_with"]) == ("declined", [])
    assert "Unfreeze" in read["decline"]["sentence"]


def test_filters_narrow_the_list(card: VirtualCard, client: Client) -> None:
    small, large = buy(card, amount=500, mcc="5411"), buy(card, amount=5_000)
    tomorrow = (clock.now() + dt.timedelta(days=1)).isoformat()

    assert [each["id"] for each in listed(client)] == [large, small]
    assert [each["id"] for each in listed(client, mcc="5411")] == [small]
    assert [each["id"] for each in listed(client, least_minor=1_000)] == [large]
    assert [each["id"] for each in listed(client, most_minor=1_000)] == [small]
    assert [each["id"] for each in listed(client, merchant="starb", card=str(card.public_id))] == [large, small]
    assert listed(client, since=tomorrow) == listed(client, merchant="tea") == listed(client, status="settled") == []


@pytest.mark.parametrize(
    ("name", "value"), [("since", "yesterday"), ("card", "1"), ("least_minor", "a"), ("status", "x"), ("mcc", "58122")]
)
def test_a_wrong_filter_is_named(client: Client, name: str, value: str) -> None:
    answer = client.get("/api/v1/purchases", {name: value})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]


def test_pages_show_each_purchase_once(card: VirtualCard, client: Client) -> None:
    names = [buy(card, amount=100) for _ in range(5)]
    seen, page = [], "/api/v1/purchases?page_size=2"
    while page:
        answer = client.get(page).json()
        seen += [each["id"] for each in answer["results"]]
        page = answer["next"]

    assert seen == names[::-1]


def test_other_peoples_purchases_are_not_there(card: VirtualCard, client: Client) -> None:
    name = buy(card)
    stranger = logged_in(VirtualCardFactory().cardholder.user)

    assert listed(stranger) == []
    assert stranger.get("/api/v1/transactions").json()["results"] == []
    assert stranger.get(f"/api/v1/purchases/{name}").status_code == 404
    assert stranger.get("/api/v1/purchases/iauth_nothing").status_code == 404


def test_the_list_takes_the_same_number_of_queries_for_more_rows(
    card: VirtualCard, client: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        buy(card, amount=100)

    with django_assert_max_num_queries(12):
        assert len(listed(client)) == 4
