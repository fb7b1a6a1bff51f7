"""A person's webhook endpoints, as an integrator handles them through the API."""

import uuid
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from onecard.api.models import IdempotentRequest
from onecard.integrations.models import Delivery, Endpoint
from onecard.users.models import User
from tests.onecard.api.webhooks.conftest import Post
from tests.support.back_office import logged_in, superuser
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
PATH = "/api/v1/webhook-endpoints"
NEW = {"url": "https://hooks.example.com/onecard", "description": "Books", "events": ["refund.sent", "card.frozen"]}


def made(post: Post, **changes: Any) -> dict[str, Any]:
    answer = post(PATH, NEW | changes)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def patch(client: Client, path: str, body: Any, etag: str = "") -> Any:
    headers = {"If-Match": etag or client.get(path).headers["ETag"]}
    return client.patch(path, body, content_type="application/json", headers=headers)


def test_an_endpoint_is_made_and_its_secret_shown_once(client: Client, post: Post, user: User) -> None:
    first = made(post)

    assert first["secret"].startswith("whsec_")
    assert first["events"] == ["card.frozen", "refund.sent"]
    shown = {name: value for name, value in first.items() if name != "secret"}
    assert client.get(PATH).json()["results"] == [shown]
    assert client.get(f"{PATH}/{first['id']}").json() == shown
    assert Entry.objects.get(action="webhook_endpoint.added").actor == f"user:{user.pk}"


def test_what_is_left_out_is_every_event_and_no_description(post: Post) -> None:
    answer = post(PATH, {"url": NEW["url"]}).json()
    assert (answer["events"], answer["description"], answer["enabled"]) == (["*"], "", True)


def test_a_repeat_makes_no_second_one_and_still_tells_the_secret(post: Post) -> None:
    key = str(uuid.uuid4())
    first, again = post(PATH, NEW, key), post(PATH, NEW, key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert post(PATH, NEW | {"description": "Other"}, key).status_code == 422
    assert Endpoint.objects.count() == 1


def test_the_secret_is_not_in_the_kept_answer(post: Post) -> None:
    secret = made(post)["secret"]
    assert secret not in repr(list(IdempotentRequest.objects.values()))


def test_five_endpoints_are_the_most(post: Post) -> None:
    for _ in range(5):
        made(post)
    answer = post(PATH, NEW)
    assert answer.status_code == 409
    assert answer.json()["code"] == "too_many_webhook_endpoints"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "url"),
        ({"url": "https://hooks.example.com:22/"}, "url"),
        ({"url": "https://hooks.example.com/4242424242424242"}, "url"),
        ({"url": ""}, "url"),
        ({"url": None}, "url"),
        ({"url": "https://hooks.example.com/" + "a" * 500}, "url"),
        ({"url": "https://hooks.example.com/\u0000"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["gossip"]}, "events"),
        ({"events": ["webhook_endpoint.test"]}, "events"),
        ({"events": "refund.sent"}, "events"),
        ({"description": "a" * 201}, "description"),
        ({"description": {"a": 1}}, "description"),
    ],
)
def test_bad_input_names_its_field(post: Post, client: Client, changes: Any, field: str) -> None:
    answer = post(PATH, NEW | changes)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]

    path = f"{PATH}/{made(post)['id']}"
    answer = patch(client, path, changes)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_an_endpoint_is_changed_with_its_version(client: Client, post: Post) -> None:
    path = f"{PATH}/{made(post)['id']}"
    etag = client.get(path).headers["ETag"]

    answer = patch(client, path, {"events": ["*", "card.frozen"], "enabled": False}, etag)

    assert answer.status_code == 200
    assert (answer.json()["events"], answer.json()["enabled"], answer.json()["disabled_by"]) == (["*"], False, "holder")
    assert answer.json()["url"] == NEW["url"]
    assert patch(client, path, {"enabled": True}, etag).status_code == 412
    assert client.patch(path, {}, content_type="application/json").status_code == 428
    assert patch(client, path, {"enabled": True}, answer.headers["ETag"]).json()["disabled_by"] is None


def test_what_staff_switched_off_stays_off(client: Client, post: Post) -> None:
    path = f"{PATH}/{made(post)['id']}"
    Endpoint.objects.update(off_by="staff")

    answer = patch(client, path, {"enabled": True})

    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_endpoint_stopped")
    assert client.get(path).json()["disabled_by"] == "staff"


def test_a_deleted_endpoint_is_gone(client: Client, post: Post) -> None:
    path = f"{PATH}/{made(post)['id']}"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == client.delete(path).status_code == 404
    assert client.get(PATH).json()["results"] == []


def test_another_secret_is_shown_once_and_a_repeat_changes_nothing(client: Client, post: Post) -> None:
    first = made(post)
    path, key = f"{PATH}/{first['id']}", str(uuid.uuid4())

    second, again = (post(f"{path}/rotate-secret", key=key) for _ in range(2))

    assert second.json() == again.json()
    assert second.json()["secret"] != first["secret"]
    assert second.json()["old_secret_until"]
    assert "secret" not in client.get(path).json()


def test_a_test_makes_one_delivery_and_few_a_minute(client: Client, post: Post) -> None:
    path = f"{PATH}/{made(post)['id']}"
    key = str(uuid.uuid4())
    answers = [post(f"{path}/test", key=key) for _ in range(2)]

    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["type"], answers[0].json()["status"]) == ("webhook_endpoint.test", "waiting")
    assert Delivery.objects.count() == 1
    assert 429 in [post(f"{path}/test").status_code for _ in range(13)]


def test_a_test_of_an_endpoint_that_is_off_is_refused(client: Client, post: Post) -> None:
    path = f"{PATH}/{made(post)['id']}"
    patch(client, path, {"enabled": False})
    answer = post(f"{path}/test")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_endpoint_off")


def test_what_is_another_persons_is_not_found(post: Post) -> None:
    path, other = f"{PATH}/{made(post)['id']}", logged_in(UserFactory())
    made(post)

    assert other.get(PATH).json()["results"] == []
    assert other.get(path).status_code == other.get(f"{path}/deliveries").status_code == 404
    assert other.delete(path).status_code == 404
    for act in ("rotate-secret", "test"):
        assert post(f"{path}/{act}", by=other).status_code == 404
    assert patch(other, path, {"enabled": False}, '"1"').status_code == 404
    assert Endpoint.objects.filter(off_by="", rotation_id=None, deleted_at=None).count() == 2


def test_staff_have_no_endpoints_and_nobody_else_gets_in(post: Post) -> None:
    staff, nobody = logged_in(superuser()), Client()
    assert staff.get(PATH).status_code == post(PATH, NEW, by=staff).status_code == 403
    assert nobody.get(PATH).status_code == post(PATH, NEW, by=nobody).status_code == 401
