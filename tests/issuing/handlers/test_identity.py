"""What an issuer reports of a person's identity changes the status here: newest first, and never more than is legal."""

import datetime as dt
from typing import Any

import pytest

from issuing.handlers import dispatch
from issuing.models import IssuerAccount, IssuerEvent, VirtualCard
from onecard.kit import clock
from tests.support.marqeta_events import report
from tests.support.stripe_events import authorization_request, event, post
from tests.support.wallets import walkthrough_card
from wallet.kyc import review
from wallet.models import Cardholder, KycEvent, KycReview

pytestmark = pytest.mark.django_db(transaction=True)
NOW = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


@pytest.fixture
def card() -> VirtualCard:
    made = walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1")
    for provider in ("stripe", "marqeta"):
        IssuerAccount.objects.create(cardholder=made.cardholder, provider=provider, issuer_cardholder_id="holder-1")
    return made


def requires(*past_due: str, reason: str | None = None, at: dt.datetime = NOW) -> None:
    """Stripe reports what it wants of the person; nothing where nothing is named."""
    reason = reason or ("requirements.past_due" if past_due else None)
    content = {
        "id": "holder-1",
        "object": "issuing.cardholder",
        "status": "active",
        "requirements": {"past_due": list(past_due), "disabled_reason": reason},
    }
    told = event("issuing_cardholder.updated", content, created=int(at.timestamp()))
    assert post(told).status_code == 200
    handle_last()


def moves(status: str, reason_code: str = "18", at: dt.datetime = NOW) -> None:
    """Marqeta reports a move of the user."""
    row: dict[str, Any] = {"token": f"ut-{IssuerEvent.objects.count()}", "user_token": "holder-1", "status": status}
    row |= {"reason_code": reason_code, "channel": "SYSTEM", "created_time": at.isoformat()}
    assert report({"usertransitions": [row]}).status_code == 200
    handle_last()


def handle_last() -> None:
    assert dispatch.handle(event_pk=IssuerEvent.objects.latest("pk").pk, now=clock.now()) == "handled"


def status() -> str:
    return Cardholder.objects.get().kyc_status


def buys(card: VirtualCard) -> tuple[bool, str]:
    answer = post(authorization_request(card=card.issuer_card_id)).json()
    return answer["approved"], answer["metadata"].get("onecard_reason", "")


def test_stripe_asks_for_more_and_is_content_again(card: VirtualCard) -> None:
    requires("individual.dob.day", "individual.dob.month", "individual.verification.document")
    asked = KycEvent.objects.get()
    assert (status(), buys(card)) == ("needs_more", (False, "kyc_not_verified"))
    assert asked.actor == "issuer:stripe"
    assert [words[:18] for words in asked.asked] == ["Your date of birth", "A photo of your id"]

    requires(at=NOW + dt.timedelta(minutes=1))

    assert (status(), buys(card)) == ("verified", (True, ""))


@pytest.mark.parametrize(
    ("reason", "becomes", "flags"),
    [
        ("under_review", "pending", []),
        ("listed", "pending", ["sanctions"]),
        ("rejected.listed", "rejected", ["sanctions"]),
        ("rejected.other", "rejected", []),
        ("a.word.of.tomorrow", "needs_more", []),
    ],
)
def test_each_reason_of_stripe_stops_purchases(card: VirtualCard, reason: str, becomes: str, flags: list[str]) -> None:
    requires(reason=reason)

    assert (status(), Cardholder.objects.get().compliance_flags) == (becomes, flags)
    assert buys(card) == (False, "compliance_hold" if flags else "kyc_not_verified")


def test_an_older_report_changes_nothing(card: VirtualCard) -> None:
    requires(at=NOW + dt.timedelta(minutes=1))
    requires("individual.last_name", at=NOW)
    assert status() == "verified"

    requires("individual.last_name", at=NOW + dt.timedelta(minutes=2))
    requires(at=NOW + dt.timedelta(minutes=1))
    requires(at=NOW + dt.timedelta(minutes=2))

    assert status() == "needs_more"


@pytest.mark.parametrize(
    ("moved", "reason", "becomes"),
    [
        ("LIMITED", "18", "needs_more"),
        ("UNVERIFIED", "17", "needs_more"),
        ("SUSPENDED", "17", "rejected"),
        ("CLOSED", "17", "rejected"),
        ("SUSPENDED", "13", "verified"),
        ("ACTIVE", "18", "verified"),
    ],
)
def test_marqetas_moves_of_a_user_are_followed(card: VirtualCard, moved: str, reason: str, becomes: str) -> None:
    moves(moved, reason)

    assert status() == becomes


def test_marqeta_takes_its_doubt_back(card: VirtualCard) -> None:
    moves("LIMITED")
    moves("ACTIVE", at=NOW + dt.timedelta(minutes=1))

    assert status() == "verified"
    assert [each.actor for each in KycEvent.objects.all()] == ["issuer:marqeta"] * 2


def test_one_issuer_does_not_take_back_what_another_or_staff_said(card: VirtualCard) -> None:
    requires("individual.last_name")
    moves("ACTIVE")
    assert status() == "needs_more"
    review.submit(cardholder_id=card.cardholder_id, actor="user:1")
    found = KycReview.objects.get()
    review.reject(review_id=found.pk, actor="user:9", reason="Another person.")

    requires(at=NOW + dt.timedelta(minutes=1))

    assert status() == "rejected"


def test_a_rejection_by_the_issuer_ends_the_open_check(card: VirtualCard) -> None:
    requires("individual.last_name")
    review.submit(cardholder_id=card.cardholder_id, actor="user:1")

    requires(reason="rejected.other", at=NOW + dt.timedelta(minutes=1))

    assert (status(), KycReview.objects.get().status) == ("rejected", "rejected")


@pytest.mark.parametrize("content", [None, [], "past_due", {"past_due": "all", "disabled_reason": 7}])
def test_requirements_that_cannot_be_read_break_nothing(card: VirtualCard, content: Any) -> None:
    told = {"id": "holder-1", "object": "issuing.cardholder", "status": "active", "requirements": content}
    post(event("issuing_cardholder.updated", told))
    handle_last()

    assert status() in ("verified", "needs_more")
