"""The profile: made by the first PUT, each field checked, each missing one named, nobody's change overwritten."""

import json
import uuid
from functools import partial
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from onecard.api.onboarding.profile import ADA
from onecard.users.models import User
from tests.support.back_office import logged_in, superuser
from tests.support.factories import CardholderFactory, UserFactory
from tests.support.threads import at_once
from wallet.kyc.fields import TERMS_VERSION
from wallet.models import Cardholder, KycReview

pytestmark = pytest.mark.django_db
NEEDED = [
    "first_name", "last_name", "birth_date", "phone", "address.line1", "address.city", "address.postal_code",
    "address.country",
]  # fmt: skip


@pytest.fixture
def person() -> User:
    return UserFactory(email="ada@example.com")


@pytest.fixture
def client(person: User) -> Client:
    return logged_in(person)


def put(client: Client, body: Any, **headers: str) -> Any:
    return client.put("/api/v1/profile", json.dumps(body), content_type="application/json", headers=headers)


def accept(client: Client, version: str = TERMS_VERSION, key: str = "") -> Any:
    body, headers = json.dumps({"version": version}), {"Idempotency-Key": key or str(uuid.uuid4())}
    return client.post("/api/v1/profile/terms", body, content_type="application/json", headers=headers)


def test_a_person_without_a_profile_reads_what_is_missing(client: Client) -> None:
    answer = client.get("/api/v1/profile")

    assert answer.status_code == 200
    assert answer.json()["missing"] == [*NEEDED, "terms"]
    assert (answer.json()["email"], answer.json()["time_zone"]) == ("ada@example.com", "America/New_York")
    assert "ETag" not in answer
    assert not Cardholder.objects.exists()


def test_the_first_put_makes_the_wallet_and_the_terms_complete_it(client: Client, person: User) -> None:
    made = put(client, ADA)
    assert (made.status_code, made.json()["missing"]) == (200, ["terms"])
    accepted = accept(client)

    assert (accepted.status_code, accepted.json()["missing"]) == (200, [])
    holder = Cardholder.objects.get(user=person)
    assert (holder.name, holder.kyc_status) == ("Ada Lovelace", "not_started")
    assert (holder.terms_version, holder.terms_accepted_from) == (TERMS_VERSION, "127.0.0.1")
    read = client.get("/api/v1/profile")
    assert {name: read.json()[name] for name in ADA} == ADA
    actions = Entry.objects.filter(actor=f"user:{person.pk}").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["cardholder.profile_made", "cardholder.terms_accepted"]
    assert "Lovelace" not in str(list(Entry.objects.values_list("details", flat=True)))


def test_what_is_left_out_stays_and_what_is_emptied_is_missing(client: Client) -> None:
    made = put(client, ADA)

    changed = put(client, {"phone": "+442071234567", "address": {"line2": None}}, if_match=made["ETag"])
    assert (changed.json()["phone"], changed.json()["address"]["line2"]) == ("+442071234567", "")
    assert changed.json()["first_name"] == "Ada"
    emptied = put(client, {"birth_date": None, "address": {"city": ""}}, if_match=changed["ETag"])

    assert emptied.json()["missing"] == ["birth_date", "address.city", "terms"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"first_name": "Ada\u202e"}, "first_name"),
        ({"first_name": "R2D2"}, "first_name"),
        ({"last_name": "L" * 41}, "last_name"),
        ({"last_name": "\u0007Lovelace"}, "last_name"),
        ({"birth_date": "2015-01-01"}, "birth_date"),
        ({"birth_date": "1800-01-01"}, "birth_date"),
        ({"birth_date": "10.12.1990"}, "birth_date"),
        ({"phone": "415 555 0100"}, "phone"),
        ({"phone": "+0123456789"}, "phone"),
        ({"phone": "+1415555010012345"}, "phone"),
        ({"address": {"country": "XX"}}, "address.country"),
        ({"address": {"country": "USA"}}, "address.country"),
        ({"address": {"country": "US", "state": "Bavaria"}}, "address.state"),
        ({"address": {"country": "US", "postal_code": "9410"}}, "address.postal_code"),
        ({"address": {"line1": "4242 4242 4242 4242"}}, "address.line1"),
        ({"address": {"city": "C" * 41}}, "address.city"),
        ({"address": "Main Street"}, "address"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"preference": "gold"}, "preference"),
        ({"preference": None}, "preference"),
        ({"first_name": ["Ada"]}, "first_name"),
    ],
)
def test_each_wrong_field_is_named_and_nothing_is_kept(client: Client, body: dict[str, Any], field: str) -> None:
    answer = put(client, body)

    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    found = answer.json()["errors"]
    for name in field.split("."):
        assert list(found) == [name] or name == field
        found = found[name]
    assert found
    assert not Cardholder.objects.exists()


