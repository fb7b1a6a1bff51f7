"""Disputes of our charges: what they do to the money, the case and the funding card."""

from collections.abc import Iterator

import pytest
from django.urls import reverse

from onecard.outbox.models import Message
from tests.issuing.handlers.charge_disputes import (
    balance,
    deliver_dispute_events,
    end_dispute,
    open_cases,
    open_dispute,
    paid_charge,
)
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in, text_of
from tests.support.sandboxes import processor_sandbox
from wallet.accounts import Account
from wallet.casework import rules as case_rules
from wallet.ledger import check as ledger_check
from wallet.models import Case, FundingDispute, FundingObligation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def test_dispute_takes_the_money_and_opens_a_case_with_its_due_date(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    open_dispute(sandbox, charge, due_by=2_000_000_000)

    deliver_dispute_events(sandbox)

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
    assert case_rules.why_not_resolve(case_rules.read_facts(case))
    assert ledger_check.check() == []


def test_won_dispute_brings_the_money_back_and_closes_its_case(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge), "win")

    deliver_dispute_events(sandbox)

    assert FundingDispute.objects.get().status == "won"
    assert (balance(Account.FUNDING_DISPUTES), balance(Account.PROCESSOR), balance(Account.FEES)) == (0, 4500, 0)
    assert open_cases() == []
    assert FundingObligation.objects.count() == 1
    assert not Message.objects.filter(topic="cardholder.notify").exists()


def test_inquiry_moves_no_money_until_it_becomes_a_dispute(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    asked = open_dispute(sandbox, charge, inquiry="true")
    deliver_dispute_events(sandbox)
    charge.method.refresh_from_db()
    assert (FundingDispute.objects.get().status, charge.method.status) == ("warning_needs_response", "active")
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert "No money has moved" in Case.objects.get().summary

    end_dispute(sandbox, asked, "escalate")
    deliver_dispute_events(sandbox)
    assert FundingDispute.objects.get().status == "needs_response"
    assert (balance(Account.FUNDING_DISPUTES), open_cases()) == (4500, ["charge_disputed"])


def test_inquiry_that_is_closed_closes_its_case(sandbox: RunningSandbox) -> None:
    asked = open_dispute(sandbox, paid_charge(), inquiry="true")
    end_dispute(sandbox, asked, "close_inquiry")

    deliver_dispute_events(sandbox)

    assert (FundingDispute.objects.get().status, open_cases()) == ("warning_closed", [])


def test_pages_of_a_dispute_say_what_to_do_and_until_when(sandbox: RunningSandbox) -> None:
    client, listed = logged_in(), reverse("admin:wallet_fundingdispute_changelist")
    assert "charge.dispute events" in text_of(client.get(listed))
    charge = paid_charge()
    open_dispute(sandbox, charge, due_by=2_000_000_000)
    deliver_dispute_events(sandbox)
    found = FundingDispute.objects.get()

    assert "2033" in text_of(client.get(f"{listed}?status__exact=needs_response"))
    page = reverse("admin:wallet_fundingdispute_change", args=[found.pk])
    assert "Submit the evidence" in text_of(client.get(page))
    assert page in text_of(client.get(reverse("admin:wallet_case_change", args=[Case.objects.get().pk])))
    assert page in text_of(client.get(reverse("admin:wallet_fundingcharge_change", args=[charge.pk])))
