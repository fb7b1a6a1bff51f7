"""A wallet's login is fixed and never belongs to staff: nobody reads a person's card numbers by editing a row."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from audit.models import Entry
from onecard.users.models import User
from tests.support.back_office import logged_in, send, sentences, text_of
from tests.support.factories import CardholderFactory, UserFactory
from wallet.models import Cardholder

pytestmark = pytest.mark.django_db


def page(holder: Cardholder) -> str:
    return reverse("admin:wallet_cardholder_change", args=[holder.pk])


def test_the_login_of_a_wallet_stays_whatever_the_form_sends() -> None:
    holder, thief = CardholderFactory(), UserFactory()
    owner = holder.user_id

    send(logged_in(), page(holder), user=str(thief.pk), name="Renamed")

    holder.refresh_from_db()
    assert (holder.user_id, holder.name) == (owner, "Renamed")
    assert [entry.details["changes"].keys() for entry in Entry.objects.all()] == [{"name"}]


def test_the_database_keeps_the_login_of_a_wallet() -> None:
    holder, other = CardholderFactory(), UserFactory()

    for change in (
        lambda: Cardholder.objects.filter(pk=holder.pk).update(user=other),
        lambda: Cardholder.objects.filter(pk=holder.pk).update(user_id=UserFactory(is_staff=True).pk),
    ):
        with pytest.raises(IntegrityError, match="fixed"), transaction.atomic():
            change()


@pytest.mark.parametrize("power", ["is_staff", "is_superuser"])
def test_a_login_of_staff_gets_no_wallet(power: str) -> None:
    clerk = UserFactory(**{power: True})

    with pytest.raises(IntegrityError, match="no wallet"), transaction.atomic():
        CardholderFactory(user=clerk)
    answer = send(
        logged_in(), reverse("admin:wallet_cardholder_add"), user=str(clerk.pk), name="A", kyc_status="verified"
    )

    assert "belongs to staff" in text_of(answer)
    assert not Cardholder.objects.exists()


@pytest.mark.parametrize("power", ["is_staff", "is_superuser"])
def test_whoever_has_a_wallet_does_not_become_staff(power: str) -> None:
    holder = CardholderFactory()

    with pytest.raises(IntegrityError, match="wallet"), transaction.atomic():
        User.objects.filter(pk=holder.user_id).update(**{power: True})
    answer = send(logged_in(), reverse("admin:users_user_change", args=[holder.user_id]), **{power: "on"})

    assert "has a wallet" in sentences(answer)
    assert not getattr(User.objects.get(pk=holder.user_id), power)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wallet_first", [True, False])
def test_a_race_makes_nobody_staff_and_cardholder(wallet_first: bool) -> None:
    """The second transaction waits for the first, and is then refused."""
    user = UserFactory()
    refused: list[str] = []

    def make_wallet() -> None:
        CardholderFactory(user=user)

    def make_staff() -> None:
        User.objects.filter(pk=user.pk).update(is_staff=True)

    first, second = (make_wallet, make_staff) if wallet_first else (make_staff, make_wallet)

    def later(act: Any) -> None:
        try:
            act()
        except IntegrityError as error:
            refused.append(str(error))
        finally:
            connection.close()

    with transaction.atomic():
        first()
        thread = threading.Thread(target=later, args=[second])
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(10)

    assert len(refused) == 1
    user.refresh_from_db()
    assert user.is_staff is not Cardholder.objects.filter(user=user).exists()
