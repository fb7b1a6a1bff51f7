"""A new person on their pages, from nothing to a card: each step says what is missing."""

from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from issuing.issuers import registry
from issuing.issuers.mock import MockIssuer
from issuing.models import VirtualCard
from onecard.api import throttles
from onecard.users.models import User
from tests.onecard.person.words import hidden_of, send, words_of
from tests.support.back_office import logged_in
from tests.support.factories import CardholderFactory, FundingMethodFactory, UserFactory
from wallet.kyc import review
from wallet.models import Cardholder, KycReview

pytestmark = pytest.mark.django_db
ADA = {
    "first_name": "Ada", "last_name": "Lovelace", "birth_date": "1990-12-10", "phone": "+14155550100",
    "address_line1": "510 Townsend Street", "address_city": "San Francisco", "address_state": "CA",
    "address_postal_code": "94103", "address_country": "US", "time_zone": "America/Los_Angeles", "preference": "cash",
}  # fmt: skip


@pytest.fixture
def person() -> User:
    found: User = UserFactory(email="ada@example.com")
    return found


@pytest.fixture
def client(person: User) -> Client:
    return logged_in(person)


@pytest.fixture
def _issuer(settings: Any) -> None:
    settings.ISSUER_PROVIDER = "mock"
    registry.install(MockIssuer())


def approve(person: User) -> None:
    waiting = KycReview.objects.select_related("cardholder").get(cardholder__user=person)
    shown = review.digest(waiting.cardholder)
    review.approve(review_id=waiting.pk, actor="user:0", reason="Passport seen.", shown=shown)


@pytest.mark.usefixtures("_issuer")
def test_a_new_person_comes_to_an_active_card(person: User, client: Client) -> None:
    assert client.get("/")["Location"] == "/start"
    assert "Still missing: the legal first name, the legal last name" in words_of(client.get("/start"))

    assert send(client, "/profile", **ADA)["Location"] == "/terms"
    assert send(client, "/terms", accepted="on")["Location"] == "/start"
    assert send(client, "/identity")["Location"] == "/start"
    assert "We are checking your identity." in words_of(client.get("/start"))
    approve(person)
    FundingMethodFactory(cardholder=person.cardholder, product=None)
    assert "Everything is there. Ask for it" in words_of(client.get("/start"))

    assert send(client, "/card/ask", network="visa")["Location"] == "/"
    card = VirtualCard.objects.get()
    assert f"/card/{card.public_id}/activate" in client.get("/").content.decode()
    assert send(client, f"/card/{card.public_id}/activate")["Location"] == "/"
    card.refresh_from_db()
    assert card.status == "active"
    assert "Everything is set up" in words_of(client.get("/start"))
    made = Entry.objects.filter(actor=f"user:{person.pk}").values_list("action", flat=True)
    assert {"cardholder.profile_made", "cardholder.terms_accepted", "card.create_requested"} <= set(made)


def test_a_part_of_the_profile_is_saved_and_the_rest_is_named(person: User, client: Client) -> None:
    answer = send(client, "/profile", **ADA | {"last_name": "", "address_city": ""})

    assert answer["Location"] == "/profile"
    shown = words_of(client.get("/profile"))
    assert "Saved. Still missing: the legal last name and the city." in shown
    assert "Legal last name Missing" in shown
    assert "Legal first name Missing" not in shown
    assert person.cardholder.legal_first_name == "Ada"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"birth_date": "2020-01-01"}, "A card is for people of 18 and older."),
        ({"birth_date": "tomorrow"}, "Enter a valid date."),
        ({"phone": "555"}, "Write the number with + and the country"),
        ({"address_state": "California"}, "two letters, such as CA"),
        ({"address_postal_code": "9410"}, "Write a ZIP code"),
        ({"address_country": "XX"}, "Write the country by its two letters"),
        ({"time_zone": "Mars/Base"}, "Select a valid choice."),
        ({"first_name": "4242424242424242"}, "without digits"),
        ({"first_name": "a" * 41}, "at most 40 characters"),
    ],
)
def test_a_wrong_field_has_its_sentence(client: Client, typed: dict[str, str], sentence: str) -> None:
    answer = send(client, "/profile", **ADA | typed)

    assert answer.status_code in (200, 400)
    assert sentence in words_of(answer)
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not Cardholder.objects.exists()


