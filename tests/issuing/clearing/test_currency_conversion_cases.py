"""A case about a movement at an unknown rate stays open until somebody enters the converted amount."""

import pytest

from onecard.kit.money import Money
from tests.issuing.clearing.foreign_captures import balances
from tests.issuing.clearing.test_currency_conversion import enter, unknown
from tests.support.wallets import walkthrough_card
from tests.wallet.casework.desks import WHY, assert_refused, clerk
from wallet.casework import actions as case_actions
from wallet.models import Case

pytestmark = pytest.mark.django_db


def test_only_the_converted_amount_closes_the_case() -> None:
    unknown(walkthrough_card())
    case = Case.objects.get(kind="currency_differs")
    assert (case.money, balances()["purchases EUR"]) == (Money(4000, "EUR"), 4000)

    assert_refused(lambda: case_actions.resolve(case=case, user=clerk(), reason=WHY), "enter the converted amount")
    assert Case.objects.get(pk=case.pk).status == "open"

    enter()
    assert (Case.objects.get(pk=case.pk).status, balances()["purchases EUR"]) == ("resolved", 0)