def test_other_countries_have_their_own_states_and_codes(client: Client) -> None:
    address = {"line1": "Ohmstr. 3", "city": "München", "postal_code": "80802", "country": "de", "state": ""}

    answer = put(client, {**ADA, "address": address})

    assert answer.json()["missing"] == ["terms"]
    assert answer.json()["address"]["country"] == "DE"


def test_a_state_is_checked_against_the_country_that_was_known(client: Client) -> None:
    made = put(client, ADA)

    answer = put(client, {"address": {"state": "Bavaria"}}, if_match=made["ETag"])

    assert (answer.status_code, list(answer.json()["errors"]["address"])) == (400, ["state"])


def test_a_change_needs_the_version_that_was_read(client: Client) -> None:
    made = put(client, ADA)
    assert put(client, {"first_name": "Eve"}).status_code == 428
    assert put(client, {"first_name": "Eva"}, if_match=made["ETag"]).status_code == 200

    late = put(client, {"first_name": "Eve"}, if_match=made["ETag"])

    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    assert Cardholder.objects.get().legal_first_name == "Eva"


def test_terms_are_accepted_once_and_only_the_present_ones(client: Client) -> None:
    assert accept(client).json()["code"] == "profile_missing"
    put(client, ADA)
    old = accept(client, "1999-01")
    key = str(uuid.uuid4())
    first, again, later = accept(client, key=key), accept(client, key=key), accept(client)

    assert (old.status_code, old.json()["code"]) == (409, "terms_outdated")
    assert first.json() == again.json() == later.json()
    assert Entry.objects.filter(action="cardholder.terms_accepted").count() == 1
    assert accept(client, "").status_code == 400


@pytest.mark.parametrize("change", [{"last_name": "King"}, {"birth_date": "1991-12-10"}])
def test_a_verified_person_with_a_new_name_is_checked_again(change: dict[str, str]) -> None:
    holder = CardholderFactory(preference="rewards")
    client = logged_in(holder.user)

    answer = put(client, change, if_match=client.get("/api/v1/profile")["ETag"])

    assert answer.status_code == 200
    holder.refresh_from_db()
    assert (holder.kyc_status, holder.preference) == ("pending", "rewards")
    assert KycReview.objects.get().status == "pending"


def test_a_new_address_keeps_a_person_verified_but_nothing_is_taken_away() -> None:
    holder = CardholderFactory()
    client = logged_in(holder.user)
    tag = client.get("/api/v1/profile")["ETag"]

    moved = put(client, {"address": {"line1": "1 Main Street"}}, if_match=tag)
    emptied = put(client, {"phone": ""}, if_match=moved["ETag"])

    holder.refresh_from_db()
    assert (holder.kyc_status, holder.address_line1) == ("verified", "1 Main Street")
    assert (emptied.status_code, list(emptied.json()["errors"])) == (400, ["phone"])


@pytest.mark.django_db(transaction=True)
def test_of_first_puts_at_once_one_makes_the_wallet() -> None:
    person = UserFactory()
    clients = [logged_in(person) for _ in range(6)]

    answers = at_once(
        [partial(put, client, ADA | {"first_name": name}) for client, name in zip(clients, "ABCDEF", strict=True)]
    )

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {412, 428}
    made = next(answer for answer in answers if answer.status_code == 200)
    assert Cardholder.objects.get().legal_first_name == made.json()["first_name"]
    assert Entry.objects.filter(action="cardholder.profile_made").count() == 1


@pytest.mark.parametrize("path", ["profile", "kyc"])
def test_staff_and_strangers_are_refused(path: str) -> None:
    assert logged_in(superuser()).get(f"/api/v1/{path}").status_code == 403
    assert Client().get(f"/api/v1/{path}").status_code == 401
