"""Disputes of our charges, told by the processor's own events: money, case, card and debt, whatever the order."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.conf import settings
from django.urls import reverse

from issuing.handlers import dispatch
from issuing.models import IssuerEvent
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from onecard.outbox.models import Message
from tests import stripe_events
from tests.back_office import logged_in, superuser, text_of
from tests.sandbox.running import RunningSandbox
from tests.sandboxes import intended_charge, processor_sandbox
from tests.threads import at_once
from wallet.accounts import Account
from wallet.casework import actions as case_actions
from wallet.casework import rules as case_rules
from wallet.charges import charge as charges
from wallet.fees import book as fees
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingDispute, FundingObligation, FundingRefund, Posting
from wallet.obligations import adjust
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

pytestmark = pytest.mark.django_db(transaction=True)
HELPERS = "/v1/test_helpers"
_numbers = itertools.count(1)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def paid(amount_minor: int = 4500, **fields: Any) -> FundingCharge:
    """A purchase that its merchant has captured and a card has paid."""
    name = fields.pop("purchase", f"authorization:77{next(_numbers):06d}")
    charge = intended_charge(amount_minor=amount_minor, purchase=name, **fields)
    assert charges.charge(charge_id=charge.pk) == "succeeded"
    if name.startswith("authorization:"):
        with transaction():
            money = Money(amount_minor, charge.obligation.currency)
            ledger.post(kind=Posting.Kind.CAPTURE, key=f"capture:{name}", money=money, reference=name)
    charge.refresh_from_db()
    return charge


def ask(sandbox: RunningSandbox, path: str, **params: Any) -> dict[str, Any]:
    answer = requests.post(f"{sandbox.url}{path}", data=params, auth=(settings.STRIPE_API_KEY, ""), timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def dispute(sandbox: RunningSandbox, charge: FundingCharge, **params: Any) -> dict[str, Any]:
    return ask(sandbox, f"{HELPERS}/payment_intents/{charge.processor_charge_id}/dispute", **params)


def end(sandbox: RunningSandbox, disputed: dict[str, Any], how: str) -> None:
    ask(sandbox, f"{HELPERS}/disputes/{disputed['id']}/{how}")


def events(sandbox: RunningSandbox, *types: str) -> list[dict[str, Any]]:
    """What the processor has told of these kinds, the oldest first."""
    params = {f"types[{place}]": each for place, each in enumerate(types)} | {"limit": "100"}
    url = f"{sandbox.url}/v1/events"
    listed = requests.get(url, params=params, auth=(settings.STRIPE_API_KEY, ""), timeout=10).json()["data"]
    return listed[::-1]


def news(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    kinds = ("created", "updated", "funds_withdrawn", "funds_reinstated", "closed")
    return events(sandbox, *[f"charge.dispute.{kind}" for kind in kinds])


def deliver(event: dict[str, Any]) -> str:
    assert stripe_events.post(event).json() == {"received": True}
    late = clock.now() + dispatch.WAIT_FOR_DECISION
    return dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk, now=late)


def hear(sandbox: RunningSandbox) -> None:
    for event in news(sandbox):
        deliver(event)


def balance(account: str, reference: str | None = None) -> int:
    return ledger.balance(account, currency="USD", reference=reference)


def open_cases() -> list[str]:
    return sorted(Case.objects.filter(status="open").values_list("kind", flat=True))


def test_dispute_takes_the_money_and_opens_a_case_with_its_due_date(sandbox: RunningSandbox) -> None:
    charge = paid()
    dispute(sandbox, charge, due_by=2_000_000_000)

    hear(sandbox)

    found = FundingDispute.objects.get()
    assert (found.status, found.withdrawn_minor, found.charge, found.reason) == (
        "needs_response",
        4500,
        charge,
        "fraudulent",
    )
    assert balance(Account.FUNDING_DISPUTES) == 4500
    assert balance(Account.PROCESSOR) == -1500
    assert balance(Account.FEES) == 1500
    assert balance(Account.PURCHASES, charge.obligation.purchase) == 0
    case = Case.objects.get()
    assert (case.kind, case.amount_minor, case.obligation) == ("charge_disputed", 4500, charge.obligation)
    assert "18 May 2033" in case.summary
    assert "not theirs" in case.summary
    charge.method.refresh_from_db()
    assert charge.method.status == "disabled"
    assert case_rules.why_not_resolve(case_rules.look_at(case))
    assert ledger_check.check() == []


def test_won_dispute_brings_the_money_back_and_closes_its_case(sandbox: RunningSandbox) -> None:
    charge = paid()
    end(sandbox, dispute(sandbox, charge), "win")

    hear(sandbox)

    assert FundingDispute.objects.get().status == "won"
    assert (balance(Account.FUNDING_DISPUTES), balance(Account.PROCESSOR), balance(Account.FEES)) == (0, 4500, 0)
    assert open_cases() == []
    assert FundingObligation.objects.count() == 1
    assert not Message.objects.filter(topic="cardholder.notify").exists()


def test_lost_dispute_is_owed_by_the_cardholder_and_charges_no_card(sandbox: RunningSandbox) -> None:
    charge = paid()
    end(sandbox, dispute(sandbox, charge), "lose")

    hear(sandbox)

    owed = FundingObligation.objects.exclude(pk=charge.obligation_id).get()
    assert (owed.status, owed.payable.minor, owed.purchase) == ("failed", 4500, charge.obligation.purchase)
    assert owed.charges.count() == 0
    assert open_cases() == ["receivable"]
    assert Message.objects.filter(topic="cardholder.notify").count() == 1
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert balance(Account.PURCHASES, owed.purchase) == 4500
    assert adjust.committed_minor(owed.purchase, "USD") == 4500
    assert ledger_check.check() == []


def test_settlement_after_a_lost_dispute_neither_charges_nor_refunds(sandbox: RunningSandbox) -> None:
    charge = paid()
    end(sandbox, dispute(sandbox, charge), "lose")
    hear(sandbox)

    with transaction():
        change = adjust.bring_to(
            purchase=charge.obligation.purchase,
            amount_due=Money(4500, "USD"),
            description="",
            is_over=True,
            actor="system:t",
        )

    assert change == 0
    assert FundingCharge.objects.count() == 1
    assert not FundingRefund.objects.exists()


def test_merchant_refund_after_a_lost_dispute_lessens_what_is_owed(sandbox: RunningSandbox) -> None:
    charge = paid()
    end(sandbox, dispute(sandbox, charge), "lose")
    hear(sandbox)

    with transaction():
        adjust.bring_to(
            purchase=charge.obligation.purchase,
            amount_due=Money(0, "USD"),
            description="",
            is_over=True,
            actor="system:t",
        )

    owed = FundingObligation.objects.exclude(pk=charge.obligation_id).get()
    assert (owed.status, open_cases()) == ("released", [])
    assert not FundingRefund.objects.exists()


def test_cardholder_pays_a_lost_dispute_with_another_card(sandbox: RunningSandbox) -> None:
    charge = paid()
    end(sandbox, dispute(sandbox, charge), "lose")
    hear(sandbox)
    from tests.factories import FundingMethodFactory

    other = FundingMethodFactory(cardholder=charge.method.cardholder, processor_method_id="pm_1SG9gRQLFtcEJSwHXKtuCu0T")
    case = Case.objects.get(kind="receivable")
    made = case_actions.charge_another(case=case, user=superuser(), method=other, reason="They asked for it.")

    assert charges.charge(charge_id=made.pk) == "succeeded"
    assert open_cases() == []
    assert balance(Account.PURCHASES, charge.obligation.purchase) == 0
    assert ledger_check.check() == []


def test_won_after_it_was_lost_takes_the_debt_away(sandbox: RunningSandbox) -> None:
    charge = paid()
    disputed = dispute(sandbox, charge)
    end(sandbox, disputed, "lose")
    hear(sandbox)
    end(sandbox, disputed, "win")
    FundingDispute.objects.update(told_at=clock.now() - dispatch.WAIT_FOR_DECISION)
    hear(sandbox)

    owed = FundingObligation.objects.exclude(pk=charge.obligation_id).get()
    assert (FundingDispute.objects.get().status, owed.status, open_cases()) == ("won", "released", [])
    assert (balance(Account.FUNDING_DISPUTES), balance(Account.PURCHASES)) == (0, 0)
    assert balance(Account.PROCESSOR) == 4500
    assert ledger_check.check() == []


@pytest.mark.parametrize("how", ["win", "lose"])
def test_any_order_and_repetition_of_the_news_ends_the_same(sandbox: RunningSandbox, how: str) -> None:
    charge = paid()
    end(sandbox, dispute(sandbox, charge), how)
    told = news(sandbox)
    ends = set()
    for order in itertools.permutations(told):
        FundingDispute.objects.all().delete()
        forget(charge)
        for event in (*order, *order[:2]):
            deliver(event | {"id": stripe_events.unique("evt")})
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
    charge = paid()
    end(sandbox, dispute(sandbox, charge), "lose")
    pks = []
    for event in news(sandbox) * 2:
        again = event | {"id": stripe_events.unique("evt")}
        stripe_events.post(again)
        pks.append(IssuerEvent.objects.get(event_id=again["id"]).pk)

    at_once([lambda pk=pk: dispatch.handle(event_pk=pk) for pk in pks])

    assert FundingDispute.objects.get().lost_minor == 4500
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert (FundingObligation.objects.count(), open_cases()) == (2, ["receivable"])


def test_inquiry_moves_no_money_until_it_becomes_a_dispute(sandbox: RunningSandbox) -> None:
    charge = paid()
    asked = dispute(sandbox, charge, inquiry="true")
    hear(sandbox)
    charge.method.refresh_from_db()
    assert (FundingDispute.objects.get().status, charge.method.status) == ("warning_needs_response", "active")
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert "No money has moved" in Case.objects.get().summary

    end(sandbox, asked, "escalate")
    hear(sandbox)
    assert FundingDispute.objects.get().status == "needs_response"
    assert (balance(Account.FUNDING_DISPUTES), open_cases()) == (4500, ["charge_disputed"])


def test_inquiry_that_is_closed_closes_its_case(sandbox: RunningSandbox) -> None:
    asked = dispute(sandbox, paid(), inquiry="true")
    end(sandbox, asked, "close_inquiry")

    hear(sandbox)

    assert (FundingDispute.objects.get().status, open_cases()) == ("warning_closed", [])


def test_two_partial_disputes_of_one_charge_are_two(sandbox: RunningSandbox) -> None:
    charge = paid()
    end(sandbox, dispute(sandbox, charge, amount=1000), "lose")
    end(sandbox, dispute(sandbox, charge, amount=2000), "lose")

    hear(sandbox)

    owed = FundingObligation.objects.exclude(pk=charge.obligation_id).order_by("pk")
    assert [each.payable.minor for each in owed] == [1000, 2000]
    assert refunds.given_back_minor(charge.obligation) == 3000
    assert balance(Account.PURCHASES, charge.obligation.purchase) == 3000
    assert ledger_check.check() == []


def test_dispute_after_a_refund_is_owed_beside_it(sandbox: RunningSandbox) -> None:
    charge = paid()
    with transaction():
        refund = refunds.begin(obligation=charge.obligation, amount_minor=1500, reason="Less.", actor="user:1")
    refund_sending.refund(refund_id=refund.pk)
    end(sandbox, dispute(sandbox, charge), "lose")

    hear(sandbox)

    assert FundingObligation.objects.exclude(pk=charge.obligation_id).get().payable.minor == 4500
    assert adjust.committed_minor(charge.obligation.purchase, "USD") == 3000
    assert ledger_check.check() == []


def test_dispute_of_a_charge_that_is_none_of_ours_is_kept_with_a_case(sandbox: RunningSandbox) -> None:
    charge = paid()
    dispute(sandbox, charge)
    told = news(sandbox)[0]
    told["data"]["object"]["payment_intent"] = "pi_somebody_elses"

    assert deliver(told) == "kept"

    assert FundingDispute.objects.get().charge is None
    assert open_cases() == ["unhandled_money"]
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert ledger_check.check() == []


def test_withdrawal_that_lists_no_movement_is_booked_once(sandbox: RunningSandbox) -> None:
    charge = paid()
    dispute(sandbox, charge)
    told = {event["type"]: event for event in news(sandbox)}
    bare = told["charge.dispute.funds_withdrawn"]
    listed = bare["data"]["object"]["balance_transactions"]
    bare["data"]["object"]["balance_transactions"] = []
    deliver(bare)
    assert balance(Account.FUNDING_DISPUTES) == 4500

    again = told["charge.dispute.created"]
    again["data"]["object"]["balance_transactions"] = listed
    deliver(again)
    assert (balance(Account.FUNDING_DISPUTES), balance(Account.FEES)) == (4500, 1500)


def test_what_comes_back_without_a_movement_was_taken_before(sandbox: RunningSandbox) -> None:
    charge = paid()
    end(sandbox, dispute(sandbox, charge), "win")
    told = {event["type"]: event for event in news(sandbox)}
    for event in told.values():
        event["data"]["object"]["balance_transactions"] = []
    for kind in ("charge.dispute.funds_reinstated", "charge.dispute.funds_withdrawn", "charge.dispute.created"):
        deliver(told[kind])

    kept = FundingDispute.objects.get()
    assert (kept.withdrawn_minor, kept.lost_minor) == (0, 0)
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert Posting.objects.filter(kind="charge_disputed").count() == 2, "taken once and given back once"


@pytest.mark.parametrize("listed", [("created",), ("funds_reinstated",), ("created", "funds_reinstated")])
def test_what_was_listed_is_not_booked_again_for_an_event_without_a_list(
    sandbox: RunningSandbox, listed: tuple[str, ...]
) -> None:
    """As when two endpoints of different API versions send the same dispute."""
    charge = paid()
    end(sandbox, dispute(sandbox, charge), "win")
    reported = {event["type"].rpartition(".")[2]: event for event in news(sandbox)}
    for kind in listed:
        deliver(reported[kind])
    before = balance(Account.FUNDING_DISPUTES), Posting.objects.filter(kind="charge_disputed").count()

    bare = reported["funds_withdrawn"]
    bare["data"]["object"]["balance_transactions"] = []
    deliver(bare)

    assert before[1] == len(reported[listed[-1]]["data"]["object"]["balance_transactions"])
    assert (balance(Account.FUNDING_DISPUTES), Posting.objects.filter(kind="charge_disputed").count()) == before
    assert ledger_check.check() == []


def test_lost_top_up_is_a_case_for_a_person(sandbox: RunningSandbox) -> None:
    charge = paid(purchase="card:9001")
    end(sandbox, dispute(sandbox, charge), "lose")

    hear(sandbox)

    assert open_cases() == ["unhandled_money"]
    assert FundingObligation.objects.count() == 1
    assert balance(Account.FUNDING_DISPUTES) == 4500


def test_nightly_list_brings_a_dispute_whose_events_never_came(sandbox: RunningSandbox) -> None:
    charge = paid()
    dispute(sandbox, charge)

    since = clock.now() - dispatch.WAIT_FOR_DECISION * 6
    fees.book(since=since, until=clock.now() + dispatch.WAIT_FOR_DECISION)
    hear(sandbox)
    fees.book(since=since, until=clock.now() + dispatch.WAIT_FOR_DECISION)

    assert open_cases() == ["charge_disputed"]
    assert balance(Account.FUNDING_DISPUTES) == 4500
    assert Posting.objects.filter(kind="charge_disputed").count() == 1
    assert Posting.objects.filter(kind="fee", amount_minor=1500).count() == 1
    assert ledger_check.check() == []


@pytest.mark.parametrize("change", [{"amount": "45"}, {"amount": None}, {"currency": "zzz"}, {"id": ""}, {"amount": 0}])
def test_dispute_that_cannot_be_read_is_rejected(sandbox: RunningSandbox, change: dict[str, Any]) -> None:
    dispute(sandbox, paid())
    told = news(sandbox)[0]
    told["data"]["object"] |= change

    assert deliver(told) == "rejected"
    assert not FundingDispute.objects.exists()


def test_pages_of_a_dispute_say_what_to_do_and_until_when(sandbox: RunningSandbox) -> None:
    client, listed = logged_in(), reverse("admin:wallet_fundingdispute_changelist")
    assert "charge.dispute events" in text_of(client.get(listed))
    charge = paid()
    dispute(sandbox, charge, due_by=2_000_000_000)
    hear(sandbox)
    found = FundingDispute.objects.get()

    assert "2033" in text_of(client.get(f"{listed}?status__exact=needs_response"))
    page = reverse("admin:wallet_fundingdispute_change", args=[found.pk])
    assert "Submit the evidence" in text_of(client.get(page))
    assert page in text_of(client.get(reverse("admin:wallet_case_change", args=[Case.objects.get().pk])))
    assert page in text_of(client.get(reverse("admin:wallet_fundingcharge_change", args=[charge.pk])))
