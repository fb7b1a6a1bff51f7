"""The wallet on pages: a card is added on the processor's page, named, ordered and removed."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from tests.onecard.person.words import hidden_of, send, words_of
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in
from tests.support.factories import CardProductFactory, FundingMethodFactory
from tests.support.sandboxes import processor_sandbox
from tests.wallet.charges.cascades import owe
from tests.wallet.methods.saved_cards import newcomer
from tests.wallet.methods.test_setups import event_of
from wallet import processor_events
from wallet.methods import setups
from wallet.models import Cardholder, CardSetup, FundingMethod
from wallet.processors.stripe.client import stripe_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.fixture
def holder() -> Cardholder:
    return newcomer()


@pytest.fixture
def client(holder: Cardholder) -> Client:
    return logged_in(holder.user)


def save_at_processor(client: Client, sandbox: RunningSandbox, card: str = "visa") -> str:
    """Goes to the processor's page and saves a card there; returns the page that the person comes back to."""
    assert "/checkout/pay/" in send(client, "/wallet/add").content.decode()
    (page,) = sandbox.state.objects["checkout.session"].values()
    address = f"/v1/test_helpers/checkout/sessions/{page['id']}/complete"
    stripe_client().raw_request("post", address, payment_method=f"pm_card_{card}")
    return str(page["success_url"]).removeprefix("http://127.0.0.1:8000").removeprefix("https://localhost")


def report(sandbox: RunningSandbox) -> str:
    """The processor's event comes, and a worker takes the card in."""
    (page,) = sandbox.state.objects["checkout.session"].values()
    assert processor_events.setup_succeeded(event_of(page["setup_intent"]))
    return setups.complete_reported(setup_id=CardSetup.objects.get().pk)


def test_a_card_comes_back_from_the_processors_page(
    holder: Cardholder, client: Client, sandbox: RunningSandbox
) -> None:
    back = save_at_processor(client, sandbox)
    assert "Your card is being saved" in words_of(client.get(back))
    assert report(sandbox) == "completed"

    shown = words_of(client.get(back))

    assert "4242 is in your wallet" in shown
    assert "4242" in words_of(client.get("/wallet"))
    assert Entry.objects.get(action="method.setup_begun").actor == f"user:{holder.user_id}"


def test_a_refused_card_says_why(client: Client, sandbox: RunningSandbox) -> None:
    back = save_at_processor(client, sandbox, "mastercard_prepaid")
    assert report(sandbox) == "refused"

    shown = words_of(client.get(back))

    assert "This card was not taken Prepaid cards are not accepted" in shown
    assert not FundingMethod.objects.exists()


def test_too_many_cards_wait_as_the_page_says(client: Client, sandbox: RunningSandbox, settings: Any) -> None:
    settings.CARD_SETUPS_A_DAY = 1
    send(client, "/wallet/add")

    answer = send(client, "/wallet/add")

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert 'role="alert"' in answer.content.decode()


def test_two_clicks_make_one_page(client: Client, sandbox: RunningSandbox) -> None:
    sent = hidden_of(client, "/wallet/add")

    answers = [client.post("/wallet/add", sent).content.decode() for _ in range(2)]

    assert len({re.search(r"/checkout/pay/\w+", each)[0] for each in answers}) == 1  # type: ignore[index]
    assert CardSetup.objects.count() == 1


def test_another_persons_key_and_setup_are_ones_own(client: Client, sandbox: RunningSandbox) -> None:
    sent = hidden_of(client, "/wallet/add")
    client.post("/wallet/add", sent)
    stranger = logged_in(newcomer().user)

    assert stranger.post("/wallet/add", sent).status_code == 200
    assert CardSetup.objects.values("cardholder").distinct().count() == 2
    mine = CardSetup.objects.order_by("pk").first()
    assert mine
    assert stranger.get(f"/wallet/added/{mine.request_id}").status_code == 404
    assert stranger.get(f"/wallet/added/{uuid.uuid4()}").status_code == 404


def test_no_form_leads_to_the_processor_itself(client: Client, sandbox: RunningSandbox) -> None:
    answer = send(client, "/wallet/add")

    assert "form-action 'self'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "no-store"


def test_a_card_is_named_ordered_and_made_the_backup(holder: Cardholder, client: Client) -> None:
    product = CardProductFactory(name="Sapphire", network="visa")
    CardProductFactory(name="Gold", network="amex")
    first = FundingMethodFactory(cardholder=holder, network="visa", product=None, position=1, name="One")
    second = FundingMethodFactory(cardholder=holder, network="visa", product=None, position=2, name="Two")
    page = f"/wallet/{second.public_id}"

    assert "Gold" not in words_of(client.get(page))
    send(client, page, name="Travel", product=product.pk, position=1, is_backup="on")
    send(client, "/wallet", preference="cash")

    names = [each.name for each in holder.funding_methods.order_by("position")]
    assert names == ["Travel", first.name]
    second.refresh_from_db()
    assert (second.is_backup, second.product) == (True, product)
    holder.refresh_from_db()
    assert holder.preference == "cash"
    shown = words_of(client.get("/wallet"))
    assert shown.index("Travel") < shown.rindex("One Visa")


def test_what_is_wrong_with_a_card_is_said_beside_it(holder: Cardholder, client: Client) -> None:
    card = FundingMethodFactory(cardholder=holder, network="visa", product=None, status="disabled", is_backup=False)
    other = CardProductFactory(name="Gold", network="amex")
    page = f"/wallet/{card.public_id}"

    assert "cannot pay" in words_of(send(client, page, name="x", position=1, is_backup="on"))
    assert "Select a valid choice" in words_of(send(client, page, name="x", position=1, product=other.pk))
    assert "This field is required" in words_of(send(client, page, name="", position=1))


def test_a_card_is_removed_unless_it_owes(holder: Cardholder, client: Client) -> None:
    card = FundingMethodFactory(cardholder=holder, product=None)
    owe(card)
    page = f"/wallet/{card.public_id}/remove"

    assert "45.00 USD are being charged" in words_of(client.post(page))
    spare = FundingMethodFactory(cardholder=holder, product=None)
    assert client.post(f"/wallet/{spare.public_id}/remove")["Location"] == "/wallet"
    assert client.get(f"/wallet/{spare.public_id}").status_code == 404


def test_a_strangers_card_is_not_there(holder: Cardholder) -> None:
    card = FundingMethodFactory(cardholder=holder, product=None)
    stranger = logged_in(newcomer().user)

    for page in (f"/wallet/{card.public_id}", f"/wallet/{card.public_id}/remove"):
        assert stranger.get(page).status_code == 404
        assert stranger.post(page, {"name": "Mine", "position": 1}).status_code == 404
