"""The processor's events about a dispute: in any order, repeated, at once, without a list, unreadable or missing."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from issuing.handlers import dispatch
from issuing.models import IssuerEvent
from onecard.kit import clock
from tests.issuing.handlers.charge_disputes import (
    balance,
    deliver_dispute_events,
    deliver_event,
    dispute_events,
    end_dispute,
    open_cases,
    open_dispute,
    paid_charge,
)
from tests.sandbox.running import RunningSandbox
from tests.support import stripe_events
from tests.support.sandboxes import processor_sandbox
from tests.support.threads import at_once
from wallet.accounts import Account
from wallet.fees import book as fees
from wallet.ledger import check as ledger_check
from wallet.models import Case, FundingCharge, FundingDispute, FundingObligation, Posting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.mark.only_in_proofs
@pytest.mark.parametrize("how", ["win", "lose"])
def test_any_order_and_repetition_of_the_events_ends_the_same(sandbox: RunningSandbox, how: str) -> None:
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge), how)
    told = dispute_events(sandbox)
    ends = set()
    for order in itertools.permutations(told):
        FundingDispute.objects.all().delete()
        forget(charge)
        for event in (*order, *order[:2]):
            deliver_event(event | {"id": stripe_events.unique("evt")})
        found = FundingDispute.objects.get()
        ends.add(
            (
                found.status,
                found.withdrawn_minor,
                found.lost_minor,
                balance(Account.FUNDING_DISPUTES),
                balance(Account.PROCESSOR),
                tuple(open_cases()),
                FundingObligation.objects.count(),
            )
        )
        assert ledger_check.check() == []

    assert ends == {
        ("won", 0, 0, 0, 4500, (), 1) if how == "win" else ("lost", 4500, 4500, 0, -1500, ("receivable",), 2)
    }


def forget(charge: FundingCharge) -> None:
    """Back to before the dispute."""
    from django.db import connection

    Case.objects.all().delete()
    FundingObligation.objects.exclude(pk=charge.obligation_id).delete()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wallet_posting DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM wallet_posting WHERE kind IN ('charge_disputed', 'charge_lost', 'fee')")
        cursor.execute("ALTER TABLE wallet_posting ENABLE TRIGGER USER")


def test_concurrent_deliveries_book_a_dispute_once(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge), "lose")
    pks = []
    for event in dispute_events(sandbox) * 2:
        again = event | {"id": stripe_events.unique("evt")}
        stripe_events.post(again)
        pks.append(IssuerEvent.objects.get(event_id=again["id"]).pk)

    at_once([lambda pk=pk: dispatch.handle(event_pk=pk) for pk in pks])

    assert FundingDispute.objects.get().lost_minor == 4500
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert (FundingObligation.objects.count(), open_cases()) == (2, ["receivable"])


def test_dispute_of_a_charge_that_is_none_of_ours_is_kept_with_a_case(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    open_dispute(sandbox, charge)
    told = dispute_events(sandbox)[0]
    told["data"]["object"]["payment_intent"] = "pi_somebody_elses"

    assert deliver_event(told) == "kept"

    assert FundingDispute.objects.get().charge is None
    assert open_cases() == ["unhandled_money"]
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert ledger_check.check() == []


def test_withdrawal_that_lists_no_movement_is_booked_once(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    open_dispute(sandbox, charge)
    told = {event["type"]: event for event in dispute_events(sandbox)}
    bare = told["charge.dispute.funds_withdrawn"]
    listed = bare["data"]["object"]["balance_transactions"]
    bare["data"]["object"]["balance_transactions"] = []
    deliver_event(bare)
    assert balance(Account.FUNDING_DISPUTES) == 4500

    again = told["charge.dispute.created"]
    again["data"]["object"]["balance_transactions"] = listed
    deliver_event(again)
    assert (balance(Account.FUNDING_DISPUTES), balance(Account.FEES)) == (4500, 1500)


def test_what_comes_back_without_a_movement_was_taken_before(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge), "win")
    told = {event["type"]: event for event in dispute_events(sandbox)}
    for event in told.values():
        event["data"]["object"]["balance_transactions"] = []
    for kind in ("charge.dispute.funds_reinstated", "charge.dispute.funds_withdrawn", "charge.dispute.created"):
        deliver_event(told[kind])

    kept = FundingDispute.objects.get()
    assert (kept.withdrawn_minor, kept.lost_minor) == (0, 0)
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert Posting.objects.filter(kind="charge_disputed").count() == 2, "taken once and given back once"


@pytest.mark.parametrize("listed", [("created",), ("funds_reinstated",), ("created", "funds_reinstated")])
def test_what_was_listed_is_not_booked_again_for_an_event_without_a_list(
    sandbox: RunningSandbox, listed: tuple[str, ...]
) -> None:
    """As when two endpoints of different API versions send the same dispute."""
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge), "win")
    reported = {event["type"].rpartition(".")[2]: event for event in dispute_events(sandbox)}
    for kind in listed:
        deliver_event(reported[kind])
    before = balance(Account.FUNDING_DISPUTES), Posting.objects.filter(kind="charge_disputed").count()

    bare = reported["funds_withdrawn"]
    bare["data"]["object"]["balance_transactions"] = []
    deliver_event(bare)

    assert before[1] == len(reported[listed[-1]]["data"]["object"]["balance_transactions"])
    assert (balance(Account.FUNDING_DISPUTES), Posting.objects.filter(kind="charge_disputed").count()) == before
    assert ledger_check.check() == []


def test_nightly_list_brings_a_dispute_whose_events_never_came(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    open_dispute(sandbox, charge)

    since = clock.now() - dispatch.WAIT_FOR_DECISION * 6
    fees.book(since=since, until=clock.now() + dispatch.WAIT_FOR_DECISION)
    deliver_dispute_events(sandbox)
    fees.book(since=since, until=clock.now() + dispatch.WAIT_FOR_DECISION)

    assert open_cases() == ["charge_disputed"]
    assert balance(Account.FUNDING_DISPUTES) == 4500
    assert Posting.objects.filter(kind="charge_disputed").count() == 1
    assert Posting.objects.filter(kind="fee", amount_minor=1500).count() == 1
    assert ledger_check.check() == []


@pytest.mark.parametrize("change", [{"amount": "45"}, {"amount": None}, {"currency": "zzz"}, {"id": ""}, {"amount": 0}])
def test_dispute_that_cannot_be_read_is_rejected(sandbox: RunningSandbox, change: dict[str, Any]) -> None:
    open_dispute(sandbox, paid_charge())
    told = dispute_events(sandbox)[0]
    told["data"]["object"] |= change

    assert deliver_event(told) == "rejected"
    assert not FundingDispute.objects.exists()
