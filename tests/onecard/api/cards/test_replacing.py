"""A lost, stolen, damaged or expired card is replaced, once, with all that belongs to it, whatever dies in between."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from issuing.billing import stored_balance
from issuing.cards import changes as card_changes
from issuing.cards import orders
from issuing.issuers import registry
from issuing.models import Authorization, CardChange, CardTransaction, VirtualCard
from issuing.operations import availability
from onecard.api.models import IdempotentRequest
from onecard.kit import clock
from onecard.kit.transactions import transaction
from tests.onecard.api.cards.callers import active_card, change, is_approved, page, post
from tests.sandbox.running import RunningSandbox
from tests.support import stripe_events
from tests.support.back_office import logged_in
from tests.support.factories import VirtualCardFactory
from tests.support.purchases import deliver_events, transaction_event
from tests.support.threads import at_once
from wallet.models import Cardholder

pytestmark = pytest.mark.django_db


def later() -> None:
    """The worker that asked is dead, and the sweeper comes by."""
    past = clock.now() - dt.timedelta(hours=2)
    CardChange.objects.filter(status__in=("intended", "sending")).update(next_attempt_at=past)
    CardChange.objects.filter(claimed_until__isnull=False).update(claimed_until=past)
    card_changes.sweep()


def state_there(card: VirtualCard) -> str:
    return registry.issuer_for(card.issuer_provider).get_card_details(card.issuer_card_id).status


@pytest.mark.some_in_suite(2)
@pytest.mark.parametrize("reason", ["lost", "stolen"])
def test_a_lost_card_ends_now_and_all_comes_along(provider: str, client: Client, reason: str) -> None:
    old = active_card(client)
    change(client, f"{page(old)}/limits", daily_minor=77_000)
    assert provider == "mock" or is_approved(old)
    VirtualCard.objects.update(balance_minor=1234, spends_balance=True, compliance_flags=["watched"])

    answer = post(client, f"{page(old)}/replace", reason=reason)

    assert answer.status_code == 201, answer.content
    new = answer.json()
    assert (new["status"], new["is_made"], new["replaces"]) == ("pending", True, str(old.public_id))
    assert (new["balance"]["amount_minor"], new["spends_balance"], new["replacement_reason"]) == (1234, True, reason)
    row = VirtualCard.objects.get(public_id=new["id"])
    assert (row.issuer_provider, row.daily_limit_minor, row.compliance_flags) == (provider, 77_000, ["watched"])
    assert client.get(page(old)).json()["status"] == "closed"
    assert state_there(old) == "closed"
    assert provider == "mock" or not is_approved(old)
    assert post(client, f"{page(new)}/activate").json()["status"] == "active"
    spent = client.get(f"{page(new)}/limits").json()["daily"]["spent"]["amount_minor"]
    assert spent == (0 if provider == "mock" else 4500)
    assert provider == "mock" or is_approved(row)


@pytest.mark.some_in_suite(2)
@pytest.mark.parametrize("reason", ["damaged", "expired"])
def test_a_damaged_card_works_until_the_new_one_is_activated(provider: str, client: Client, reason: str) -> None:
    old = active_card(client)
    VirtualCard.objects.update(balance_minor=1234)

    new = post(client, f"{page(old)}/replace", reason=reason).json()

    assert (client.get(page(old)).json()["status"], new["balance"]["amount_minor"]) == ("active", 0)
    assert provider == "mock" or is_approved(old)
    activated = post(client, f"{page(new)}/activate").json()
    assert (activated["status"], activated["balance"]["amount_minor"]) == ("active", 1234)
    assert client.get(page(old)).json()["status"] == "closed"
    later()
    assert state_there(old) == "closed"
    assert provider == "mock" or not is_approved(old)


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_make_one_card(provider: str, client: Client, holder: Cardholder) -> None:
    old = active_card(client)
    clients = [logged_in(holder.user) for _ in range(4)]

    answers = at_once([lambda c=c: post(c, f"{page(old)}/replace", reason="lost") for c in clients])  # type: ignore[misc]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert VirtualCard.objects.count() == 2
    assert CardChange.objects.filter(card=old, kind="close").count() == 1


def test_a_card_that_is_being_replaced_can_still_be_lost(provider: str, client: Client) -> None:
    old = active_card(client)
    VirtualCard.objects.update(balance_minor=1234)
    first = post(client, f"{page(old)}/replace", reason="damaged").json()

    second = post(client, f"{page(old)}/replace", reason="lost").json()

    assert (second["id"], second["balance"]["amount_minor"]) == (first["id"], 1234)
    assert client.get(page(old)).json()["status"] == "closed"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("provider", ["stripe", "marqeta"], indirect=True)
def test_no_purchase_is_approved_after_the_report_of_a_loss(provider: str, client: Client) -> None:
    old, holder = active_card(client), logged_in(Cardholder.objects.get().user)

    answers = at_once([lambda: post(holder, f"{page(old)}/replace", reason="stolen")] + [lambda: is_approved(old)] * 5)

    assert answers[0].status_code == 201
    assert not is_approved(old)
    assert Authorization.objects.filter(status="approved").count() == sum(answers[1:])


class Killed(BaseException):
    """The worker dies."""


@pytest.mark.some_in_suite(2)
@pytest.mark.parametrize("calls", [0, 1])
def test_a_killed_worker_leaves_nothing_undone(
    provider: str, client: Client, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """It dies after the commit: before anything was asked of the issuer, or between its two requests."""
    old = active_card(client)
    real, made = card_changes.carry_out, []

    def die(**asked: Any) -> str:
        if len(made) == calls:
            raise Killed
        made.append(asked)
        return real(**asked)

    with monkeypatch.context() as patch:
        patch.setattr(card_changes, "carry_out", die)
        with pytest.raises(Killed):
            post(client, f"{page(old)}/replace", "k1", reason="lost")

    assert provider == "mock" or not is_approved(old)
    later()
    again = post(client, f"{page(old)}/replace", "k1", reason="lost")
    assert (again.status_code, again.json()["is_made"]) == (201, True)
    assert VirtualCard.objects.count() == 2
    assert state_there(old) == "closed"
    assert IdempotentRequest.objects.get(key="k1").status_code == 201


def test_a_stolen_card_ends_while_its_issuer_is_away(client: Client, settings: Any, issuers: RunningSandbox) -> None:
    settings.ISSUER_PROVIDER = "stripe"
    old = active_card(client)
    availability.enter_read_only(provider="stripe", reason="Maintenance", actor="user:0")

    assert post(client, f"{page(old)}/replace", reason="damaged").json()["code"] == "cards_read_only"
    assert post(client, f"{page(old)}/replace", reason="stolen").status_code == 201

    assert client.get(page(old)).json()["status"] == "closed"


def test_a_refused_order_leaves_the_balance_with_the_holder(
    client: Client, settings: Any, issuers: RunningSandbox
) -> None:
    settings.ISSUER_PROVIDER = "stripe"
    old = active_card(client)
    VirtualCard.objects.update(balance_minor=1234)
    issuers.order(method="POST", path="/v1/issuing/cards", do="refuse")

    refused = post(client, f"{page(old)}/replace", reason="lost")

    assert (refused.status_code, refused.json()["code"]) == (409, "card_refused")
    assert refused.json()["detail"].startswith("No card was made")
    assert client.get(page(old)).json()["balance"]["amount_minor"] == 1234
    new = post(client, "/api/v1/cards").json()
    assert (new["balance"]["amount_minor"], new["replaces"]) == (1234, str(old.public_id))


@pytest.mark.parametrize("provider", ["stripe"], indirect=True)
def test_what_the_old_card_bought_is_captured_on_the_old_card(provider: str, client: Client) -> None:
    old = active_card(client)
    asked = stripe_events.authorization_request(card=old.issuer_card_id)
    assert stripe_events.post(asked).json()["approved"]
    post(client, f"{page(old)}/replace", reason="lost")

    deliver_events(transaction_event(asked, 4500))

    captured = CardTransaction.objects.get()
    assert (captured.card, captured.authorization.card if captured.authorization else None) == (old, old)


def test_the_home_of_a_balance_is_the_last_card_of_the_chain() -> None:
    first = VirtualCardFactory(status="closed")
    second = VirtualCardFactory(status="closed", replaces=first, cardholder=first.cardholder)
    failed = {"status": "closed", "issuer_card_id": "", "cardholder": first.cardholder}
    VirtualCardFactory(replaces=second, **failed)
    third = VirtualCardFactory(replaces=second, cardholder=first.cardholder)

    with transaction():
        homes = [stored_balance.lock_home(card.pk) for card in (first, second, third)]

    assert homes == [third] * 3


def test_what_cannot_be_replaced_has_its_sentence(client: Client, holder: Cardholder) -> None:
    for more, words in (
        ({"status": "pending", "issuer_card_id": ""}, "not made yet"),
        ({"status": "closed"}, "ask for a new one"),
    ):
        card = VirtualCardFactory(cardholder=holder, **more)
        answer = post(client, f"{page(card)}/replace", reason="lost")
        assert (answer.status_code, words in answer.json()["detail"]) == (409, True)
    assert orders.missing_for_card(holder) == {}
    Cardholder.objects.update(kyc_status="rejected")
    card = VirtualCardFactory(cardholder=holder)
    assert "identity is not verified" in post(client, f"{page(card)}/replace", reason="lost").json()["detail"]
    assert not CardChange.objects.exists()