def test_a_profile_that_changed_meanwhile_is_not_overwritten(person: User, client: Client) -> None:
    send(client, "/profile", **ADA)
    seen = hidden_of(client, "/profile")
    send(client, "/profile", **ADA | {"phone": "+14155550199"})

    answer = client.post("/profile", {**seen, **ADA, "address_city": "Oakland"})

    assert answer.status_code == 412
    assert "was changed since you read it" in words_of(answer)
    assert Cardholder.objects.get().address_city == "San Francisco"


def test_a_zone_of_older_times_stays_in_the_form() -> None:
    holder = CardholderFactory(time_zone="Etc/GMT+5")

    assert 'value="Etc/GMT+5" selected' in logged_in(holder.user).get("/profile").content.decode()


def test_terms_are_accepted_in_the_version_that_was_shown(client: Client, settings: Any) -> None:
    settings.TERMS_URL = "https://example.com/terms"
    send(client, "/profile", **ADA)

    assert 'href="https://example.com/terms"' in client.get("/terms").content.decode()
    assert "Accept the terms here" in words_of(send(client, "/terms"))
    assert client.post("/terms", {"version": "1999", "accepted": "on"}).status_code == 409
    send(client, "/terms", accepted="on")
    settings.TERMS_URL = ""
    shown = words_of(client.get("/terms"))
    assert "You accepted version" in shown
    assert "ask our support for them" in shown
    assert Cardholder.objects.get().terms_accepted_from


def test_the_identity_page_says_what_is_asked_for(person: User, client: Client) -> None:
    send(client, "/profile", **ADA)
    assert "Still missing: the acceptance of the card's terms." in words_of(client.get("/identity")).replace(
        "&#x27;", "'"
    )
    assert client.post("/identity").status_code == 409
    send(client, "/terms", accepted="on")
    send(client, "/identity")
    waiting = KycReview.objects.get()
    review.ask_for_more(review_id=waiting.pk, actor="user:0", reason="Your name differs from your passport.")

    shown = words_of(client.get("/identity"))

    assert "What we ask for Your name differs from your passport." in shown
    assert "Hand in my profile" in shown
    assert send(client, "/identity")["Location"] == "/start"


def test_a_card_is_refused_with_what_is_missing() -> None:
    holder = CardholderFactory(kyc_status="not_started", birth_date=None)

    answer = send(logged_in(holder.user), "/card/ask", network="visa")

    assert answer.status_code == 409
    shown = words_of(answer)
    for sentence in (
        "Your identity is not verified yet.",
        "Missing: the date of birth",
        "no card that can pay: add one",
    ):
        assert sentence in shown
    assert not VirtualCard.objects.exists()


@pytest.mark.usefixtures("_issuer")
def test_two_clicks_order_one_card() -> None:
    holder = CardholderFactory()
    FundingMethodFactory(cardholder=holder, product=None)
    client = logged_in(holder.user)
    sent = hidden_of(client, "/card/ask") | {"network": "visa"}

    answers = [client.post("/card/ask", sent) for _ in range(2)]

    assert [each["Location"] for each in answers] == ["/", "/"]
    assert VirtualCard.objects.count() == 1
    assert client.post("/card/ask", sent | {"request_key": "nonsense"}).status_code == 200


def test_asking_the_issuer_is_limited_as_in_the_api(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    send(client, "/profile", **ADA)
    monkeypatch.setitem(throttles.LIMITS, "outside", (1, 60))

    assert [client.get("/card/ask").status_code for _ in range(2)] == [200, 429]
