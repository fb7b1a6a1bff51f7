"""The nightly look at saved cards, expired, gone, renewed, soon to expire (wallet/methods/nightly_check.py)."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import transaction

from audit.models import Entry
from onecard.kit.transactions import TransactionError
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.factories import CardholderFactory, FundingMethodFactory
from tests.support.sandboxes import CUSTOMER, processor_sandbox
from tests.wallet.charges.cascades import PAYMENT_METHODS, a_wallet
from wallet.methods import nightly_check
from wallet.models import Cardholder, FundingMethod
from wallet.processors.base import OutcomeUnknownError
from wallet.processors.stripe.methods import SavedMethod

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def check(**options: Any) -> int | None:
    return nightly_check.check_methods(sleep=lambda _seconds: None, **options)


def as_at_processor(sandbox: RunningSandbox, method: FundingMethod) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.state.objects["payment_method"][method.processor_method_id]
    return found


def trail() -> list[tuple[str, str]]:
    return list(Entry.objects.order_by("pk").values_list("action", "subject_id"))


def set_expiry(sandbox: RunningSandbox, method: FundingMethod, year: int, month: int) -> None:
    as_at_processor(sandbox, method)["card"].update(exp_year=year, exp_month=month)
    known = as_at_processor(sandbox, method)["card"]
    described = {"funding_type": known["funding"], "country": known["country"], "fingerprint": known["fingerprint"]}
    FundingMethod.objects.filter(pk=method.pk).update(expiry_year=year, expiry_month=month, **described)


def test_a_card_that_is_well_stays_as_it_is(sandbox: RunningSandbox) -> None:
    (method,) = a_wallet(cards=1)
    set_expiry(sandbox, method, 2099, 12)

    assert check() is None

    method.refresh_from_db()
    assert (method.status, trail()) == ("active", [])


def test_a_card_of_older_times_gets_what_the_processor_knows(sandbox: RunningSandbox) -> None:
    (method,) = a_wallet(cards=1)
    set_expiry(sandbox, method, 2099, 12)
    FundingMethod.objects.update(fingerprint="", funding_type="unknown", country="")

    for _ in range(2):
        check()

    method.refresh_from_db()
    known = as_at_processor(sandbox, method)["card"]
    assert (method.fingerprint, method.funding_type, method.country) == (known["fingerprint"], "credit", "US")
    assert trail() == [("method.described", str(method.pk))]


@pytest.mark.parametrize("customer", [None, "cus_somebody_else"])
def test_a_detached_or_foreign_card_leaves_routing(sandbox: RunningSandbox, customer: str | None) -> None:
    gone, stays = a_wallet(cards=2)
    for method in (gone, stays):
        set_expiry(sandbox, method, 2099, 12)
    as_at_processor(sandbox, gone)["customer"] = customer
    version = Cardholder.objects.get(pk=gone.cardholder_id).wallet_version

    check()
    check()

    assert list(FundingMethod.objects.order_by("pk").values_list("status", flat=True)) == ["detached", "active"]
    assert trail() == [("method.detached", str(gone.pk))]
    assert Cardholder.objects.get(pk=gone.cardholder_id).wallet_version > version, "a decision under way sees it"


def test_a_card_that_the_processor_does_not_know_is_gone(sandbox: RunningSandbox) -> None:
    (method,) = a_wallet(cards=1, ids=["pm_never_made"])

    check()

    method.refresh_from_db()
    assert method.status == "detached"


def test_a_card_is_disabled_after_its_month_in_the_holders_zone(
    sandbox: RunningSandbox,
) -> None:
    (method,) = a_wallet(cards=1)
    set_expiry(sandbox, method, 2026, 11)

    with time_machine.travel(dt.datetime(2026, 12, 1, 4, 59, tzinfo=dt.UTC), tick=False):
        check()  # 30 November, 23:59 in New York.
        method.refresh_from_db()
        assert method.status == "active"
    with time_machine.travel(dt.datetime(2026, 12, 1, 5, 0, tzinfo=dt.UTC), tick=False):
        check()

    method.refresh_from_db()
    assert method.status == "disabled"
    assert trail() == [("method.expires_soon", str(method.pk)), ("method.expired", str(method.pk))]


@pytest.mark.parametrize(("today", "noticed"), [((2026, 11, 30), False), ((2026, 12, 1), True)])
def test_a_card_that_expires_within_thirty_days_is_noticed_once(
    sandbox: RunningSandbox, today: tuple[int, int, int], noticed: bool
) -> None:
    (method,) = a_wallet(cards=1)
    set_expiry(sandbox, method, 2026, 12)

    with time_machine.travel(dt.datetime(*today, 12, tzinfo=dt.UTC), tick=False):
        check()
        check()

    assert trail() == [("method.expires_soon", str(method.pk))] * noticed
    method.refresh_from_db()
    assert method.status == "active"


def test_a_card_that_its_network_renewed_goes_on_with_the_new_date(sandbox: RunningSandbox) -> None:
    (method,) = a_wallet(cards=1)
    set_expiry(sandbox, method, 2099, 12)
    FundingMethod.objects.update(expiry_year=2020, expiry_month=1)

    check()

    method.refresh_from_db()
    assert (method.status, method.expiry_year, method.expiry_month) == ("active", 2099, 12)
    assert trail() == [("method.renewed", str(method.pk))]


@pytest.mark.parametrize("do", ["rate_limit", "html_error", "drop_request", "drop_answer", "error_500"])
def test_one_card_without_an_answer_is_left_alone_and_stops_no_other(sandbox: RunningSandbox, do: str) -> None:
    unanswered, gone = a_wallet(cards=2)
    for method in (unanswered, gone):
        as_at_processor(sandbox, method)["customer"] = None
    path = f"/v1/payment_methods/{unanswered.processor_method_id}"
    sandbox.order(method="GET", path=path, do=do)

    check()

    assert list(FundingMethod.objects.order_by("pk").values_list("status", flat=True)) == ["active", "detached"]


def test_a_processor_that_is_away_ends_the_nights_check() -> None:
    asked = []
    holder = CardholderFactory(processor_customer_id=CUSTOMER)
    for _ in range(9):
        FundingMethodFactory(cardholder=holder)

    def away(method_id: str) -> SavedMethod:
        asked.append(method_id)
        raise OutcomeUnknownError("Nobody there.")

    assert check(look_up=away) is None

    assert len(asked) == nightly_check.MOST_UNANSWERED
    assert not FundingMethod.objects.exclude(status="active").exists()


def test_a_fault_in_one_card_stops_no_other() -> None:
    holder = CardholderFactory(processor_customer_id=CUSTOMER)
    first, second = FundingMethodFactory(cardholder=holder), FundingMethodFactory(cardholder=holder)

    def broken(method_id: str) -> SavedMethod | None:
        if method_id == first.processor_method_id:
            raise ZeroDivisionError
        return None

    check(look_up=broken)

    assert list(FundingMethod.objects.order_by("pk").values_list("status", flat=True)) == ["active", "detached"]
    assert second.pk > first.pk


def test_what_somebody_changed_during_the_check_is_newer() -> None:
    method = FundingMethodFactory()

    def renewed_meanwhile(_id: str) -> SavedMethod | None:
        FundingMethod.objects.update(expiry_year=2098)
        return None

    check(look_up=renewed_meanwhile)

    method.refresh_from_db()
    assert (method.status, method.expiry_year, trail()) == ("active", 2098, [])


def test_pages_are_walked_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly_check, "PAGE", 2)
    for _ in range(5):
        FundingMethodFactory()

    check(look_up=lambda _id: None)

    assert set(FundingMethod.objects.values_list("status", flat=True)) == {"detached"}


def test_a_stretch_that_is_over_leaves_the_rest_to_the_next_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly_check, "TIME_BUDGET_S", -1.0)
    first, _second = FundingMethodFactory(), FundingMethodFactory()
    with processor_sandbox():
        nightly_check.check_and_go_on(after_id=0)
        assert Message.objects.get(topic="methods.check_requested").payload == {"after_id": first.pk}
        nightly_check.check_and_go_on(after_id=first.pk)

    assert set(FundingMethod.objects.values_list("status", flat=True)) == {"detached"}


def test_inside_a_transaction_it_is_refused() -> None:
    with pytest.raises(TransactionError), transaction.atomic():
        check()


def test_disabled_cards_are_not_asked_about() -> None:
    FundingMethodFactory(status="disabled", processor_method_id=PAYMENT_METHODS[0])
    asked: list[str] = []

    check(look_up=asked.append)

    assert asked == []


def test_an_expired_card_that_its_bank_renewed_pays_again(sandbox: RunningSandbox) -> None:
    (method,) = a_wallet(cards=1)
    set_expiry(sandbox, method, 2026, 1)
    check()
    method.refresh_from_db()
    assert (method.status, method.disabled_because) == ("disabled", "expired")
    check()
    as_at_processor(sandbox, method)["card"].update(exp_year=2099, exp_month=12)

    check()

    method.refresh_from_db()
    assert (method.status, method.disabled_because, method.expiry_year) == ("active", "", 2099)
    assert [action for action, _ in trail()] == ["method.expired", "method.renewed"]
