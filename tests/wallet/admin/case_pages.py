"""The page of a case: its address, its buttons, and the staff who press them."""

from typing import Any

from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.urls import reverse

from onecard.kit.money import Money
from onecard.users.models import User
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory
from tests.support.sandboxes import intended_charge
from tests.wallet.charges.unpaid import pay
from wallet import cases
from wallet.models import Case

WHY = "Agreed on the phone"


LIST = "/admin/wallet/case/"


ALL = {
    "charge-again",
    "charge-another",
    "refund",
    "send-again",
    "ask-write-off",
    "ask-outside",
    "agree",
    "withdraw",
    "resolve",
    "note",
    "take",
    "give-up",
    "was-fraud",
    "was-no-fraud",
}


def page(case: Case) -> str:
    return reverse("admin:wallet_case_change", args=[case.pk])


def act(case: Case, name: str) -> str:
    return reverse("admin:wallet_case_act", args=[case.pk, name])


def staff(*codenames: str) -> User:
    user = UserFactory(is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=("view_case", *codenames)))
    return user


def clerk() -> User:
    return staff("change_case")


def press(case: Case, name: str, user: User, **values: str) -> Any:
    """Presses a button shortly after the login."""
    return logged_in(user).post(act(case, name), {"reason": WHY, **values}, follow=True)


def buttons(case: Case, client: Client) -> set[str]:
    shown = client.get(page(case)).content.decode()
    return {name for name in ALL if f'href="{act(case, name)}"' in shown}


def difference() -> Case:
    with transaction.atomic():
        return cases.open_case(
            kind="card_differs", reference="virtualcard:1", money=Money(0, "USD"), summary="They differ."
        )


def paid_case() -> Case:
    charge = intended_charge()
    pay(charge)
    with transaction.atomic():
        return cases.open_obligation_case(
            kind="charged_without_purchase", obligation=charge.obligation, summary="Charged."
        )
