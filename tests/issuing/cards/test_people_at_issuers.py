"""What an issuer learns of a person with their first card, over real HTTP: all that it asks for."""

from collections.abc import Iterator
from typing import Any

import pytest

from issuing.cards import service as cards
from issuing.issuers import registry
from issuing.issuers.guard.breaker import close_breaker
from issuing.models import IssuerAccount
from tests.issuing.issuers.worlds import sandbox_for_issuers
from tests.sandbox.running import RunningSandbox
from tests.support.factories import CardholderFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    registry.clear()
    with sandbox_for_issuers() as running:
        for provider in ("stripe", "marqeta"):
            close_breaker(provider)
        yield running
    registry.clear()


def known_there(sandbox: RunningSandbox, provider: str) -> dict[str, Any]:
    """Orders and activates a card, and gives the person as the issuer keeps them."""
    user = UserFactory(email="ada@example.com")
    holder = CardholderFactory(user=user, legal_last_name="Lovelace", address_line2="Apartment 7")
    made = cards.create_virtual_card(cardholder=holder, card_type="visa", requested_by="user:1", provider=provider)
    assert cards.activate(card=made, requested_by="user:1").status == "active"
    account = IssuerAccount.objects.get()
    if provider == "stripe":
        kept: dict[str, Any] = sandbox.state.objects["issuing.cardholder"][account.issuer_cardholder_id]
        return kept
    assert sandbox.marqeta is not None
    user_there: dict[str, Any] = sandbox.marqeta.state.things["user"][account.issuer_cardholder_id]
    return user_there


def test_stripe_learns_birth_phone_address_and_consent(sandbox: RunningSandbox) -> None:
    there = known_there(sandbox, "stripe")

    individual = there["individual"]
    assert (individual["first_name"], individual["last_name"]) == ("Ada", "Lovelace")
    assert individual["dob"] == {"day": 10, "month": 12, "year": 1990}
    assert individual["card_issuing"]["user_terms_acceptance"] == {"date": 1_767_225_600, "ip": "203.0.113.7"}
    assert (there["phone_number"], there["billing"]["address"]["line2"]) == ("+14155550100", "Apartment 7")
    assert there["requirements"] == {"disabled_reason": None, "past_due": []}


def test_marqeta_learns_birth_phone_and_address(sandbox: RunningSandbox) -> None:
    there = known_there(sandbox, "marqeta")

    told = {name: there[name] for name in ("first_name", "last_name", "birth_date", "phone", "address2", "state")}
    assert told == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "birth_date": "1990-12-10",
        "phone": "+14155550100",
        "address2": "Apartment 7",
        "state": "CA",
    }
    assert there["status"] == "ACTIVE"
