"""Seeing a number: who may, and why; asked over real HTTP, and left nowhere but on the one page."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Row
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from issuing.card_data import reveal
from issuing.card_data.vault import REVEALS_PER_WINDOW, ReasonError, TooManyRevealsError, store_card_data
from issuing.issuers import errors, registry
from issuing.issuers.base import NetworkError
from issuing.issuers.guard.breaker import close_breaker
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import VirtualCard
from issuing.operations import availability
from onecard.kit.transactions import TransactionError, transaction
from onecard.users.models import User
from tests.issuing.issuers.worlds import order_for, sandbox_for_issuers
from tests.sandbox.running import RunningSandbox
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory, VirtualCardFactory
from tests.support.second_step import let_code_age
from tests.support.threads import at_once

REASON = "The cardholder cannot log in"
PROVIDERS = ("stripe", "marqeta")
real_commits = pytest.mark.django_db(transaction=True)
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with sandbox_for_issuers() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: RunningSandbox) -> Iterator[RunningSandbox]:
    served.reset()
    registry.clear()
    for provider in PROVIDERS:
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


def clerk(*permissions: str) -> User:
    user = UserFactory(is_staff=True)
    Authenticator.of(user)
    names = permissions or ("view_virtualcard", "reveal_card_data")
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))
    return user


def issued(provider: str) -> VirtualCard:
    """A card that its issuer really made, and has a number for."""
    issuer = registry.issuer_for(provider)
    made = issuer.create_card(order_for(issuer), key="made-for-a-reveal")
    return VirtualCardFactory(
        issuer_provider=provider,
        issuer_card_id=made.issuer_card_id,
        last_four=made.last_four,
        expiry_month=made.expiry_month,
        expiry_year=made.expiry_year,
    )


def page_of(card: VirtualCard) -> str:
    return reverse("admin:issuing_virtualcard_reveal", args=[card.pk])


def post(client: Client, card: VirtualCard, reason: str = REASON) -> Any:
    return client.post(page_of(card), {"reason": reason})


def number_on(answer: Any) -> str:
    found = re.search(r'<dd class="oc-secret">([0-9 ]{12,})</dd>', answer.content.decode())
    return found[1].replace(" ", "") if found else ""


def outcomes() -> list[str]:
    return [entry.details["outcome"] for entry in Entry.objects.filter(action="card_data.reveal").order_by("pk")]


@real_commits
@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_number_is_on_one_page_and_nowhere_else(
    provider: str, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "django.db.backends")
    card, user = issued(provider), clerk()
    client = logged_in(user)
    connection.force_debug_cursor = True
    try:
        before = client.get(page_of(card))
        shown = post(client, card)
        after = [client.get(page) for page in (page_of(card), reverse("admin:index"))]
    finally:
        connection.force_debug_cursor = False

    number = number_on(shown)
    assert shown.status_code == 200
    assert len(number) == 16
    assert number.endswith(card.last_four)
    assert all("no-store" in each["Cache-Control"] for each in (shown, before))
    assert outcomes() == ["asked", "shown"]
    first, last = Entry.objects.filter(action="card_data.reveal").order_by("pk")
    assert last.details["answers"] == first.pk
    assert {entry.actor for entry in (first, last)} == {f"user:{user.pk}"}
    assert {entry.details["reason"] for entry in (first, last)} == {REASON}
    kept = [session.get_decoded() for session in Session.objects.all()]
    rows = [list(VirtualCard.objects.values()), list(Entry.objects.values()), kept]
    said = [caplog.text, json.dumps(rows, default=str), *(each.content.decode() for each in [before, *after])]
    spaced = " ".join(number[place : place + 4] for place in range(0, 16, 4))
    assert "SELECT" in caplog.text
    assert not [text for text in said if number in text or spaced in text]
    assert not [session for session in kept if "_messages" in session]


@real_commits
@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_issuer_that_is_down_gives_a_sentence_and_the_attempt_is_told(
    provider: str, sandbox: RunningSandbox, settings: Any
) -> None:
    card, user = issued(provider), clerk()
    settings.STRIPE_API_BASE, settings.MARQETA_BASE_URL = "http://127.0.0.1:9", "http://127.0.0.1:9/v3/"
    registry.clear()

    answer = post(logged_in(user), card)

    assert "could not be reached" in text_of(answer)
    assert not number_on(answer)
    assert outcomes() == ["asked", "failed"]


def test_with_an_old_code_a_post_shows_nothing_and_asks_nobody(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk()
    phone, client = Authenticator.of(user), logged_in(user)
    let_code_age(client)

    asked = post(client, card)
    refused = client.post(asked.url, {"code": phone.wrong_code()})

    assert asked.url.startswith(reverse("mfa_reauthenticate"))
    assert "not the present code" in text_of(refused)
    assert post(client, card).status_code == 302
    assert "get_card_data" not in mock.calls
    assert outcomes() == []


def test_a_code_that_was_used_once_opens_no_second_session(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk()
    phone, client, other = Authenticator.of(user), logged_in(user), logged_in(user)
    for each in (client, other):
        let_code_age(each)
    code, page = phone.code(), reverse("mfa_reauthenticate")

    client.post(page, {"code": code})
    again = other.post(page, {"code": code})

    assert "used before" in text_of(again)
    assert number_on(post(client, card))
    assert not number_on(post(other, card))
    assert mock.calls.count("get_card_data") == 1
    assert outcomes() == ["asked", "shown"]


def test_without_a_device_the_page_says_where_to_set_one_up(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk()
    Row.objects.all().delete()

    answer = post(logged_in(user), card)

    assert "Set up your second factor first" in text_of(answer)
    assert "get_card_data" not in mock.calls
    assert outcomes() == ["second_factor"]


@pytest.mark.parametrize("reason", ["", "short", "x" * 301, "number 4242 4242 4242 4242 here"])
def test_a_reason_that_is_none_shows_nothing(mock: MockIssuer, reason: str) -> None:
    card, user = issued("mock"), clerk()
    client = logged_in(user)

    assert not number_on(post(client, card, reason))
    with pytest.raises(ReasonError):
        reveal.reveal_to_staff(card=card, user=user, reason=reason)
    assert outcomes() == []
    assert "get_card_data" not in mock.calls

    assert number_on(post(client, card))


@pytest.mark.parametrize(
    "permissions", [("view_virtualcard",), ("reveal_card_data",), ("view_virtualcard", "change_virtualcard")]
)
def test_who_lacks_a_permission_gets_no_page_and_no_button(mock: MockIssuer, permissions: tuple[str, ...]) -> None:
    card, user = issued("mock"), clerk(*permissions)
    client = logged_in(user)

    assert client.get(page_of(card)).status_code == 403
    assert post(client, card).status_code == 403
    assert page_of(card) not in client.get(reverse("admin:issuing_virtualcard_change", args=[card.pk])).content.decode()
    assert "get_card_data" not in mock.calls


def test_the_domain_checks_the_permission_itself(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk("view_virtualcard")
    inactive = clerk()
    User.objects.filter(pk=inactive.pk).update(is_active=False)

    for person in (user, User.objects.get(pk=inactive.pk)):
        with pytest.raises(reveal.NotAllowedError):
            reveal.reveal_to_staff(card=card, user=person, reason=REASON)
    assert mock.calls.count("get_card_data") == 0


def test_who_may_has_a_button(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk()

    shown = logged_in(user).get(reverse("admin:issuing_virtualcard_change", args=[card.pk])).content.decode()

    assert page_of(card) in shown
    assert "Reveal the number" in shown


def test_one_code_shows_no_more_than_an_hour_allows(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk()
    client = logged_in(user)
    for _ in range(REVEALS_PER_WINDOW):
        assert number_on(post(client, card))

    answer = post(client, card)

    assert "within an hour" in text_of(answer)
    assert outcomes() == ["asked", "shown"] * REVEALS_PER_WINDOW + ["refused"]
    assert mock.calls.count("get_card_data") == REVEALS_PER_WINDOW


@real_commits
def test_racing_looks_do_not_exceed_the_limit_and_each_counts_once(mock: MockIssuer) -> None:
    card = issued("mock")

    def look() -> float:
        """0 for a grant, else the seconds to wait."""
        try:
            reveal.grant_to_cardholder(public_id=card.public_id, user=card.cardholder.user)
        except TooManyRevealsError as error:
            return error.retry_after_s
        return 0

    waits = at_once([look] * 16)
    assert waits.count(0) == REVEALS_PER_WINDOW
    assert all(0 < wait <= 3600 for wait in waits if wait)
    assert mock.calls.count("reveal") == REVEALS_PER_WINDOW
    assert outcomes().count("refused") == 16 - REVEALS_PER_WINDOW


def test_the_entry_stands_before_the_issuer_is_asked(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk()
    seen: list[str] = []

    class Watched(MockIssuer):
        def get_card_data(self, issuer_card_id: str) -> Any:
            seen.extend(outcomes())
            return mock.get_card_data(issuer_card_id)

    registry.install(Watched(), provider="mock")
    reveal.reveal_to_staff(card=card, user=user, reason=REASON)

    assert seen == ["asked"]


def test_nothing_is_shown_when_the_trail_cannot_be_written(mock: MockIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    card, user = issued("mock"), clerk()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("audit.trail.record", full)
    with pytest.raises(OSError, match="full"):
        reveal.reveal_to_staff(card=card, user=user, reason=REASON)
    assert "get_card_data" not in mock.calls


@real_commits
def test_a_callers_transaction_is_refused(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk()

    with pytest.raises(TransactionError), transaction():
        reveal.reveal_to_staff(card=card, user=user, reason=REASON)
    assert outcomes() == []


def test_what_is_stored_is_read_here_and_the_issuer_is_not_asked(mock: MockIssuer, settings: Any) -> None:
    settings.STORE_CARD_DATA, settings.CARD_DATA_KEYS = True, (b"k" * 31 + b"1",)
    user = clerk()
    card = VirtualCardFactory(issuer_provider="mock", last_four="4242")
    store_card_data(card, number="4242424242424242", cvv="737")

    answer = post(logged_in(user), card)

    assert number_on(answer) == "4242424242424242"
    assert "737" in text_of(answer)
    assert mock.calls == []
    assert outcomes() == ["shown"]


def test_read_only_mode_does_not_stop_looking(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk()
    availability.enter_read_only(provider="mock", reason="Maintenance", actor="user:1")

    assert number_on(post(logged_in(user), card))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"issuer_card_id": "", "status": "pending"}, "has not made this card yet"),
        ({"issuer_card_id": "nobody"}, "does not know this card"),
    ],
)
def test_a_card_without_a_number_says_so(mock: MockIssuer, changes: dict[str, str], sentence: str) -> None:
    card, user = VirtualCardFactory(issuer_provider="mock", **changes), clerk()

    answer = post(logged_in(user), card)

    assert sentence in text_of(answer)


def test_an_issuer_that_is_not_set_up_here_is_a_sentence(settings: Any) -> None:
    registry.clear()
    card, user = VirtualCardFactory(issuer_provider="mock"), clerk()

    answer = post(logged_in(user), card)

    assert "not set up here" in text_of(answer)
    assert outcomes() == []


def test_an_unknown_card_is_no_page() -> None:
    for key in ("999999", "x"):
        assert logged_in().get(reverse("admin:issuing_virtualcard_reveal", args=[key])).status_code == 404


def test_a_failure_after_the_answer_counts_and_shows_nothing(mock: MockIssuer) -> None:
    card, user = issued("mock"), clerk()
    mock.fail(Failure("get_card_data", errors.no_answer))

    with pytest.raises(NetworkError):
        reveal.reveal_to_staff(card=card, user=user, reason=REASON)
    assert outcomes() == ["asked", "failed"]
