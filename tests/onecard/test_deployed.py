"""A production system as it is deployed: nothing to warn of, and nothing of it over plain HTTP."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from issuing.models import IssuerEvent
from tests.support import stripe_events
from tests.support.starts import PRODUCTION, start

pytestmark = pytest.mark.only_in_proofs

OVER_TLS: dict[str, Any] = {"HTTP_X_FORWARDED_PROTO": "https"}
HOST: dict[str, Any] = {"HTTP_HOST": "cards.example.com"}


def test_check_deploy_has_nothing_to_say_of_a_production_environment() -> None:
    checked = start("check", "--deploy", "--fail-level", "WARNING", base=PRODUCTION)
    assert checked.returncode == 0, checked.stderr
    assert "System check identified no issues" in checked.stdout


@pytest.mark.some_in_suite(3)
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DATABASE_URL": "postgres://u:Pq8rT2vX5z@db.internal/x"}, "onecard.W001"),
        ({"DATABASE_URL": "postgres://u:Pq8rT2vX5z@db.internal/x?sslmode=prefer"}, "onecard.W001"),
        ({"REDIS_URL": "redis://redis.internal:6379/0"}, "onecard.W002"),
        ({"CELERY_BROKER_URL": "rediss://redis.internal:6379/0"}, "onecard.W002"),
        ({"REDIS_URL": "redis://:Hn4jK7mP1s@redis.internal:6379/0"}, "onecard.W003"),
        ({"STRIPE_API_KEY": "sk_test_x"}, "onecard.W005"),
        ({"EMAIL_URL": "smtp://mail:Ws6xE9cR3v@mail.internal:25"}, "onecard.W006"),
        ({"SERVER_EMAIL": ""}, "onecard.W007"),
        ({"STAND_IN_DIR": ""}, "onecard.W008"),
        ({"STRIPE_API_KEY": "sk_test_x", "MARQETA_BASE_URL": "https://sandbox-api.marqeta.com/v3/"}, "onecard.W004"),
        ({"SECRET_KEY": PRODUCTION["SECRET_KEY"][:40]}, "security.W009"),
    ],
)
def test_check_deploy_warns_of_what_is_not_fit_to_stay(changes: dict[str, str], code: str) -> None:
    checked = start("check", "--deploy", "--fail-level", "WARNING", base=PRODUCTION, **changes)
    assert checked.returncode == 1
    assert code in checked.stderr


def test_a_server_of_loopback_names_only_is_not_redirected() -> None:
    assert Client().get("/health/live").status_code == 200
    assert Client().get("/admin/sign-in/").status_code == 200


@pytest.fixture
def _public(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["cards.example.com", "127.0.0.1"]


@pytest.mark.usefixtures("_public")
@pytest.mark.django_db
def test_pages_over_plain_http_are_redirected_and_over_tls_are_not() -> None:
    for page in ("/admin/", "/admin/sign-in/", "/api/v1/cards/"):
        answer = Client().get(page, **HOST)
        assert (answer.status_code, answer.headers["Location"]) == (301, f"https://cards.example.com{page}")
    answer = Client().get("/admin/sign-in/", **HOST, **OVER_TLS)
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000; includeSubDomains")


@pytest.mark.usefixtures("_public")
@pytest.mark.django_db
@pytest.mark.parametrize("name", ["stripe-webhook", "stripe-issuing-webhook", "marqeta-webhook", "marqeta-gateway"])
def test_a_delivery_over_plain_http_is_refused_and_never_redirected(name: str) -> None:
    answer = Client().post(reverse(name), b"{}", content_type="application/json", **HOST)
    assert answer.status_code == 403
    assert "HTTPS" in answer.json()["error"]
    answer = Client().post(reverse(name), b"{}", content_type="application/json", **HOST, **OVER_TLS)
    # Judged by its signature or its password.
    assert answer.status_code in (400, 401)
    assert "HTTPS" not in answer.content.decode()


@pytest.mark.usefixtures("_public")
@pytest.mark.django_db
def test_a_genuine_delivery_over_plain_http_leaves_nothing_behind(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["cards.example.com", "testserver"]
    assert stripe_events.post(stripe_events.authorization_request(card="ic_1")).status_code == 403
    assert IssuerEvent.objects.count() == 0


@pytest.mark.usefixtures("_public")
@pytest.mark.django_db
def test_health_and_metrics_answer_this_machine_without_tls() -> None:
    for page in ("/health/live", "/health/ready", "/metrics"):
        assert Client().get(page, HTTP_HOST="127.0.0.1").status_code == 200
    # A path that only begins so is no exception.
    assert Client().get("/health/live/x", HTTP_HOST="127.0.0.1").status_code == 301


@pytest.mark.usefixtures("_public")
@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_form_over_plain_http_is_refused(method: str) -> None:
    answer = getattr(Client(), method)("/admin/sign-in/", **HOST)
    assert answer.status_code == 403
