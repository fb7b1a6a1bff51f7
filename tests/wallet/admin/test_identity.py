"""Staff take a person from nothing to a purchase by hand: one form, the queue of checks, and the flags."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from issuing.models import VirtualCard
from onecard.kit import clock
from onecard.users.models import User
from tests.support.back_office import logged_in, opened, send, sentences, text_of
from tests.support.controls import condition, in_force
from tests.support.factories import CardholderFactory, UserFactory, VirtualCardFactory
from tests.support.stripe_events import authorization_request, post
from tests.support.wallets import copy_wallet, walkthrough_card
from wallet.kyc import review
from wallet.models import Cardholder, KycEvent, KycReview

pytestmark = pytest.mark.django_db
ADA = {
    "email": "Ada@Example.com", "first_name": "Ada", "last_name": "Lovelace", "birth_date": "1990-12-10",
    "phone": "+14155550100", "address_line1": "510 Townsend Street", "address_city": "San Francisco",
    "address_state": "CA", "address_postal_code": "94103", "address_country": "US", "time_zone": "America/Los_Angeles",
    "preference": "cash", "terms": "on", "verified_because": "Passport and a letter seen at the desk.",
}  # fmt: skip


def clerk(*codenames: str) -> Client:
    user = UserFactory(is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return logged_in(user)


def waiting() -> KycReview:
    holder = CardholderFactory(kyc_status="not_started")
    review.submit(cardholder_id=holder.pk, actor="user:1")
    return KycReview.objects.get(cardholder=holder)


def button(found: Any, name: str) -> str:
    kind = found._meta.label_lower.replace(".", "_")
    return reverse(f"admin:{kind}_{name}", args=[found.pk])


def new_person(client: Client, **changes: str) -> Any:
    values = {name: value for name, value in (ADA | changes).items() if value}
    return client.post(reverse("admin:wallet_cardholder_new_person"), values)


def buys(card: VirtualCard) -> tuple[bool, str]:
    answer = post(authorization_request(card=card.issuer_card_id)).json()
    return answer["approved"], answer["metadata"].get("onecard_reason", "")


def test_one_form_makes_a_login_a_profile_and_a_verified_person() -> None:
    answer = new_person(logged_in())

    holder = Cardholder.objects.get()
    assert answer.status_code == 302, sentences(answer)
    assert (holder.user.email, holder.user.has_usable_password(), holder.user.is_staff) == (
        "ada@example.com",
        False,
        False,
    )
    assert (holder.name, holder.kyc_status, holder.terms_accepted_from) == ("Ada Lovelace", "verified", "127.0.0.1")
    assert KycEvent.objects.first().reason == ADA["verified_because"]  # type: ignore[union-attr]
    assert "Lovelace" not in str(list(Entry.objects.values_list("details", flat=True)))


def test_a_wrong_field_has_its_sentence_and_nothing_is_made() -> None:
    answer = new_person(logged_in(), birth_date="2015-01-01", address_state="Bavaria", phone="0415")

    told = text_of(answer)
    assert "people of 18 and older" in told
    assert "by its two letters, such as CA" in told
    assert "with + and the country" in told
    assert not User.objects.filter(email__iexact=ADA["email"]).exists()


@pytest.mark.parametrize("change", [{"email": "taken@example.com"}, {"terms": ""}])
def test_what_stands_against_the_person_is_said_and_nothing_is_made(change: dict[str, str]) -> None:
    UserFactory(email="Taken@example.com")

    answer = new_person(logged_in(), **change)

    assert answer.status_code == 200
    assert "has this e-mail address" in text_of(answer) or "acceptance of the card" in text_of(answer)
    assert not Cardholder.objects.exists()


def test_who_may_not_verify_makes_an_unverified_person() -> None:
    answer = new_person(clerk("add_cardholder", "add_user", "view_cardholder"))

    assert answer.status_code == 302
    assert Cardholder.objects.get().kyc_status == "not_started"
    assert new_person(clerk("view_cardholder")).status_code == 403


def test_an_approval_by_staff_reaches_a_purchase() -> None:
    found, wallet = waiting(), walkthrough_card()
    copy_wallet(wallet.cardholder, found.cardholder)
    card = VirtualCardFactory(cardholder=found.cardholder, issuer_provider="stripe", issuer_card_id="ic_ada")
    assert buys(card) == (False, "kyc_not_verified")

    answer = send(logged_in(), button(found, "approve"), reason="Passport seen.")

    assert answer.status_code == 302, sentences(answer)
    assert buys(card) == (True, "")


@pytest.mark.parametrize(("name", "becomes"), [("ask_for_more", "needs_more"), ("reject", "rejected")])
def test_the_other_buttons_need_a_reason_and_end_the_waiting(name: str, becomes: str) -> None:
    found, client = waiting(), logged_in()

    silent = send(client, button(found, name), reason=" ")
    said = send(client, button(found, name), reason="The name differs.")

    found.refresh_from_db()
    assert (silent.status_code, said.status_code) == (200, 302)
    assert (found.status, found.cardholder.kyc_status, found.reason) == (becomes, becomes, "The name differs.")


def test_a_profile_that_changed_behind_the_page_is_not_approved() -> None:
    found, client = waiting(), logged_in()
    values = opened(client, button(found, "approve")) | {"reason": "Passport seen."}
    Cardholder.objects.update(legal_first_name="Eve")

    answer = client.post(button(found, "approve"), values)

    assert "changed after you opened the page" in sentences(answer)
    assert Cardholder.objects.get().kyc_status == "pending"


def test_who_may_only_look_at_checks_decides_none() -> None:
    found, client = waiting(), clerk("view_kycreview", "view_cardholder")

    assert client.get(reverse("admin:wallet_kycreview_change", args=[found.pk])).status_code == 200
    assert {client.post(button(found, name)).status_code for name in ("approve", "ask_for_more", "reject")} == {403}


def test_flags_of_people_and_cards_stop_purchases_until_cleared() -> None:
    card, client = walkthrough_card(), logged_in()

    send(client, button(card.cardholder, "set_flag"), flag="sanctions", reason="OFAC list.")
    assert buys(card) == (False, "compliance_hold")
    send(client, button(card.cardholder, "clear_flag"), flag="sanctions", reason="A namesake.")
    send(client, button(card, "set_flag"), flag="fraud", reason="Chargebacks.")
    assert buys(card) == (False, "compliance_hold")
    send(client, button(card, "clear_flag"), flag="fraud", reason="Explained.")

    assert buys(card) == (True, "")
    flags = Entry.objects.filter(action__contains=".flag_").order_by("pk").values_list("action", flat=True)
    assert list(flags) == ["cardholder.flag_set", "cardholder.flag_cleared", "card.flag_set", "card.flag_cleared"]


@pytest.mark.parametrize("of_card", [False, True])
def test_a_control_reads_a_flag_that_staff_set_with_a_reason(of_card: bool) -> None:
    card, client = walkthrough_card(), logged_in()
    of = card if of_card else card.cardholder
    version = in_force(when=[condition("compliance_flags", "watched")])

    assert send(client, button(of, "set_flag"), flag="watched", reason=" ").status_code == 200
    assert buys(card) == (True, "")
    assert send(client, button(of, "set_flag"), flag="watched", reason="Asked by the bank.").status_code == 302
    assert buys(card) == (False, version.reason_code)
    assert send(client, button(of, "clear_flag"), flag="watched", reason="").status_code == 200
    assert buys(card) == (False, version.reason_code)
    assert send(client, button(of, "clear_flag"), flag="watched", reason="It was a namesake.").status_code == 302
    assert buys(card) == (True, "")


def test_a_control_reads_how_soon_the_identity_is_checked_again() -> None:
    card = walkthrough_card()
    version = in_force(when=[condition("kyc_days_left", [None, 7], "between")])
    holders = Cardholder.objects.filter(pk=card.cardholder_id)
    assert buys(card) == (True, "")

    answers = []
    for days in (30, 3, -1):
        holders.update(kyc_due_at=clock.now() + dt.timedelta(days=days))
        answers.append(buys(card))

    assert answers == [(True, ""), (False, version.reason_code), (False, version.reason_code)]


def test_staff_correct_a_profile_and_the_trail_names_the_fields_only() -> None:
    holder, client = CardholderFactory(), logged_in()
    page = reverse("admin:wallet_cardholder_change", args=[holder.pk])

    wrong = send(client, page, address_postal_code="9410")
    right = send(client, page, address_postal_code="94107-1234", legal_first_name="Augusta")

    holder.refresh_from_db()
    assert (wrong.status_code, right.status_code) == (200, 302)
    assert "ZIP code of five digits" in text_of(wrong)
    assert (holder.legal_first_name, holder.address_postal_code) == ("Augusta", "94107-1234")
    changes = Entry.objects.get(action="cardholder.changed").details["changes"]
    assert changes == {"legal_first_name": "changed", "address_postal_code": "changed"}


def test_staff_submit_a_person_who_was_rejected() -> None:
    holder = CardholderFactory(kyc_status="rejected")

    send(logged_in(), button(holder, "submit_identity"))

    assert Cardholder.objects.get().kyc_status == "pending"
    assert KycReview.objects.get().status == "pending"
