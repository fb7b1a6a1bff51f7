"""The feed and its settings, as a person's app uses them."""

import uuid
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from onecard.notices import services
from onecard.notices.kinds import Kind
from onecard.notices.models import Choice, Notice
from onecard.users.models import User
from tests.support.back_office import logged_in, superuser
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
FEED, SETTINGS = "/api/v1/notifications", "/api/v1/notification-settings"


@pytest.fixture
def user() -> User:
    return UserFactory()


@pytest.fixture
def client(user: User) -> Client:
    return logged_in(user)


def noticed(user: User, *causes: str) -> None:
    for cause in causes:
        services.write(user_id=user.pk, kind=Kind.REFUND_ARRIVED, cause=cause, text="5.00 USD went back.")


def post(client: Client, path: str, key: str = "") -> Any:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return client.post(path, {}, content_type="application/json", headers=headers)


def listed(client: Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(FEED, query)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def change(client: Client, body: Any) -> Any:
    return client.patch(SETTINGS, body, content_type="application/json")


def test_a_person_sees_their_own_notices_the_newest_first(client: Client, user: User) -> None:
    noticed(user, "refund:1", "refund:2")
    noticed(UserFactory(), "refund:3")

    newest, oldest = listed(client)

    assert newest["title"] == "Refund sent to your card"
    assert newest["text"] == "5.00 USD went back."
    assert newest["read_at"] is None
    assert oldest["id"] == str(Notice.objects.get(cause="refund:1").public_id)


def test_what_was_read_leaves_the_unread_ones(client: Client, user: User) -> None:
    noticed(user, "refund:1", "refund:2", "refund:3")
    first = listed(client)[0]["id"]

    read = post(client, f"{FEED}/{first}/read")

    assert read.status_code == 200
    assert read.json()["read_at"]
    assert first not in [each["id"] for each in listed(client, unread="true")]
    assert [each["id"] for each in listed(client, unread="false")] == [first]
    assert post(client, f"{FEED}/read-all").json() == {"read": 2}
    assert listed(client, unread="true") == []
    assert len(listed(client)) == 3


def test_the_time_of_reading_stays_and_a_repeated_key_changes_nothing(client: Client, user: User) -> None:
    noticed(user, "refund:1")
    path, key = f"{FEED}/{listed(client)[0]['id']}/read", str(uuid.uuid4())
    first = post(client, path, key).json()

    assert post(client, path, key).json() == first
    assert post(client, path).json() == first


def test_a_foreign_notice_is_not_found(client: Client) -> None:
    other = UserFactory()
    noticed(other, "refund:1")
    foreign = Notice.objects.get()

    assert post(client, f"{FEED}/{foreign.public_id}/read").status_code == 404
    assert post(client, f"{FEED}/{uuid.uuid4()}/read").status_code == 404
    post(client, f"{FEED}/read-all")
    foreign.refresh_from_db()
    assert foreign.read_at is None


def test_staff_have_no_feed() -> None:
    staff = logged_in(superuser())
    assert staff.get(FEED).status_code == staff.get(SETTINGS).status_code == 403


def test_bad_filters_name_the_field(client: Client) -> None:
    answer = client.get(FEED, {"kind": "gossip"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["kind"]


def test_a_person_chooses_by_kind_and_the_trail_says_so(client: Client, user: User) -> None:
    answer = change(client, {"purchase_approved": "email", "refund_arrived": "off"})

    found = {each["kind"]: each["channel"] for each in answer.json()["results"]}
    assert (found["purchase_approved"], found["refund_arrived"], found["card_frozen"]) == ("email", "off", "email")
    assert client.get(SETTINGS).json() == answer.json()
    entry = Entry.objects.get(action="notices.chosen")
    assert entry.actor == f"user:{user.pk}"
    assert set(entry.details["changes"]) == {"purchase_approved", "refund_arrived"}


def test_security_mails_cannot_be_switched_off(client: Client) -> None:
    for kind in ("new_device", "login_changed", "unpaid", "card_frozen"):
        answer = change(client, {kind: "off", "purchase_approved": "email"})
        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == [kind]
    assert Choice.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"gossip": "email"}, "gossip"),
        ({"purchase_approved": "pigeon"}, "purchase_approved"),
        ({"purchase_approved": None}, "purchase_approved"),
        ({"purchase_approved": {"a": 1}}, "purchase_approved"),
        ([], None),
    ],
)
def test_bad_settings_name_the_field(client: Client, body: Any, field: str | None) -> None:
    answer = change(client, body)

    assert answer.status_code == 400
    assert field is None or list(answer.json()["errors"]) == [field]
    assert Choice.objects.count() == 0
