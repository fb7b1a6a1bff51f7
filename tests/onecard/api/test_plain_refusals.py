"""What refuses a request before any view of the API is asked says so in the API's own form."""

import json
from typing import Any

import pytest
from django.test import Client

from tests.onecard.api import door
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.onecard.api.door")]
KEYED = {"Idempotency-Key": "k1", "X-Request-Id": "phone-12345678"}


def assert_problem(answer: Any, status: int, code: str) -> None:
    said = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert (said["status"], said["code"], said["request_id"]) == (status, code, answer["X-Request-Id"])
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/v1/products?x=%00", "/api/v1/%00", "/api/v1/auth/app/v1/auth/session?x=%00"])
def test_an_address_with_a_nul_is_a_problem(path: str) -> None:
    answer = Client().get(path)

    assert_problem(answer, 400, "parse_error")
    assert "NUL" in answer.json()["detail"]


@pytest.mark.parametrize("page", ["products", "calls", "auth/app/v1/auth/login"])
def test_a_body_that_is_too_large_is_a_problem(page: str) -> None:
    body = json.dumps({"name": "x" * 3_000_000})

    answer = logged_in(UserFactory()).post(
        f"/api/v1/{page}", body, content_type="application/json", headers=KEYED | {"Idempotency-Key": "k2"}
    )

    assert_problem(answer, 400, "parse_error")


def test_a_change_over_plain_http_is_a_problem(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True

    answer = Client().post("/api/v1/products", headers=KEYED)

    assert_problem(answer, 403, "permission_denied")
    assert "HTTPS" in answer.json()["detail"]


def test_a_fault_of_ours_is_a_problem_that_tells_nothing_of_it() -> None:
    def breaks() -> None:
        raise RuntimeError("a secret of ours")

    door.during[:] = [breaks]
    client = logged_in(UserFactory())
    client.raise_request_exception = False

    answer = client.post("/api/v1/products", {"name": "x"}, content_type="application/json", headers=KEYED)

    door.during.clear()
    assert_problem(answer, 500, "server_error")
    assert answer["X-Request-Id"] == "phone-12345678"
    assert b"secret" not in answer.content


def test_what_is_not_of_the_api_keeps_its_page() -> None:
    assert Client().get("/admin/?x=%00")["Content-Type"].startswith("text/plain")
