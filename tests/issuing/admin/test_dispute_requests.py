"""Staff review what cardholders dispute: they read it, submit it after a second look, or refuse it with a reason."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from issuing.issuers import errors, registry
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import CardTransaction, DisputeRequest
from tests.issuing.disputes.captured import WORDS, asked, capture_of, captured_purchase
from tests.support.back_office import logged_in, opened, sentences, text_of
from tests.support.factories import UserFactory
from wallet.models import Case

pytestmark = pytest.mark.django_db


@pytest.fixture
def mock() -> Iterator[MockIssuer]:
    issuer = MockIssuer()
    registry.install(issuer)
    yield issuer
    registry.clear()


@pytest.fixture
def row() -> DisputeRequest:
    return asked(captured_purchase(provider="mock"))


def page(row: DisputeRequest, act: str) -> str:
    name = "change" if act == "change" else f"{act}_request"
    return reverse(f"admin:issuing_disputerequest_{name}", args=[row.pk])


def staff(*names: str) -> Client:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return logged_in(user)


def test_it_is_read_and_submitted_after_a_second_look(row: DisputeRequest, mock: MockIssuer) -> None:
    client = staff("view_disputerequest", "change_disputerequest")
    assert WORDS in text_of(client.get(page(row, "change")))
    asks = client.get(page(row, "submit"))
    assert WORDS in text_of(asks)
    assert opened(client, page(row, "submit"))["reason"] == "not_received"

    answer = client.post(page(row, "submit"), {"amount": "40.00", "reason": "other"}, follow=True)

    assert "The issuer has it" in sentences(answer)
    row.refresh_from_db()
    assert (row.status, row.amount_minor, row.reason) == ("submitted", 4000, "other")
    assert [each.amount.minor for each in mock.disputes.values()] == [4000]
    entry = Entry.objects.get(action="dispute_request.accepted")
    assert (entry.actor.startswith("user:"), entry.details["amount_minor"]) == (True, 4000)
    assert not Case.objects.filter(kind="dispute_requested", status="open").exists()
    assert "Submit to the issuer" not in text_of(client.get(page(row, "change")))


@pytest.mark.parametrize("amount", ["45.01", "0", "-1", "10.01"])
def test_more_than_asked_or_left_is_not_submitted(row: DisputeRequest, mock: MockIssuer, amount: str) -> None:
    if amount == "10.01":
        capture_of(row.authorization, capture_id="back", minor=3500, transaction_type="refund")
    answer = staff("view_disputerequest", "change_disputerequest").post(
        page(row, "submit"), {"amount": amount, "reason": "other"}
    )

    assert "at most the" in sentences(answer)
    assert (DisputeRequest.objects.get().status, mock.calls) == ("requested", [])


def test_an_issuer_that_does_not_answer_is_asked_later(row: DisputeRequest, mock: MockIssuer) -> None:
    mock.fail(Failure("open_dispute", errors.no_answer))
    client = staff("view_disputerequest", "change_disputerequest")

    answer = client.post(page(row, "submit"), {"amount": "45", "reason": "other"}, follow=True)

    assert "has not answered yet" in sentences(answer)
    assert DisputeRequest.objects.get().status == "accepted"


def test_it_is_refused_with_a_reason_that_the_person_reads(row: DisputeRequest) -> None:
    client = staff("view_disputerequest", "change_disputerequest")
    assert client.post(page(row, "refuse"), {"reason": " "}).status_code == 200
    client.post(page(row, "refuse"), {"reason": "The shop refunded it on Monday."})

    read = logged_in(row.cardholder.user).get(f"/api/v1/disputes/{row.public_id}").json()

    assert (read["status"], read["sentence"]) == ("refused", "The shop refunded it on Monday.")
    assert not Case.objects.filter(status="open").exists()
    again = client.post(page(row, "submit"), {"amount": "45", "reason": "other"})
    assert "cannot be changed here any more" in sentences(again)


def test_who_may_only_look_changes_nothing(row: DisputeRequest) -> None:
    for client in (staff("view_disputerequest"), staff("change_dispute"), logged_in(row.cardholder.user)):
        for act in ("submit", "refuse"):
            assert client.post(page(row, act), {"reason": "other", "amount": "45"}).status_code in (302, 403, 404)
    assert DisputeRequest.objects.get().status == "requested"


def test_a_capture_that_is_of_another_purchase_by_now_is_not_submitted(row: DisputeRequest, mock: MockIssuer) -> None:
    CardTransaction.objects.update(authorization=None)
    client = staff("view_disputerequest", "change_disputerequest")
    assert client.get(page(row, "submit")).status_code == 200

    answer = client.post(page(row, "submit"), {"amount": "45", "reason": "other"})

    assert "another purchase" in sentences(answer)
    assert (DisputeRequest.objects.get().status, mock.calls) == ("requested", [])
