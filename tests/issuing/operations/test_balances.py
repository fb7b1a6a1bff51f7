"""Our balances at the issuers over real HTTP: kept thin, judged by what purchases need, and shown with their age."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.urls import reverse

from issuing.issuers import registry
from issuing.issuers.base import NetworkError
from issuing.issuers.guard.redis_scripts import shared
from issuing.issuers.marqeta import reserve
from issuing.issuers.stripe.balances import read_balances, read_holds
from issuing.models import IssuerBalance, PurchaseHour
from issuing.operations import balances
from onecard.kit import clock, exact_json
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in, text_of
from tests.support.sandboxes import processor_sandbox

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(served: RunningSandbox, settings: Any) -> Iterator[RunningSandbox]:
    settings.ISSUER_PROVIDER, settings.ISSUER_BACKUP_PROVIDER, settings.MARQETA_BASE_URL = "stripe", "", ""
    settings.ISSUER_BALANCE_LOW, settings.ISSUER_BALANCE_LOW_DAYS = {}, 3
    served.reset()
    shared().clear()
    registry.clear()
    yield served
    registry.clear()


def spent(days_ago: float, minor: int, **more: Any) -> None:
    hour = clock.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=days_ago)
    row: dict[str, Any] = {"provider": "stripe", "currency": "USD", "outcome": "approved", "purchases": 3, **more}
    PurchaseHour.objects.create(hour_at=hour, amount_minor=minor, **row)


def only() -> balances.BalanceStatus:
    (found,) = balances.current()
    return found


def test_an_hour_keeps_its_last_reading(sandbox: RunningSandbox) -> None:
    balances.read_all()
    sandbox.state.issuing_balance = 5000
    sandbox.state.held_total = 700
    balances.read_all()

    kept = IssuerBalance.objects.get()
    assert (kept.provider, kept.currency, kept.available_minor, kept.pays_purchases) == ("stripe", "USD", 4300, True)
    with clock.ahead(HOUR):
        balances.read_all()
        assert [each.available_minor for each in balances.current()] == [4300]
    assert IssuerBalance.objects.count() == 2


def test_it_is_low_when_it_lasts_less_than_some_days(sandbox: RunningSandbox) -> None:
    for days_ago in (0, 1, 2, 3, 4):
        spent(days_ago, 10_000)
    spent(1, 999_999, outcome="declined")
    spent(1, 999_999, currency="EUR")
    spent(9, 999_999)
    sandbox.state.issuing_balance = 40_000
    balances.read_all()

    found = only()
    assert 11_000 < found.daily_minor <= 12_500, "50,000 in a little over four days"
    assert (found.is_low, found.low_minor) == (False, 3 * found.daily_minor)
    assert found.days_left == pytest.approx(40_000 / found.daily_minor)

    sandbox.state.issuing_balance = 30_000
    balances.read_all()
    assert only().is_low


def test_it_is_low_below_the_settings_amount_and_when_it_is_empty(sandbox: RunningSandbox, settings: Any) -> None:
    sandbox.state.issuing_balance = 5000
    balances.read_all()
    assert (only().is_low, only().days_left) == (False, None)

    settings.ISSUER_BALANCE_LOW = {"USD": 5001}
    assert only().is_low
    settings.ISSUER_BALANCE_LOW = {}
    sandbox.state.issuing_balance = 0
    balances.read_all()
    assert only().is_low


def test_without_an_answer_the_last_reading_ages(sandbox: RunningSandbox) -> None:
    balances.read_all()
    for _ in range(5):
        sandbox.order(method="GET", path="/v1/balance", do="error_500")

    with clock.ahead(dt.timedelta(minutes=31)):
        balances.read_all()
        assert only().is_stale
    assert IssuerBalance.objects.count() == 1


def test_the_page_shows_the_balance_its_age_and_its_mark(sandbox: RunningSandbox, settings: Any) -> None:
    page = reverse("admin:issuing_issuercontrol_changelist")
    sandbox.state.issuing_balance = 123_456
    balances.read_all()

    shown = text_of(logged_in().get(page))
    assert "1,234.56 USD, 0 s ago" in shown
    assert "No mark: nothing was spent lately" in shown

    settings.ISSUER_BALANCE_LOW = {"USD": 200_000}
    answer = logged_in().get(page)
    assert "2,000.00 USD" in text_of(answer)
    assert "oc-attention" in answer.content.decode()


def test_the_health_page_turns_bad_when_it_is_low(sandbox: RunningSandbox, settings: Any) -> None:
    balances.read_all()
    page = reverse("desk:health")
    assert "Balance at Stripe Issuing in USD" in text_of(logged_in().get(page))

    settings.ISSUER_BALANCE_LOW = {"USD": 10**12}
    assert "when it is empty, every purchase is declined without us" in text_of(logged_in().get(page))


@pytest.mark.parametrize(
    "content",
    [
        {"issuing": {}},
        {"issuing": {"available": [{"amount": 1.5, "currency": "usd"}]}},
        {"issuing": {"available": [{"amount": "100", "currency": "usd"}]}},
        {"issuing": {"available": [{"amount": 100, "currency": "zz"}]}},
        {"issuing": {"available": [{"amount": 100}]}},
        {"issuing": "none"},
    ],
)
def test_a_balance_that_makes_no_sense_is_no_answer(content: Any) -> None:
    with pytest.raises(NetworkError):
        read_balances(content)
    assert read_balances({"object": "balance"}) == (), "an account without Issuing"


def test_holds_that_make_no_sense_are_no_answer() -> None:
    row = {"id": "iauth_1", "balance_transactions": [{"id": "t", "type": "issuing_authorization_hold", "amount": "5"}]}
    for listed in ({"data": [row], "has_more": False}, {"data": [{"id": "iauth_1"}], "has_more": False}, []):
        with pytest.raises(NetworkError):
            read_holds(listed)


def test_a_marqeta_program_has_a_reserve_that_pays_no_purchase(served: RunningSandbox) -> None:
    program = served.marqeta.settings
    address, key = f"{served.url}/v3/programreserve/balances", (program.application_token, program.admin_access_token)
    said = exact_json.loads(requests.get(address, auth=key, timeout=5).content)

    for content in (said, {**said, "balances": None}):
        (found,) = reserve.read_balances(content)
        assert (found.available_minor, found.currency) == (0, "USD")
    for odd in ({}, {**said["balances"]["USD"], "available_balance": "much"}):
        with pytest.raises(NetworkError):
            reserve.read_balances(odd)
