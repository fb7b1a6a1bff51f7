"""The life of a virtual card through the API, at each issuer over real HTTP: asked for, used, stopped, closed."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from issuing.cards import changes as card_changes
from issuing.cards import service as cards
from issuing.issuers import registry
from issuing.issuers.base import NetworkError
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import Authorization, CardChange, SpendWindow, VirtualCard
from issuing.operations import availability
from onecard.api.models import IdempotentRequest
from onecard.kit import clock
from tests.onecard.api.cards.callers import CARDS, active_card, change, is_approved, page, post, ready_person
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory, VirtualCardFactory
from tests.support.threads import at_once
from wallet.models import Cardholder

pytestmark = pytest.mark.django_db
ACTIONS = ("activate", "freeze", "unfreeze", "close", "replace")
BODIES: dict[str, dict[str, Any]] = {
    "freeze": {"reason": "Mislaid"},
    "close": {"reason": "Unwanted"},
    "replace": {"reason": "lost"},
}


def test_a_card_is_asked_for_activated_frozen_and_closed(provider: str, client: Client, holder: Cardholder) -> None:
    made = post(client, CARDS)

    assert made.status_code == 201, made.content
    card = made.json()
    assert (card["status"], card["is_made"], card["type"], card["network"]) == ("pending", True, "virtual", "visa")
    assert (len(card["last_four"]), card["kyc_verified"], card["waiting_for"]) == (4, True, None)
    assert card["allowed_actions"] == ["activate", "replace", "close"]
    assert post(client, f"{page(card)}/activate").json()["status"] == "active"
    stored = VirtualCard.objects.get()
    assert provider == "mock" or is_approved(stored)
    Authorization.objects.update(status="settled")

    frozen = post(client, f"{page(card)}/freeze", reason="I cannot find it.").json()

    assert (frozen["status"], frozen["frozen_by"]) == ("frozen", "holder")
    assert frozen["status_text"].startswith("You froze this card")
    assert frozen["allowed_actions"] == ["unfreeze", "replace", "close"]
    assert provider == "mock" or not is_approved(stored)
    assert post(client, f"{page(card)}/unfreeze").json()["frozen_by"] is None
    assert provider == "mock" or is_approved(stored)
    Authorization.objects.update(status="settled")
    closed = post(client, f"{page(card)}/close", reason="Unwanted").json()
    assert (closed["status"], closed["allowed_actions"]) == ("closed", [])
    assert provider == "mock" or not is_approved(stored)
    assert set(CardChange.objects.values_list("status", flat=True)) == {"done"}
    assert {entry.actor for entry in Entry.objects.filter(action__endswith="_requested")} == {f"user:{holder.user_id}"}
    assert client.get(CARDS).json()["results"] == [client.get(page(card)).json()]


def test_a_repeat_gets_the_same_card_and_a_second_wish_is_refused(provider: str, client: Client) -> None:
    first, again = (post(client, CARDS, "k1") for _ in range(2))

    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert post(client, CARDS, "k1", network="mastercard").status_code == 422
    other = post(client, CARDS, "k2")
    assert (other.status_code, other.json()["code"]) == (409, "card_refused")
    assert "You have a card already" in other.json()["detail"]
    assert VirtualCard.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_wishes_at_once_make_one_card(provider: str, holder: Cardholder, issuers: RunningSandbox) -> None:
    clients = [logged_in(holder.user) for _ in range(10)]
    keys = ["same"] * 5 + [str(uuid.uuid4()) for _ in range(5)]

    answers = at_once([lambda c=c, k=k: post(c, CARDS, k) for c, k in zip(clients, keys, strict=True)])  # type: ignore[misc]

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert VirtualCard.objects.count() == 1
    path = {"stripe": "/v1/issuing/cards", "marqeta": "/v3/cards"}.get(provider)
    assert path is None or len(issuers.requests.find(method="POST", path=path)) == 1


@pytest.mark.parametrize(
    ("person", "names"),
    [
        ({"kyc_status": "pending"}, ["kyc"]),
        ({"address_line1": "", "address_country": ""}, ["profile"]),
        ({"kyc_status": "rejected", "address_city": ""}, ["kyc", "profile"]),
    ],
)
def test_what_is_missing_for_a_card_is_named(person: dict[str, str], names: list[str]) -> None:
    holder = ready_person(**person)
    client = logged_in(holder.user)

    answer = post(client, CARDS)

    assert (answer.status_code, answer.json()["code"]) == (409, "card_not_ready")
    assert list(answer.json()["errors"]) == names
    holder.funding_methods.update(status="disabled")
    assert list(post(client, CARDS).json()["errors"]) == [*names, "funding_card"]
    assert post(logged_in(UserFactory()), CARDS).json()["code"] == "profile_missing"
    assert not VirtualCard.objects.exists()


@pytest.mark.usefixtures("issuers")
def test_a_silent_issuer_makes_the_card_later_and_once(client: Client, settings: Any) -> None:
    settings.ISSUER_PROVIDER = "stripe"
    issuer = MockIssuer(provider="stripe")
    registry.install(issuer)
    issuer.fail(Failure("create_card", lambda: NetworkError("No answer."), after=True))

    waiting = post(client, CARDS, "k1")

    assert waiting.status_code == 201
    assert (waiting.json()["status"], waiting.json()["is_made"]) == ("pending", False)
    assert (waiting.json()["waiting_for"], waiting.json()["last_four"]) == ("create", "")
    assert waiting.json()["status_text"] == "The issuer is making this card."
    top_up = post(
        client, f"{page(waiting.json())}/top-ups", amount={"amount_minor": 1, "currency": "USD"},
        funding_card=str(VirtualCard.objects.get().cardholder.funding_methods.get().public_id),
    )  # fmt: skip
    assert (top_up.status_code, top_up.json()["code"]) == (409, "card_refused")

    past = clock.now() - dt.timedelta(hours=1)
    CardChange.objects.update(next_attempt_at=past)
    card_changes.sweep()

    assert client.get(page(waiting.json())).json()["is_made"] is True
    assert (len(issuer.cards), VirtualCard.objects.count()) == (1, 1)


def test_what_others_froze_only_they_undo(provider: str, client: Client, holder: Cardholder) -> None:
    card = active_card(client)
    post(client, f"{page(card)}/freeze", reason="Mislaid")
    cards.freeze(card=card, reason="Looks stolen", requested_by="user:0")

    refused = post(client, f"{page(card)}/unfreeze")

    assert (refused.status_code, refused.json()["code"]) == (409, "card_frozen_by_others")
    assert "One Card froze this card" in refused.json()["detail"]
    shown = client.get(page(card)).json()
    assert (shown["frozen_by"], shown["allowed_actions"]) == ("one_card", ["close"])
    assert post(client, f"{page(card)}/replace", reason="damaged").json()["code"] == "card_frozen_by_others"
    VirtualCard.objects.update(status="suspended", frozen_by="issuer")
    assert "The issuer stopped this card" in post(client, f"{page(card)}/unfreeze").json()["detail"]
    VirtualCard.objects.update(status="frozen")
    assert cards.unfreeze(card=card, requested_by="user:0").status == "active"
    assert VirtualCard.objects.get().frozen_by == ""


def test_a_card_that_the_issuer_froze_says_so(client: Client, settings: Any, issuers: RunningSandbox) -> None:
    settings.ISSUER_PROVIDER = "stripe"
    card = active_card(client)
    there = issuers.state.objects["issuing.card"][card.issuer_card_id]
    there["status"], there["metadata"] = "inactive", {"one_card_status": "frozen"}

    cards.sync(card=card, requested_by="system:test")

    shown = client.get(page(card)).json()
    assert (shown["status"], shown["frozen_by"]) == ("frozen", "issuer")
    assert post(client, f"{page(card)}/unfreeze").status_code == 409


def test_money_under_way_keeps_a_card_open(provider: str, client: Client) -> None:
    card = active_card(client)
    if provider == "mock":
        now = clock.now()
        more = {"provider": "mock", "currency": "USD", "created_at": now, "updated_at": now, "status": "approved"}
        Authorization.objects.create(issuer_authorization_id="a", card=card, approved_minor=4500, **more)
    else:
        assert is_approved(card)

    refused = post(client, f"{page(card)}/close", reason="Unwanted")

    assert (refused.status_code, refused.json()["code"]) == (409, "card_money_under_way")
    assert "45.00 USD are not settled yet: freeze the card now" in refused.json()["detail"]
    assert client.get(page(card)).json()["status"] == "active"


def test_the_balance_of_a_closed_card_and_what_it_spent_go_to_the_next(provider: str, client: Client) -> None:
    card = active_card(client)
    VirtualCard.objects.update(balance_minor=1234, spends_balance=True)
    SpendWindow.objects.create(
        card=card, kind="day", starts_at=clock.now(), ends_at=clock.now().replace(year=2099), spent_minor=700
    )
    assert post(client, f"{page(card)}/close", reason="Unwanted").status_code == 200
    assert client.get(page(card)).json()["balance"]["amount_minor"] == 1234

    new = post(client, CARDS).json()

    assert (new["balance"]["amount_minor"], new["spends_balance"], new["replaces"]) == (1234, True, str(card.public_id))
    assert client.get(page(card)).json()["balance"]["amount_minor"] == 0
    assert client.get(f"{page(new)}/limits").json()["daily"]["spent"]["amount_minor"] == 700


def test_a_closed_or_active_card_refuses_what_it_cannot(provider: str, client: Client) -> None:
    card = active_card(client)
    for action in ("activate", "unfreeze"):
        answer = post(client, f"{page(card)}/{action}")
        assert (answer.status_code, answer.json()["detail"]) == (
            409,
            "This card is active, so this cannot be done with it.",
        )
    post(client, f"{page(card)}/close", reason="Unwanted")
    for action in ACTIONS:
        assert post(client, f"{page(card)}/{action}", **BODIES.get(action, {})).status_code == 409, action


@pytest.mark.django_db(transaction=True)
def test_a_freeze_that_a_purchase_races_declines_all_that_come_after(client: Client, provider: str) -> None:
    if provider == "mock":
        pytest.skip("The mock has no webhook.")
    card, holder = active_card(client), logged_in(Cardholder.objects.get().user)

    answers = at_once(
        [lambda: post(holder, f"{page(card)}/freeze", reason="Mislaid")] + [lambda: is_approved(card)] * 5
    )

    assert answers[0].status_code == 200
    assert not is_approved(card)
    assert Authorization.objects.filter(status="approved").count() == sum(answers[1:])


def test_a_repeated_action_after_a_crash_is_the_same_action(provider: str, client: Client) -> None:
    """The first request died after the domain had acted, so its answer was never stored."""
    card = active_card(client)
    post(client, f"{page(card)}/freeze", "k1", reason="Mislaid")
    IdempotentRequest.objects.filter(key="k1").update(status_code=None, answer=None)

    again = post(client, f"{page(card)}/freeze", "k1", reason="Mislaid")

    assert (again.status_code, again.json()["status"]) == (200, "frozen")
    assert CardChange.objects.filter(kind="freeze").count() == 1


def test_nobody_else_reaches_a_card(client: Client) -> None:
    card = VirtualCardFactory()
    boss = logged_in(UserFactory(is_staff=True, is_superuser=True))

    for action in ACTIONS:
        assert post(client, f"{page(card)}/{action}", **BODIES.get(action, {})).status_code == 404, action
        assert post(boss, f"{page(card)}/{action}", **BODIES.get(action, {})).status_code == 403, action
    for path in (page(card), f"{page(card)}/limits", f"{page(card)}/top-ups"):
        assert client.get(path).status_code == 404
        assert boss.get(path).status_code == 403
    assert change(client, page(card), etag='"1"', spends_balance=True).status_code == 404
    assert client.get(CARDS).json()["results"] == []
    assert not CardChange.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {"network": "amex"}, "network"),
        ("/freeze", {}, "reason"),
        ("/freeze", {"reason": ""}, "reason"),
        ("/close", {"reason": "x" * 201}, "reason"),
        ("/replace", {"reason": "bored"}, "reason"),
        ("/replace", {}, "reason"),
        ("/top-ups", {"amount": {"amount_minor": "x", "currency": "USD"}, "funding_card": str(uuid.uuid4())}, "amount"),
        ("/top-ups", {"amount": {"amount_minor": 5, "currency": "USD"}, "funding_card": "x"}, "funding_card"),
        (
            "/top-ups",
            {"amount": {"amount_minor": 5, "currency": "USD"}, "funding_card": str(uuid.uuid4())},
            "funding_card",
        ),
    ],
)
def test_a_wrong_field_is_named(client: Client, holder: Cardholder, path: str, body: Any, field: str) -> None:
    card = VirtualCardFactory(cardholder=holder)

    answer = post(client, f"{page(card)}{path}" if path else CARDS, **body)

    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_the_switch_has_the_balance_pay_first(client: Client, holder: Cardholder) -> None:
    card = VirtualCardFactory(cardholder=holder)

    assert change(client, page(card), etag="", spends_balance=True).status_code == 428
    assert change(client, page(card), etag='"0"', spends_balance=True).status_code == 412
    assert change(client, page(card), spends_balance=True).json()["spends_balance"] is True
    assert change(client, page(card), spends_balance="maybe").json()["errors"]["spends_balance"]
    entry = Entry.objects.get(action="virtualcard.changed")
    assert (entry.actor, entry.details["changes"]) == (f"user:{holder.user_id}", {"spends_balance": [False, True]})


@pytest.mark.usefixtures("issuers")
def test_while_the_issuer_is_read_only_only_a_freeze_goes_through(client: Client, holder: Cardholder) -> None:
    card = VirtualCardFactory(cardholder=holder, issuer_provider="mock", status="active")
    availability.enter_read_only(provider="mock", reason="Maintenance", actor="user:0")

    refused = post(client, f"{page(card)}/close", reason="Unwanted")

    assert (refused.status_code, refused.json()["code"]) == (503, "cards_read_only")
    assert int(refused["Retry-After"]) > 0
    assert post(client, f"{page(card)}/freeze", reason="Mislaid").json()["status"] == "frozen"
