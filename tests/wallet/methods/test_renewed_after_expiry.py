"""A card that only its date disabled pays again once its bank renews it; any other disabled card stays disabled."""

from collections.abc import Callable

import pytest
from django.db import transaction
from django.urls import reverse

from tests.support.back_office import logged_in, send
from tests.support.factories import FundingMethodFactory
from wallet import processor_events
from wallet.charges.declines import cool_down
from wallet.models import FundingMethod

pytestmark = pytest.mark.django_db
NEW_DATE = {"exp_year": 2099, "exp_month": 11, "last4": "4242", "brand": "visa"}


def expired() -> FundingMethod:
    return FundingMethodFactory(
        expiry_year=2026, expiry_month=1, status="disabled", disabled_because="expired", network="visa"
    )


def renewed(method: FundingMethod, **date: int) -> FundingMethod:
    """As the processor reports an automatic card update."""
    card = NEW_DATE | date
    processor_events.method_updated({"id": method.processor_method_id, "type": "card", "card": card})
    method.refresh_from_db()
    return method


def declined(method: FundingMethod, code: str) -> None:
    with transaction.atomic():
        cool_down(method, code, actor="system:test")


def test_the_banks_new_date_enables_it_again() -> None:
    method = renewed(expired())
    assert (method.status, method.disabled_because, method.expiry_year) == ("active", "", 2099)


def test_a_new_date_that_has_passed_too_enables_nothing() -> None:
    assert renewed(expired(), exp_year=2026, exp_month=2).status == "disabled"


def test_a_charge_declined_for_the_date_counts_as_expired() -> None:
    method = FundingMethodFactory(network="visa")
    declined(method, "expired_card")
    assert renewed(method).status == "active"


def by_staff(method: FundingMethod) -> None:
    page = reverse("admin:wallet_cardholder_change", args=[method.cardholder_id])
    FundingMethod.objects.filter(pk=method.pk).update(status="active")
    send(logged_in(), page, **{"funding_methods-0-status": "disabled"})
    assert FundingMethod.objects.get(pk=method.pk).status == "disabled"


@pytest.mark.parametrize("why", [lambda method: declined(method, "stolen_card"), by_staff])
def test_a_card_disabled_for_another_reason_too_stays_disabled(why: Callable[[FundingMethod], None]) -> None:
    method = expired()
    why(method)
    declined(method, "expired_card")

    assert renewed(method).status == "disabled"
