"""A person submits the profile, reads where the check stands, and is told what is missing, in words."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from onecard.api.onboarding.profile import ADA
from tests.support.back_office import logged_in
from tests.support.factories import CardholderFactory, UserFactory
from wallet.kyc import review
from wallet.kyc.fields import TERMS_VERSION
from wallet.models import Cardholder, KycEvent, KycReview

pytestmark = pytest.mark.django_db


def submit(client: Client, key: str = "") -> Any:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return client.post("/api/v1/kyc", "{}", content_type="application/json", headers=headers)


def joined() -> Client:
    client = logged_in(UserFactory())
    client.put("/api/v1/profile", json.dumps(ADA), content_type="application/json")
    body, headers = json.dumps({"version": TERMS_VERSION}), {"Idempotency-Key": "terms"}
    client.post("/api/v1/profile/terms", body, content_type="application/json", headers=headers)
    return client


def test_before_anything_is_given_it_says_what_is_missing() -> None:
    client = logged_in(UserFactory())

    read, refused = client.get("/api/v1/kyc").json(), submit(client)

    assert (read["status"], read["may_submit"], read["history"]) == ("not_started", False, [])
    assert "birth_date" in read["missing"]
    assert (refused.status_code, refused.json()["code"]) == (409, "profile_missing")


def test_an_incomplete_profile_is_refused_with_each_missing_field() -> None:
    client = logged_in(CardholderFactory(kyc_status="not_started", birth_date=None, address_city="").user)

    answer = submit(client)

    assert (answer.status_code, answer.json()["code"]) == (409, "profile_incomplete")
    assert answer.json()["errors"] == {"birth_date": ["It is missing."], "address": {"city": ["It is missing."]}}
    assert "the date of birth, the city" in answer.json()["detail"]
    assert not KycReview.objects.exists()


def test_a_submission_waits_once_however_often_it_is_sent() -> None:
    client, key = joined(), str(uuid.uuid4())

    first, again, another = submit(client, key), submit(client, key), submit(client)

    assert (first.status_code, first.json()["status"]) == (200, "pending")
    assert first.json() == again.json()
    assert another.json()["status"] == "pending"
    assert (KycReview.objects.count(), KycEvent.objects.count()) == (1, 1)


def test_the_person_reads_what_is_asked_and_submits_again() -> None:
    client = joined()
    submit(client)
    waiting = KycReview.objects.get()
    review.ask_for_more(review_id=waiting.pk, actor="user:9", reason="Write your name as on your passport.")

    asked = client.get("/api/v1/kyc").json()
    again = submit(client).json()

    assert (asked["status"], asked["asked"]) == ("needs_more", ["Write your name as on your passport."])
    assert asked["may_submit"]
    assert (again["status"], again["asked"]) == ("pending", [])
    assert [each["status"] for each in again["history"]] == ["pending", "needs_more", "pending"]
    assert KycReview.objects.get().status == "pending"


def test_who_is_verified_or_rejected_cannot_submit() -> None:
    client = joined()
    submit(client)
    waiting, holder = KycReview.objects.get(), Cardholder.objects.get()
    shown = review.digest(holder)
    review.approve(review_id=waiting.pk, actor="user:9", reason="Passport seen.", shown=shown)

    verified = submit(client)
    rejected = submit(logged_in(CardholderFactory(kyc_status="rejected").user))

    assert (verified.status_code, verified.json()["code"]) == (409, "kyc_verified_already")
    assert (rejected.status_code, rejected.json()["code"]) == (409, "kyc_rejected")
    assert client.get("/api/v1/kyc").json()["verified_until"]
