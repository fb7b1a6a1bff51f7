"""One search for everything: what a text finds follows from its shape, and from what the person may see."""

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from issuing.models import Authorization, Decision, VirtualCard
from onecard.kit import references
from tests.support import stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingCharge

pytestmark = pytest.mark.django_db


ODD = ("", "   ", "zz", "nothing_like_that_1", "%", "_", "' or 1=1", "9" * 300, "ß" * 300, "\u202e4")


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.fixture
def purchase(card: VirtualCard) -> Authorization:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=4500)
    assert stripe_events.post(asked).json()["approved"] is True
    FundingCharge.objects.update(processor_charge_id="pi_3AbCdEfGh")
    return Authorization.objects.get()


def found(text: str, browser: Client | None = None) -> list[str]:
    """The addresses of what a search finds."""
    answer = (browser or logged_in()).get(reverse("admin:search"), {"s": text, "extended": "1"})
    assert answer.status_code == 200
    return [hit.link for hit in answer.context["results"]]


def page(row: object) -> str:
    return references.page_of(f"{row._meta.model_name}:{row.pk}")  # type: ignore[attr-defined]


def test_the_issuers_id_finds_its_purchase_in_its_own_letters(purchase: Authorization) -> None:
    assert found(purchase.issuer_authorization_id)[0] == page(purchase)
    assert page(purchase) not in found(purchase.issuer_authorization_id.upper())


def test_a_payment_intent_finds_its_purchase_and_its_charge(purchase: Authorization) -> None:
    links = found(" pi_3AbCdEfGh ")
    assert links[0] == page(purchase)
    assert page(FundingCharge.objects.get()) in links


def test_our_own_ids_are_found(purchase: Authorization) -> None:
    decision, charge = Decision.objects.get(), FundingCharge.objects.get()
    assert page(charge) in found(str(charge.public_id))
    assert found(f"authorization:{purchase.pk}") == [page(purchase)]
    assert page(purchase) in found(f"#{purchase.pk:05}")
    assert page(purchase) in found(str(decision.public_id))


def test_a_card_is_found_by_the_issuers_id_and_its_last_four(card: VirtualCard) -> None:
    assert page(card) in found(card.issuer_card_id)
    assert page(card) in found(card.last_four)


def test_a_funding_card_is_found_by_its_last_four_with_its_person(card: VirtualCard) -> None:
    method = card.cardholder.funding_methods.order_by("pk").first()
    assert method is not None
    assert references.page_of(f"cardholder:{card.cardholder_id}") in found(method.last_four)


def test_a_person_is_found_by_name_and_address(card: VirtualCard) -> None:
    person = references.page_of(f"cardholder:{card.cardholder_id}")
    assert person in found(card.cardholder.name)
    assert person in found(card.cardholder.user.email)


def test_a_merchant_finds_its_purchases_and_the_list_of_all(purchase: Authorization) -> None:
    links = found(purchase.merchant_name[:5].upper())
    assert page(purchase) in links
    assert any(link.startswith(f"{reverse('admin:issuing_authorization_changelist')}?q=") for link in links)


def test_pages_are_found_by_their_name() -> None:
    assert reverse("admin:wallet_case_changelist") in found("cases")


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_find_nothing(purchase: Authorization, text: str) -> None:
    assert page(purchase) not in found(text)


def test_of_a_card_number_only_the_last_four_are_looked_for(card: VirtualCard) -> None:
    VirtualCard.objects.filter(pk=card.pk).update(last_four="4242")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        links = found("4242 4242 4242 4242")
    assert page(card) in links
    assert not any("4242424242424242" in each["sql"] or "4242 4242" in each["sql"] for each in asked)


def test_nobody_finds_what_they_may_not_see(purchase: Authorization, card: VirtualCard) -> None:
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_case"))
    browser = logged_in(clerk)
    texts = (
        purchase.issuer_authorization_id, "pi_3AbCdEfGh", card.last_four, card.cardholder.name,
        purchase.merchant_name, f"authorization:{purchase.pk}", str(purchase.pk), card.issuer_card_id,
    )  # fmt: skip
    assert {text: found(text, browser) for text in texts} == {text: [] for text in texts}
    assert found("cases", browser) == [reverse("admin:wallet_case_changelist")]


def test_a_cardholder_and_a_stranger_have_no_search(card: VirtualCard) -> None:
    for browser in (Client(), logged_in(card.cardholder.user)):
        assert browser.get(reverse("admin:search"), {"s": "cases"}).status_code in (302, 403)


def test_nothing_of_a_search_is_kept(card: VirtualCard) -> None:
    cache.clear()
    browser = logged_in()
    answer = browser.get(reverse("admin:search"), {"s": card.cardholder.name, "extended": "1"})
    assert "no-store" in answer["Cache-Control"]
    VirtualCard.objects.filter(pk=card.pk).update(last_four="9911")
    assert page(card) not in found("4711", browser)
    assert page(card) in found("9911", browser)


def test_every_page_offers_the_search() -> None:
    shown = text_of(logged_in().get(reverse("admin:index")))
    assert reverse("admin:search") in shown
    assert Case.objects.count() == 0
