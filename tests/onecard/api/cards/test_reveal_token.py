"""The cardholder's own device gets a secret for the own card: from both issuers, audited, limited, never a 500."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from audit.models import Entry
from issuing.card_data.vault import REVEALS_PER_WINDOW
from issuing.issuers import errors, registry
from issuing.issuers.guard.breaker import close_breaker
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import VirtualCard
from issuing.operations import availability
from onecard.users.models import User
from tests.issuing.issuers.worlds import order_for, sandbox_for_issuers
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory, VirtualCardFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with sandbox_for_issuers() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: RunningSandbox) -> Iterator[RunningSandbox]:
    served.reset()
    registry.clear()
    for provider in ("stripe", "marqeta"):
        close_breaker(provider)
    yield served
    registry.clear()


@pytest.fixture
def mock() -> Iterator[MockIssuer]:
    issuer = MockIssuer()
    registry.clear()
    registry.install(issuer)
    yield issuer
    registry.clear()


def issued(provider: str = "mock", **more: Any) -> VirtualCard:
    issuer = registry.issuer_for(provider)
    made = issuer.create_card(order_for(issuer), key=str(uuid.uuid4()))
    return VirtualCardFactory(issuer_provider=provider, issuer_card_id=made.issuer_card_id, **more)


def ask(card: VirtualCard, body: Any = None, *, user: User | None = None, client: Client | None = None) -> Any:
    client = client or logged_in(user or card.cardholder.user)
    return client.post(
        f"/api/v1/cards/{card.public_id}/reveal-token",
        body if isinstance(body, bytes) else json.dumps(body if body is not None else {"nonce": "n_1"}),
        content_type="application/json",
    )


def without_id(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "request_id"}


def outcomes() -> list[str]:
    return [entry.details["outcome"] for entry in Entry.objects.filter(action="card_data.reveal").order_by("pk")]


@pytest.mark.parametrize("provider", ["stripe", "marqeta"])
def test_the_own_card_gives_a_secret(provider: str, sandbox: RunningSandbox) -> None:
    card = issued(provider)

    answer = ask(card)

    assert answer.status_code == 200
    assert set(answer.json()) == {"kind", "secret", "expires_in_s"}
    assert answer.json()["secret"]
    assert answer.json()["expires_in_s"] > 0
    assert answer["Cache-Control"] == "no-store"
    assert outcomes() == ["asked", "granted"]
    assert {entry.actor for entry in Entry.objects.all()} == {f"user:{card.cardholder.user_id}"}
    assert answer.json()["secret"] not in str(list(Entry.objects.values()))


def test_anybody_elses_card_is_not_there(mock: MockIssuer) -> None:
    card = issued()
    boss = UserFactory(is_staff=True, is_superuser=True)

    for user in (UserFactory(), issued().cardholder.user):
        answer = ask(card, user=user)
        assert (answer.status_code, answer.json()["code"]) == (404, "card_not_found")
    unknown = VirtualCardFactory.build(public_id=uuid.uuid4())
    assert without_id(ask(unknown, user=user)) == without_id(answer)
    assert ask(card, user=boss).status_code == 403
    assert "reveal" not in mock.calls
    assert outcomes() == []


@pytest.mark.parametrize("power", ["is_staff", "is_superuser"])
def test_staff_get_no_secret_even_if_a_row_says_that_the_card_is_theirs(mock: MockIssuer, power: str) -> None:
    """The database refuses such a row; the door does not rely on it."""
    card = issued()
    owner = card.cardholder.user
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE users_user DISABLE TRIGGER users_staff_has_no_wallet")
        User.objects.filter(pk=owner.pk).update(**{power: True})
        cursor.execute("ALTER TABLE users_user ENABLE TRIGGER users_staff_has_no_wallet")

    answer = ask(card, user=User.objects.get(pk=owner.pk))

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert "reveal" not in mock.calls
    assert outcomes() == []


def test_strangers_and_forged_requests_are_refused(mock: MockIssuer) -> None:
    card = issued()
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(card.cardholder.user)

    for answer, status in ((ask(card, client=Client()), 401), (ask(card, client=forged), 403)):
        assert answer.status_code == status
        assert answer.json()["detail"]
    assert "reveal" not in mock.calls


@pytest.mark.parametrize(
    ("status", "expected"), [("active", 200), ("frozen", 200), ("pending", 200), ("suspended", 200), ("closed", 409)]
)
def test_a_closed_card_gives_nothing(mock: MockIssuer, status: str, expected: int) -> None:
    assert ask(issued(status=status)).status_code == expected


def test_a_card_that_is_not_made_yet_gives_nothing(mock: MockIssuer) -> None:
    card = VirtualCardFactory(issuer_provider="mock", issuer_card_id="", status="pending")

    answer = ask(card)

    assert (answer.status_code, answer.json()["code"]) == (409, "card_not_revealable")


def test_ten_an_hour_then_come_back_later(mock: MockIssuer) -> None:
    card = issued()
    assert {ask(card).status_code for _ in range(REVEALS_PER_WINDOW)} == {200}

    answer = ask(card)

    assert (answer.status_code, answer.json()["code"]) == (429, "card_data_too_many_reveals")
    assert 3500 < int(answer["Retry-After"]) <= 3600
    assert mock.calls.count("reveal") == REVEALS_PER_WINDOW


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"[]",
        b'"nonce"',
        b"[" * 100_000,
        {"nonce": 5},
        {"nonce": None},
        {"nonce": "with space"},
        {"nonce": "\x00"},
        {"nonce": "\ud800"},
        {"nonce": "n" * 501},
        {"nonce": ["n"]},
    ],
)
def test_odd_bodies_are_a_sentence(mock: MockIssuer, body: Any) -> None:
    answer = ask(issued(), body)

    assert answer.status_code in (400, 422)
    assert answer.json()["code"]
    assert answer.json()["detail"]
    assert "reveal" not in mock.calls


def test_stripe_needs_a_nonce_and_the_others_do_not(mock: MockIssuer) -> None:
    assert {ask(issued(), body).status_code for body in ({}, b"")} == {200}

    answer = ask(VirtualCardFactory(issuer_provider="stripe"), {})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_nonce")


def test_other_methods_and_types_are_refused_in_the_same_shape(mock: MockIssuer) -> None:
    card = issued()
    client = logged_in(card.cardholder.user)
    page = f"/api/v1/cards/{card.public_id}/reveal-token"

    for answer, status in ((client.get(page), 405), (client.post(page, {"nonce": "n"}), 415)):
        assert answer.status_code == status
        assert set(answer.json()) == {"type", "title", "status", "code", "detail", "request_id"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.no_answer, 503, "issuer_unreachable"),
        (errors.not_let_in, 503, "issuer_authentication"),
        (lambda: errors.too_fast("7"), 503, "issuer_rate_limited"),
        (errors.refused, 409, "issuer_refused"),
    ],
)
def test_an_issuer_that_fails_is_a_sentence(mock: MockIssuer, error: Any, status: int, code: str) -> None:
    card = issued()
    mock.fail(Failure("reveal", error))

    answer = ask(card)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.get("Retry-After") == ("7" if code == "issuer_rate_limited" else None)
    assert outcomes() == ["asked", "failed"]


def test_read_only_mode_does_not_stop_it(mock: MockIssuer) -> None:
    availability.enter_read_only(provider="mock", reason="Maintenance", actor="user:1")

    assert ask(issued()).status_code == 200
