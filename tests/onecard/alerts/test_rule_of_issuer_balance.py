"""A low balance at the issuer wakes somebody once, and so does one that nobody reads any more."""

from typing import Any

import pytest

from issuing.models import IssuerBalance
from onecard.kit import clock
from tests.onecard.alerts.conftest import Duty

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mark(settings: Any) -> None:
    settings.ISSUER_BALANCE_LOW, settings.ISSUER_BALANCE_LOW_DAYS = {"USD": 500_000}, 3


def read(minor: int, *, provider: str = "stripe", pays: bool = True) -> None:
    now = clock.now()
    IssuerBalance.objects.update_or_create(
        provider=provider,
        currency="USD",
        hour_at=now.replace(minute=0, second=0, microsecond=0),
        defaults={"available_minor": minor, "pays_purchases": pays, "read_at": now},
    )


def test_a_low_balance_until_it_is_topped_up(duty: Duty) -> None:
    read(600_000)
    read(0, provider="marqeta", pays=False)
    duty.assert_quiet()

    read(499_999)
    words = "our balance is 4,999.99 USD, the mark is 5,000.00 USD"
    incident = duty.assert_woken_once("issuer_balance_low", key="stripe:USD", words=words)

    read(900_000)
    duty.assert_resolved_by_itself(incident)


def test_a_balance_that_nobody_reads(duty: Duty) -> None:
    read(600_000)
    duty.pass_time(minutes=31)

    incident = duty.assert_woken_once("issuer_balance_low", key="stripe:USD", words="has not been read since")

    read(600_000)
    duty.assert_resolved_by_itself(incident)
