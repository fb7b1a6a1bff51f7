"""What every view of the API shares: problems with their fields, ids of requests, versions, limits, and no cache."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from onecard.api import throttles
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.onecard.api.door")]
PAGE = "/api/v1/products"


@pytest.fixture
def client() -> Client:
    cache.clear()
    return logged_in(UserFactory())


def test_a_wrong_field_is_named_with_a_sentence(client: Client) -> None:
    price = {"amount_minor": 1.5, "currency": "usd"}
    answer = client.post(
        PAGE, {"name": "a b", "price": price}, content_type="application/json", headers={"Idempotency-Key": "k1"}
    )

    problem = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert (problem["status"], problem["code"]) == (400, "invalid_request")
    assert set(problem["errors"]) == {"name", "price"}
    assert set(problem["errors"]["price"]) == {"amount_minor", "currency"}
    assert problem["type"].endswith("#invalid_request")


def test_the_callers_own_request_id_comes_back(client: Client) -> None:
    answer = client.get(PAGE, headers={"X-Request-Id": "phone-12345678"})

    assert answer["X-Request-Id"] == answer.json()["request_id"] == "phone-12345678"


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "short",
        "with space in it",
        "x" * 81,
        "line\tend-12345",
        "15551234567",
        "card-4242424242424242",
        "a@b.example",
    ],
)
def test_an_odd_request_id_is_replaced(client: Client, sent: str) -> None:
    answer = client.get(PAGE, headers={"X-Request-Id": sent})

    assert len(answer["X-Request-Id"]) == 32


def test_an_unknown_address_is_a_problem_too(client: Client) -> None:
    answer = client.get("/api/v1/nothing-here")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("sent", "status"), [(None, 428), ('"6"', 412), ('"7"', 200), ('W/"7"', 200), ('"6", "7"', 200)]
)
def test_a_change_names_the_version_that_was_read(client: Client, sent: str | None, status: int) -> None:
    headers: dict[str, str] = {} if sent is None else {"If-Match": sent}

    answer = client.put(PAGE, {}, content_type="application/json", headers=headers)

    assert answer.status_code == status
    assert answer.get("ETag") == ('"8"' if status == 200 else None)


def test_nobody_is_told_to_log_in_and_staff_to_use_the_back_office(client: Client) -> None:
    assert Client().post(PAGE).status_code == 401
    answer = logged_in(UserFactory(is_staff=True)).post(PAGE)
    assert answer.status_code == 403
    assert "back office" in answer.json()["detail"]


def test_too_many_requests_are_told_when_to_come_back(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(throttles.LIMITS, "write", (3, 3600))

    answers: list[Any] = [client.put(PAGE, {}, content_type="application/json") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [428, 428, 428, 429]
    assert 0 < int(answers[3]["Retry-After"]) <= 3600
    assert client.get(PAGE).status_code == 405
    assert logged_in(UserFactory()).put(PAGE, {}, content_type="application/json").status_code == 428


def test_each_answer_stays_out_of_caches(client: Client) -> None:
    assert client.put(PAGE, {}, content_type="application/json")["Cache-Control"] == "no-store"
