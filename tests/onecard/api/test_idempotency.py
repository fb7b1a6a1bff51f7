"""A POST under one key has one effect: repeated, with another body, at once from many threads, after a crash."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from onecard.api.idempotency import LEASE, forget_old
from onecard.api.models import IdempotentRequest
from onecard.kit import clock
from onecard.users.models import User
from tests.onecard.api import door
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory
from tests.support.threads import at_once
from wallet.models import CardProduct

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.onecard.api.door")]


@pytest.fixture(autouse=True)
def _fresh_door() -> Iterator[None]:
    door.during.clear()
    door.asked.clear()
    yield
    door.during.clear()


@pytest.fixture
def user() -> User:
    return UserFactory()


def post(client: Client, key: str | None, body: Any = None, *, page: str = "products") -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    text = body if isinstance(body, str) else json.dumps(body or {"name": "gold"})
    return client.post(f"/api/v1/{page}", text, content_type="application/json", headers=headers)


def breaks() -> None:
    raise RuntimeError("The process ends here.")


def test_a_repeat_gets_the_first_answer_and_makes_nothing(user: User) -> None:
    client, key = logged_in(user), str(uuid.uuid4())

    first, second = post(client, key), post(client, key)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert CardProduct.objects.count() == 1


@pytest.mark.parametrize("page", ["products", "calls"])
def test_the_key_with_another_body_is_refused_and_does_nothing(user: User, page: str) -> None:
    client, key = logged_in(user), str(uuid.uuid4())
    post(client, key, page=page)

    answer = post(client, key, {"name": "silver"}, page=page)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert CardProduct.objects.count() + len(door.asked) == 1


def test_the_key_at_another_address_is_refused(user: User) -> None:
    client, key = logged_in(user), str(uuid.uuid4())
    post(client, key)

    assert post(client, key, page="calls").status_code == 422
    assert door.asked == []


@pytest.mark.parametrize("key", [None, "", "  ", "k" * 256, "a\x7fb"])
def test_without_a_usable_key_nothing_happens(user: User, key: str | None) -> None:
    answer = post(logged_in(user), key)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert not CardProduct.objects.exists()


def test_the_same_key_of_two_people_is_two_requests(user: User) -> None:
    key = str(uuid.uuid4())

    assert post(logged_in(user), key, {"name": "one"}).status_code == 201
    assert post(logged_in(UserFactory()), key, {"name": "two"}).status_code == 201
    assert CardProduct.objects.count() == 2


def test_a_refused_request_may_be_sent_again_corrected_under_a_new_key(user: User) -> None:
    client, key = logged_in(user), str(uuid.uuid4())

    refused = post(client, key, {"name": "not a slug"})

    assert refused.status_code == 400
    assert list(refused.json()["errors"]) == ["name"]
    assert post(client, key, {"name": "a-slug"}).status_code == 201


def test_a_fault_leaves_neither_effect_nor_key(user: User) -> None:
    client, key = logged_in(user), str(uuid.uuid4())
    client.raise_request_exception = False
    door.during.append(breaks)

    assert post(client, key).status_code == 500
    assert not CardProduct.objects.exists()
    door.during.clear()
    assert post(client, key).status_code == 201


def test_a_call_that_broke_off_goes_on_under_the_same_request_id(user: User) -> None:
    client, key = logged_in(user), str(uuid.uuid4())
    client.raise_request_exception = False
    door.during.append(breaks)
    assert post(client, key, page="calls").status_code == 500
    door.during.clear()

    assert post(client, key, page="calls").status_code == 201
    assert len(door.asked) == 2
    assert len(set(door.asked)) == 1


@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_running_the_second_is_told_to_wait(user: User) -> None:
    first, second, key = logged_in(user), logged_in(user), str(uuid.uuid4())
    seen: list[Any] = []
    door.during.append(lambda: seen.append(post(second, key, page="calls")))

    assert post(first, key, page="calls").status_code == 201

    assert (seen[0].status_code, seen[0].json()["code"]) == (409, "request_still_running")
    assert seen[0]["Retry-After"] == "1"
    assert len(door.asked) == 1


def test_a_dead_requests_lease_ends(user: User) -> None:
    client, key = logged_in(user), str(uuid.uuid4())
    post(client, key, page="calls")
    row = IdempotentRequest.objects.filter(key=key)
    row.update(status_code=None, answer=None, leased_until=clock.now() + LEASE)
    assert post(client, key, page="calls").status_code == 409
    row.update(leased_until=clock.now())

    assert post(client, key, page="calls").status_code == 201


def test_an_answer_stored_between_look_and_lease_is_given_again(user: User) -> None:
    client, key = logged_in(user), str(uuid.uuid4())
    answer = post(client, key, page="calls").json()
    row = IdempotentRequest.objects.filter(key=key)
    row.update(status_code=None, answer=None, leased_until=clock.now() + LEASE)
    finished: list[str] = []

    def finish_first(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "api_idempotentrequest"') and not finished:
            finished.append(sql)
            row.update(status_code=201, answer=answer, leased_until=None)
        return execute(sql, *rest)

    with connection.execute_wrapper(finish_first):
        repeat = post(client, key, page="calls")

    assert finished
    assert (repeat.status_code, repeat.json(), repeat["Idempotency-Replayed"]) == (201, answer, "true")
    assert len(door.asked) == 1


def test_a_request_that_lost_its_lease_does_not_free_the_next_ones(user: User) -> None:
    client, key = logged_in(user), str(uuid.uuid4())
    client.raise_request_exception = False
    taken = clock.now() + LEASE * 2
    door.during.append(lambda: IdempotentRequest.objects.filter(key=key).update(leased_until=taken))
    door.during.append(breaks)

    assert post(client, key, page="calls").status_code == 500

    assert IdempotentRequest.objects.get(key=key).leased_until == taken


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["products", "calls"])
def test_twenty_at_once_have_one_effect(user: User, page: str) -> None:
    key, clients = str(uuid.uuid4()), [logged_in(user) for _ in range(20)]

    answers = at_once([lambda client=client: post(client, key, page=page) for client in clients])  # type: ignore[misc]

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert any(answer.status_code == 201 for answer in answers)
    assert CardProduct.objects.count() + len(door.asked) == 1


def test_after_a_day_the_key_is_forgotten(user: User) -> None:
    client, key = logged_in(user), str(uuid.uuid4())
    post(client, key, {"name": "one"})

    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(hours=24, minutes=1), tick=True):
        assert forget_old() == 1
        assert post(logged_in(user), key, {"name": "two"}).status_code == 201
