"""The moves of an identity check: only legal ones, one winner of a race, history kept, and verifications that end."""

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from audit.models import Entry
from onecard.kit import clock
from tests.support.factories import CardholderFactory
from tests.support.threads import at_once
from wallet.kyc import expiry, flags, review
from wallet.kyc.moves import VALID_FOR, KycError
from wallet.models import Cardholder, KycEvent, KycReview
from wallet.states import KYC_MOVES, REVIEW_MOVES, KycStatus


def waiting(**more: Any) -> KycReview:
    holder = CardholderFactory(kyc_status="not_started", **more)
    review.submit(cardholder_id=holder.pk, actor=f"user:{holder.user_id}")
    return KycReview.objects.get(cardholder=holder)


def approve(found: KycReview, reason: str = "Passport seen.") -> Cardholder:
    shown = review.digest(found.cardholder)
    return review.approve(review_id=found.pk, actor="user:9", reason=reason, shown=shown)


def decide(found: KycReview, call: Callable[..., Any], **more: Any) -> str:
    try:
        call(review_id=found.pk, actor="user:9", reason="Because.", **more)
    except KycError:
        return "refused"
    return "done"


@pytest.mark.django_db
def test_an_approval_is_in_the_history_and_the_trail() -> None:
    found = waiting()

    approve(found)

    holder = Cardholder.objects.get()
    assert holder.kyc_status == "verified"
    assert holder.kyc_due_at is not None
    assert abs(holder.kyc_due_at - clock.now() - VALID_FOR) < dt.timedelta(minutes=1)
    events = KycEvent.objects.order_by("pk").values_list("from_status", "to_status", "actor", "reason")
    assert list(events) == [
        ("not_started", "pending", f"user:{holder.user_id}", "Submitted for a check."),
        ("pending", "verified", "user:9", "Passport seen."),
    ]
    assert Entry.objects.filter(action="cardholder.identity_moved").count() == 2
    found.refresh_from_db()
    assert (found.status, found.decided_by) == ("verified", "user:9")


@pytest.mark.django_db
def test_a_decided_check_is_decided_once() -> None:
    found = waiting()
    approve(found)

    assert decide(found, review.reject) == "refused"
    assert decide(found, review.ask_for_more) == "refused"
    assert Cardholder.objects.get().kyc_status == "verified"


@pytest.mark.django_db(transaction=True)
def test_of_decisions_at_once_one_wins() -> None:
    found = waiting()
    shown = review.digest(found.cardholder)

    results = at_once(
        [
            partial(decide, found, review.approve, shown=shown),
            partial(decide, found, review.approve, shown=shown),
            partial(decide, found, review.reject),
            partial(decide, found, review.reject),
        ]
    )

    assert sorted(results) == ["done", "refused", "refused", "refused"]
    found.refresh_from_db()
    holder = Cardholder.objects.get()
    assert holder.kyc_status == found.status
    assert KycEvent.objects.count() == 2
    assert KycEvent.objects.latest("pk").to_status == holder.kyc_status


@pytest.mark.django_db(transaction=True)
def test_of_submissions_at_once_one_waits() -> None:
    holder = CardholderFactory(kyc_status="not_started")

    at_once([partial(review.submit, cardholder_id=holder.pk, actor="user:1") for _ in range(6)])

    assert (KycReview.objects.count(), KycEvent.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_a_profile_that_changed_is_not_approved_as_shown() -> None:
    found = waiting()
    shown = review.digest(found.cardholder)
    Cardholder.objects.update(legal_last_name="Other")

    assert decide(found, review.approve, shown=shown) == "refused"
    assert Cardholder.objects.get().kyc_status == "pending"


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["", "  ", "x" * 301])
def test_each_decision_has_a_reason(reason: str) -> None:
    found = waiting()
    with pytest.raises(KycError, match="Say why"):
        approve(found, reason)


@pytest.mark.django_db
def test_who_is_on_a_sanctions_list_is_not_approved() -> None:
    found = waiting()
    flags.set_flag(cardholder_id=found.cardholder_id, flag="sanctions", reason="OFAC list.", actor="user:9")

    assert decide(found, review.approve, shown=review.digest(found.cardholder)) == "refused"
    flags.clear_flag(cardholder_id=found.cardholder_id, flag="sanctions", reason="A namesake.", actor="user:9")
    assert approve(found).kyc_status == "verified"
    told = Entry.objects.filter(action__startswith="cardholder.flag_").order_by("pk")
    assert [entry.details["reason"] for entry in told] == ["OFAC list.", "A namesake."]


@pytest.mark.django_db
@pytest.mark.parametrize("flag", ["unheard_of", ""])
def test_a_flag_needs_a_name_a_reason_and_a_change(flag: str) -> None:
    holder = CardholderFactory()
    set_it = partial(flags.set_flag, cardholder_id=holder.pk, actor="user:9")
    for wrong in ({"flag": flag, "reason": "Why."}, {"flag": "watched", "reason": " "}):
        with pytest.raises(KycError):
            set_it(**wrong)
    set_it(flag="watched", reason="Why.")
    with pytest.raises(KycError, match="already"):
        set_it(flag="watched", reason="Again.")
    holder.refresh_from_db()
    assert holder.compliance_flags == ["watched"]


@pytest.mark.django_db
def test_staff_reopen_a_rejected_person() -> None:
    holder = CardholderFactory(kyc_status="rejected")

    review.submit(cardholder_id=holder.pk, actor="user:9", by_staff=True)

    assert Cardholder.objects.get().kyc_status == "pending"


@pytest.mark.django_db
def test_a_verification_ends_and_is_renewed_before_without_a_gap() -> None:
    holder = CardholderFactory(kyc_due_at=clock.now() + dt.timedelta(days=30))
    review.submit(cardholder_id=holder.pk, actor="user:1")
    assert Cardholder.objects.get().kyc_status == "verified"
    approve(KycReview.objects.get())
    holder.refresh_from_db()
    assert holder.kyc_due_at > clock.now() + dt.timedelta(days=700)
    assert expiry.sweep() == 0

    with clock.ahead(VALID_FOR + dt.timedelta(days=1)):
        assert expiry.sweep() == 1
        assert expiry.sweep() == 0
        assert Cardholder.objects.get().kyc_status == "expired"
        review.submit(cardholder_id=holder.pk, actor="user:1")
    assert Cardholder.objects.get().kyc_status == "pending"


@pytest.mark.django_db
def test_history_is_never_changed() -> None:
    approve(waiting())
    for change in (KycEvent.objects.all().delete, partial(KycEvent.objects.update, reason="Other.")):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert KycEvent.objects.count() == 2


def test_no_end_is_a_dead_end_but_staff_open_it() -> None:
    assert {target for targets in KYC_MOVES.values() for target in targets} <= set(KycStatus)
    assert all(KYC_MOVES[status] for status in KycStatus)
    assert KYC_MOVES[KycStatus.REJECTED] == {KycStatus.PENDING}
    assert set(REVIEW_MOVES) == {target for targets in REVIEW_MOVES.values() for target in targets}
