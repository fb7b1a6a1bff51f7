"""A card's balance in the back office: shown, its policy edited, money put there, and what purchases took of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit.models import Entry
from issuing.models import Authorization, CardFunding, VirtualCard
from tests.sandbox.running import RunningSandbox
from tests.support import stripe_events
from tests.support.back_office import logged_in, opened, send, sentences, superuser, text_of
from tests.support.factories import CardholderFactory, FundingMethodFactory, UserFactory, VirtualCardFactory
from tests.support.purchases import approve_purchase, deliver_events, transaction_event, update_event
from tests.support.sandboxes import CITI, CUSTOMER, intents, processor_sandbox
from tests.support.wallets import walkthrough_card
from wallet.models import FundingMethod

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with processor_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: RunningSandbox) -> RunningSandbox:
    served.reset()
    return served


@pytest.fixture
def source() -> FundingMethod:
    return FundingMethodFactory(
        cardholder=CardholderFactory(processor_customer_id=CUSTOMER), processor_method_id=CITI, name="Citi"
    )


@pytest.fixture
def card(source: FundingMethod) -> VirtualCard:
    return VirtualCardFactory(cardholder=source.cardholder, balance_minor=1250)


def page(card: VirtualCard, act: str = "change") -> str:
    return reverse(f"admin:issuing_virtualcard_{act}", args=[card.pk])


def story(purchase: Authorization) -> str:
    return text_of(logged_in().get(reverse("admin:issuing_authorization_change", args=[purchase.pk])))


def on_card(card: VirtualCard) -> int:
    return VirtualCard.objects.values_list("balance_minor", flat=True).get(pk=card.pk)


def test_the_cards_page_shows_its_balance_and_audits_a_change_of_policy(
    card: VirtualCard,
) -> None:
    client = logged_in()
    shown = text_of(client.get(page(card)))
    assert "12.50 USD" in shown
    assert "Spends its balance first" in shown
    assert "12.50 USD" in text_of(client.get(reverse("admin:issuing_virtualcard_changelist")))

    send(client, page(card), spends_balance="on")

    card.refresh_from_db()
    assert (card.spends_balance, card.balance_minor) == (True, 1250)
    assert Entry.objects.get(action="virtualcard.changed").details["changes"] == {"spends_balance": [False, True]}
    send(client, page(card), spends_balance=None)
    assert VirtualCard.objects.get(pk=card.pk).spends_balance is False


def test_a_page_that_is_older_than_the_balance_saves_nothing(card: VirtualCard) -> None:
    client = logged_in()
    values = opened(client, page(card))
    VirtualCard.objects.update(balance_minor=40)

    answer = client.post(page(card), values | {"spends_balance": "on"})

    assert "changed after you opened the page" in sentences(answer)
    card.refresh_from_db()
    assert (card.balance_minor, card.spends_balance) == (40, False)


def test_pressing_the_button_twice_puts_money_on_a_card_once(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    boss = superuser()
    client = logged_in(boss)
    assert f'href="{page(card, "put_money")}"' in client.get(page(card)).content.decode()
    values = opened(client, page(card, "put_money")) | {"amount": "25.00", "source": str(source.pk)}

    for _ in range(2):
        answer = client.post(page(card, "put_money"), values, follow=True)

    assert "25.00 USD from Citi" in sentences(answer)
    wish = CardFunding.objects.get()
    assert (wish.status, wish.requested_by, wish.source_id) == ("credited", f"user:{boss.pk}", source.pk)
    assert (on_card(card), [intent["amount"] for intent in intents(sandbox)]) == (1250 + 2500, [2500])


def test_a_second_visit_is_a_second_request(sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod) -> None:
    for _ in range(2):
        send(logged_in(), page(card, "put_money"), amount="1", source=str(source.pk))
    assert (on_card(card), len(intents(sandbox))) == (1250 + 200, 2)


def test_a_source_that_is_declined_or_does_not_answer_is_a_sentence(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    client = logged_in()
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_answer")
    answer = client.post(*_form(client, card, source), follow=True)
    assert "has not answered yet" in sentences(answer)

    sandbox.order(method="POST", path="/v1/payment_intents", do="decline", decline_code="insufficient_funds")
    answer = client.post(*_form(client, card, source), follow=True)
    assert "did not pay" in sentences(answer)
    assert on_card(card) == 1250


def _form(client: Any, card: VirtualCard, source: FundingMethod) -> tuple[str, dict[str, str]]:
    url = page(card, "put_money")
    return url, opened(client, url) | {"amount": "5.00", "source": str(source.pk)}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount": "lots"}, "not an amount of USD"),
        ({"amount": "1.234"}, "not an amount of USD"),
        ({"amount": "0"}, "more than nothing"),
        ({"amount": "-5"}, "more than nothing"),
        ({"source": "999999"}, "Select a valid choice"),
        ({"request_key": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_charges_nobody(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod, changes: dict[str, str], why: str
) -> None:
    client = logged_in()
    url, values = _form(client, card, source)

    answer = client.post(url, values | changes)

    assert answer.status_code == 200
    assert why in str(answer.context["form"].errors)
    assert (CardFunding.objects.exists(), intents(sandbox), on_card(card)) == (False, [], 1250)


def test_another_persons_card_is_no_choice(sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod) -> None:
    client = logged_in()
    stranger = FundingMethodFactory()
    url, values = _form(client, card, source)
    answer = client.post(url, values | {"source": str(stranger.pk)})
    assert "Select a valid choice" in str(answer.context["form"].errors)
    assert not CardFunding.objects.exists()


def test_a_closed_card_has_no_button_and_takes_no_money(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    client = logged_in()
    url, values = _form(client, card, source)
    VirtualCard.objects.update(status="closed")

    assert page(card, "put_money") not in client.get(page(card)).content.decode()
    answer = client.post(url, values)
    assert "closed" in str(answer.context["form"].errors)
    assert not CardFunding.objects.exists()


def test_who_may_change_cards_may_not_charge_people(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    clerk = UserFactory(is_staff=True)
    names = ("view_virtualcard", "change_virtualcard")
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=names))
    client = logged_in(clerk)

    assert page(card, "put_money") not in client.get(page(card)).content.decode()
    answer = client.post(page(card, "put_money"), {"amount": "5", "source": str(source.pk)})
    assert answer.status_code == 403
    assert not CardFunding.objects.exists()


def test_the_purchase_says_what_the_balance_paid() -> None:
    card = walkthrough_card(spends_balance=True, balance_minor=2000)
    asked = approve_purchase(card)
    purchase = Authorization.objects.get()

    shown = story(purchase)

    assert "20.00 USD from the card's balance of 20.00 USD" in shown.replace("&#x27;", "'")
    assert "A funding card pays the rest." in shown
    listed = text_of(logged_in().get(reverse("admin:issuing_authorization_changelist"))).replace("&#x27;", "'")
    assert "The card's balance; " in listed

    deliver_events(
        transaction_event(asked, 4500),
        update_event(asked, "closed"),
        transaction_event(asked, 4600, kind="refund", number=2),
    )
    shown = story(purchase).replace("&#x27;", "'")
    assert "<dt>Given back beyond what was taken</dt><dd>1.00 USD</dd>" in shown
    assert "<dt>Put on the card's balance</dt><dd>1.00 USD</dd>" in shown


def test_a_purchase_that_the_balance_pays_alone_has_no_chosen_card() -> None:
    card = walkthrough_card(spends_balance=True, balance_minor=9000)
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id))

    shown = story(Authorization.objects.get()).replace("&#x27;", "'")

    assert "The card's own balance pays all of it" in shown
    assert '<span class="oc-label oc-good">Chosen</span>' not in shown
    assert "so nothing is estimated" not in shown
    assert "<dt>From the card's balance</dt><dd>45.00 USD</dd>" in shown
