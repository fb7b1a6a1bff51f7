"""Limits within their ceilings, what is left of them, and money put on a card, through the API."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from issuing.cards import own_limits
from issuing.issuers import registry
from issuing.issuers.mock import MockIssuer
from issuing.limits.cardholder_limits import usage_of
from issuing.limits.open_windows import open_now
from issuing.models import Authorization, CardChange, CardFunding, SpendWindow, VirtualCard
from onecard.kit import clock
from tests.onecard.api.cards.callers import active_card, change, is_approved, page, post, ready_person
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in
from tests.support.factories import FundingMethodFactory, VirtualCardFactory
from tests.support.sandboxes import CITI, CUSTOMER, processor_sandbox
from tests.support.threads import at_once
from wallet.models import Cardholder, FundingCharge

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(holder: Cardholder) -> Iterator[VirtualCard]:
    registry.clear()
    mock = MockIssuer(provider="stripe")
    registry.install(mock)
    yield VirtualCardFactory(cardholder=holder)
    registry.clear()


def usd(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "USD"}


def test_a_purchase_counts_and_the_rest_is_left_until_midnight(provider: str, client: Client) -> None:
    card = active_card(client)
    before = client.get(f"{page(card)}/limits").json()
    assert before["per_transaction"] == {"limit": usd(50_000), "ceiling": usd(200_000)}
    assert (before["daily"]["spent"], before["daily"]["left"]) == (usd(0), usd(100_000))
    if provider == "mock":
        return
    assert is_approved(card, 30_000)
    assert is_approved(card, 30_000)

    after = client.get(f"{page(card)}/limits").json()

    assert (after["daily"]["spent"], after["daily"]["left"]) == (usd(60_000), usd(40_000))
    assert (after["monthly"]["left"], after["available"]) == (usd(440_000), usd(40_000))
    window = SpendWindow.objects.get(kind="day")
    assert dt.datetime.fromisoformat(after["daily"]["renews_at"]) == window.ends_at
    assert after["daily"]["renews_at"] == before["daily"]["renews_at"]
    assert not is_approved(card, 40_001)
    assert is_approved(card, 40_000)


@pytest.mark.parametrize("kind", ["day", "month"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Pacific/Honolulu", "America/New_York"])
def test_the_renewal_is_what_the_next_decision_opens(card: VirtualCard, kind: str, zone: str) -> None:
    """Also after the holder moved to another time zone, which makes one window longer."""
    now = clock.now()
    for each, hours in (("day", 30), ("month", 24 * 32)):
        started = now - dt.timedelta(hours=hours)
        SpendWindow.objects.create(card=card, kind=each, starts_at=started, ends_at=now - dt.timedelta(hours=1))
    Cardholder.objects.update(time_zone=zone)
    card = VirtualCard.objects.select_related("cardholder").get()

    said = usage_of(card, kind)

    opened = SpendWindow.objects.get(pk=open_now(card)[0 if kind == "day" else 1])
    assert (said.renews_at, said.spent_minor) == (opened.ends_at, 0)
    assert usage_of(card, kind).renews_at == opened.ends_at


def test_limits_change_at_once_and_reach_the_issuer(provider: str, client: Client) -> None:
    card = active_card(client)

    changed = change(client, f"{page(card)}/limits", per_transaction_minor=4000, daily_minor=5000)

    assert changed.status_code == 200, changed.content
    assert (changed.json()["daily"]["limit"], changed.json()["monthly"]["limit"]) == (usd(5000), usd(500_000))
    there = registry.issuer_for(provider).get_card_details(card.issuer_card_id).limits
    assert there is not None
    assert (there.per_transaction_minor, there.daily_minor, there.monthly_minor) == (4000, 5000, 500_000)
    assert provider == "mock" or not is_approved(card, 4001)
    entry = Entry.objects.get(action="card.limits_requested")
    assert entry.actor == f"user:{card.cardholder.user_id}"


@pytest.mark.parametrize(
    ("body", "status", "code", "fields"),
    [
        ({}, 400, "invalid_request", ["non_field_errors"]),
        ({"daily_minor": 0}, 400, "invalid_request", ["daily_minor"]),
        ({"daily_minor": "much"}, 400, "invalid_request", ["daily_minor"]),
        ({"monthly_minor": 2_000_001}, 400, "card_limit_too_high", ["monthly"]),
        ({"per_transaction_minor": 999_999, "daily_minor": 999_999}, 400, "card_limit_too_high",
         ["per_transaction", "daily"]),
        ({"per_transaction_minor": 100_001}, 409, "card_refused", []),
        ({"daily_minor": 49_999}, 409, "card_refused", []),
    ],
)  # fmt: skip
def test_limits_that_cannot_be_are_refused(
    client: Client, card: VirtualCard, body: Any, status: int, code: str, fields: list[str]
) -> None:
    answer = change(client, f"{page(card)}/limits", **body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert list(answer.json().get("errors", {})) == fields
    if code == "card_limit_too_high":
        assert "at most" in answer.json()["detail"]
    assert not CardChange.objects.exists()


def test_the_ceiling_is_said_and_what_staff_gave_stays(client: Client, card: VirtualCard, settings: Any) -> None:
    settings.CARD_LIMIT_CEILINGS = (60_000, 60_000, 60_000)

    refused = change(client, f"{page(card)}/limits", per_transaction_minor=60_001)

    assert refused.json()["detail"] == "Your limit for one purchase can be 600.00 USD at most."
    shown = client.get(f"{page(card)}/limits").json()
    assert (shown["daily"]["ceiling"], shown["monthly"]["ceiling"]) == (usd(100_000), usd(500_000))
    assert change(client, f"{page(card)}/limits", daily_minor=70_000).status_code == 200
    assert change(client, f"{page(card)}/limits", daily_minor=70_001).status_code == 400


def test_two_changes_of_one_version_do_not_overwrite_each_other(client: Client, card: VirtualCard) -> None:
    etag = client.get(f"{page(card)}/limits")["ETag"]

    assert change(client, f"{page(card)}/limits", etag="", daily_minor=60_000).status_code == 428
    assert change(client, f"{page(card)}/limits", etag=etag, daily_minor=60_000).status_code == 200
    assert change(client, f"{page(card)}/limits", etag=etag, daily_minor=70_000).status_code == 412
    assert VirtualCard.objects.get().daily_limit_minor == 60_000


@pytest.mark.django_db(transaction=True)
def test_a_lower_limit_that_races_purchases_holds_for_all_after_it(client: Client, provider: str) -> None:
    if provider == "mock":
        pytest.skip("The mock has no webhook.")
    card = active_card(client)

    at_once(
        [lambda: own_limits.set_limits(card, {"per_transaction_minor": 4000, "daily_minor": 9000},
                                       requested_by="user:1", check=lambda _: None)]
        + [lambda: is_approved(card, 4500)] * 6
    )  # fmt: skip

    assert not is_approved(card, 4500)
    spent = SpendWindow.objects.filter(kind="day").values_list("spent_minor", flat=True).first() or 0
    assert spent == 4500 * Authorization.objects.filter(status="approved").count()
    assert is_approved(card, 4000) is (spent + 4000 <= 9000)


@pytest.fixture
def processor() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.fixture
def payer() -> Cardholder:
    holder = ready_person(processor_customer_id=CUSTOMER)
    FundingMethodFactory(cardholder=holder, processor_method_id=CITI, name="Citi")
    VirtualCardFactory(cardholder=holder)
    return holder


@pytest.mark.usefixtures("processor")
def test_a_top_up_charges_the_funding_card_once(payer: Cardholder) -> None:
    client, card = logged_in(payer.user), VirtualCard.objects.get()
    source = str(payer.funding_methods.get(name="Citi").public_id)
    body = {"amount": usd(5000), "funding_card": source}

    first, again = (post(client, f"{page(card)}/top-ups", "k1", **body) for _ in range(2))

    assert first.status_code == 201, first.content
    assert first.json() == again.json()
    assert (first.json()["status"], first.json()["amount"], first.json()["funding_card"]) == (
        "credited",
        usd(5000),
        source,
    )
    assert client.get(f"{page(card)}/top-ups").json()["results"] == [first.json()]
    assert client.get(page(card)).json()["balance"] == usd(5000)
    assert (CardFunding.objects.count(), FundingCharge.objects.count()) == (1, 1)
    assert post(client, f"{page(card)}/top-ups", "k1", **body | {"amount": usd(6000)}).status_code == 422


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (usd(0), "more than nothing"),
        (usd(500_001), "may spend 5000.00 USD a month"),
        ({"amount_minor": 5, "currency": "EUR"}, "kept in USD"),
    ],
)
def test_a_top_up_that_cannot_be_has_its_sentence(payer: Cardholder, amount: Any, words: str) -> None:
    card, source = VirtualCard.objects.get(), payer.funding_methods.get(name="Citi")

    answer = post(logged_in(payer.user), f"{page(card)}/top-ups", amount=amount, funding_card=str(source.public_id))

    assert (answer.status_code, answer.json()["code"]) == (409, "card_refused")
    assert words in answer.json()["detail"].replace(",", "")
    source.status = "disabled"
    source.save()
    disabled = post(logged_in(payer.user), f"{page(card)}/top-ups", amount=usd(5), funding_card=str(source.public_id))
    assert (disabled.status_code, disabled.json()["code"]) == (409, "funding_method_unusable")
    assert not FundingCharge.objects.exists()


def test_a_foreign_funding_card_puts_nothing_on(client: Client, card: VirtualCard) -> None:
    theirs = FundingMethodFactory()

    answer = post(client, f"{page(card)}/top-ups", amount=usd(5), funding_card=str(theirs.public_id))

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["funding_card"])
    assert not CardFunding.objects.exists()
