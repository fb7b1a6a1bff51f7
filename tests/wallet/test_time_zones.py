"""A wallet's time zone is stored under its present name, and a purchase is decided whatever stands there."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from tests.onecard.admin_pages import page
from tests.support import stripe_events
from tests.support.back_office import logged_in, send, sentences
from tests.support.factories import CardholderFactory
from tests.support.wallets import walkthrough_card
from wallet.models import Cardholder

pytestmark = pytest.mark.django_db


def store_as_it_is(holder: Cardholder, name: str) -> None:
    """As an older release stored it, past the column's present rule."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE wallet_cardholder SET time_zone = %s WHERE id = %s", [name, holder.pk])


def test_an_old_name_is_stored_under_the_present_one_on_every_way_in() -> None:
    made = CardholderFactory(time_zone="US/Central")
    updated, edited = CardholderFactory(), CardholderFactory()
    Cardholder.objects.filter(pk=updated.pk).update(time_zone="Asia/Calcutta")

    assert send(logged_in(), page(Cardholder, "change", edited.pk), time_zone=" Europe/Kiev ").status_code == 302

    stored = dict(Cardholder.objects.values_list("pk", "time_zone"))
    assert made.time_zone == stored[made.pk] == "America/Chicago"
    assert (stored[updated.pk], stored[edited.pk]) == ("Asia/Kolkata", "Europe/Kyiv")
    assert Cardholder.objects.filter(time_zone="US/Central").get() == made


@pytest.mark.parametrize("name", ["Mars/Olympus", "Factory", "UTC+5", "+05:00", "America"])
def test_a_name_that_is_none_is_refused_in_the_form(name: str) -> None:
    holder = CardholderFactory()

    answer = send(logged_in(), page(Cardholder, "change", holder.pk), time_zone=name)

    assert "is not a time zone" in sentences(answer)


@pytest.mark.parametrize("name", ["US/Central", "Mars/Olympus", "", "America"])
def test_a_purchase_is_decided_whatever_zone_is_stored(name: str) -> None:
    card = walkthrough_card()
    store_as_it_is(card.cardholder, name)

    answer = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))

    assert answer.json()["approved"] is True


def checked() -> str:
    said = StringIO()
    call_command("check", stdout=said, stderr=said)
    return said.getvalue()


def test_check_warns_of_zones_that_are_none_and_not_of_old_names() -> None:
    store_as_it_is(CardholderFactory(), "US/Central")
    assert "W001" not in checked()

    store_as_it_is(CardholderFactory(), "Mars/Olympus")
    said = checked()

    assert "'Mars/Olympus', which is none" in said
    assert "America/New_York on their pages" in said
