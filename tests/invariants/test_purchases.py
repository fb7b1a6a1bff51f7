"""Random lives of purchases, with the invariants checked after every step (money-safety I4, I5, I6, I7, I10, I11)."""

import datetime as dt
import os
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import F, Q, Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from audit.models import Entry
from issuing import handlers, owing, settling
from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.outbox.models import Message
from routing import rulebook
from tests import stripe_events
from tests.wallets import walkthrough_card
from wallet import ledger, outcomes, refunds, states
from wallet.chart import Account
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund
from wallet.processors.base import Outcome, RefundOutcome

LIVE = Q(status__in=states.LIVE_CHARGE)
START = dt.datetime(2026, 3, 7, 20, tzinfo=dt.UTC)  # The night before the clocks change in New York.


class Purchases(RuleBasedStateMachine):
    """One card, many purchases; the issuer and the processor say what they like, in any order and more than once."""

    requests = Bundle("requests")

    @initialize(daily=st.integers(1_000, 60_000), monthly=st.integers(1_000, 200_000))
    def world(self, daily: int, monthly: int) -> None:
        rulebook._compiled = None
        self.unit = transaction.atomic()
        self.unit.__enter__()
        self.traveller = time_machine.travel(START, tick=False)
        self.clock = self.traveller.start()
        self.card = walkthrough_card(daily_limit_minor=daily, monthly_limit_minor=monthly)
        self.answers: dict[str, bytes] = {}

    def teardown(self) -> None:
        if hasattr(self, "traveller"):
            self.traveller.stop()
            transaction.set_rollback(True)
            self.unit.__exit__(None, None, None)

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        response = stripe_events.post(event)
        assert response.status_code == 200
        assert self.answers.setdefault(event["id"], response.content) == response.content
        return event

    def tell(self, event: dict[str, Any]) -> None:
        stripe_events.post(event)
        handlers.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)

    @rule(target=requests, amount=st.integers(0, 30_000), mcc=st.sampled_from(["5812", "5411", "7230", "6011"]))
    def buys(self, amount: int, mcc: str) -> dict[str, Any]:
        return self.ask(stripe_events.authorization_request(card=self.card.issuer_card_id, amount=amount, mcc=mcc))

    @rule(request=requests)
    def asks_again(self, request: dict[str, Any]) -> None:
        self.ask(request)

    @rule(request=requests)
    def asks_by_a_twin(self, request: dict[str, Any]) -> None:
        twin = request | {"id": stripe_events.unique("evt")}
        self.ask(twin)
        assert self.answers[twin["id"]] == self.answers[request["id"]]

    @rule(target=requests, request=requests, amount=st.integers(1, 10_000), rounds=st.integers(1, 3))
    def increments(self, request: dict[str, Any], amount: int, rounds: int) -> dict[str, Any]:
        return self.ask(
            stripe_events.authorization_request(
                card=self.card.issuer_card_id,
                authorization=request["data"]["object"]["id"],
                amount=amount,
                approved_before=1,
                history=[{"approved": True, "reason": "webhook_approved"}] * rounds,
            )
        )

    @rule(
        request=requests,
        status=st.sampled_from(["pending", "closed", "reversed", "expired", "new_word"]),
        approved=st.booleans(),
        kind=st.sampled_from(["created", "updated"]),
    )
    def issuer_reports(self, request: dict[str, Any], status: str, approved: bool, kind: str) -> None:
        history = [{"approved": approved, "reason": "webhook_approved"}]
        news = stripe_events.authorization_news(
            request, kind=kind, status=status, approved=approved, request_history=history
        )
        self.tell(news)

    @rule(request=requests, amount=st.integers(1, 40_000), kind=st.sampled_from(["capture", "capture", "refund"]))
    def merchant_moves(self, request: dict[str, Any], amount: int, kind: str) -> None:
        content = {
            "id": stripe_events.unique("ipi"),
            "type": kind,
            "amount": -amount if kind == "capture" else amount,
            "currency": "usd",
            "card": self.card.issuer_card_id,
            "authorization": request["data"]["object"]["id"],
            "created": int(START.timestamp()),
            "merchant_data": {"category_code": "5812", "name": "Bistro"},
        }
        self.tell(stripe_events.event("issuing_transaction.created", content))

    @rule()
    def the_sweeper_comes_by(self) -> None:
        settling.sweep()

    @rule(pick=st.integers(0, 5), status=st.sampled_from(["succeeded", "failed"]))
    def processor_reports_a_refund(self, pick: int, status: str) -> None:
        sent = list(FundingRefund.objects.exclude(charge=None).order_by("id"))
        if sent:
            refund = sent[pick % len(sent)]
            FundingRefund.objects.filter(pk=refund.pk, status="intended").update(status="sending")
            refunds.record(refund_id=refund.pk, outcome=RefundOutcome(status), actor="processor:stripe")

    @rule(status=st.sampled_from(states.Charge.values), pick=st.integers(0, 5))
    def processor_reports(self, status: str, pick: int) -> None:
        charges = list(FundingCharge.objects.order_by("id"))
        if charges:
            charge = charges[pick % len(charges)]
            FundingCharge.objects.filter(pk=charge.pk, status="intended").update(status="sending")
            outcomes.record(charge_id=charge.pk, outcome=Outcome(status), actor="processor:stripe")

    @rule(hours=st.integers(1, 40))
    def time_passes(self, hours: int) -> None:
        self.clock.shift(dt.timedelta(hours=hours))

    @rule(
        status=st.sampled_from(["active", "active", "frozen"]),
        zone=st.sampled_from(["America/New_York", "Asia/Tokyo", "Pacific/Pago_Pago"]),
    )
    def staff_edits(self, status: str, zone: str) -> None:
        VirtualCard.objects.update(status=status)
        type(self.card.cardholder).objects.update(time_zone=zone)

    @invariant()
    def counters_equal_the_holds_and_respect_the_limits(self) -> None:
        if not hasattr(self, "card"):
            return
        for window in SpendWindow.objects.all():
            assert window.spent_minor == still_held(Hold.objects.filter(Q(day=window) | Q(month=window)))
            limit = self.card.daily_limit_minor if window.kind == "day" else self.card.monthly_limit_minor
            assert window.spent_minor <= limit

    @invariant()
    def an_authorization_holds_what_its_holds_hold(self) -> None:
        for authorization in Authorization.objects.all():
            held = still_held(authorization.holds.all())
            # What the issuer approved without us is approved and not held: a person has the case.
            told = Case.objects.filter(kind="approved_without_us", reference=f"authorization:{authorization.pk}")
            told_again = authorization.status == "approved" or authorization.status == "settled"
            assert authorization.approved_minor == held or told.exists() or told_again
            if authorization.status in ("declined", "reversed", "expired"):
                assert held == 0

    @invariant()
    def every_approval_of_money_has_its_hold_obligation_message_and_entry(self) -> None:
        approvals = Decision.objects.filter(approved=True, amount_minor__gt=0)
        assert not approvals.filter(Q(hold=None) | Q(obligation=None)).exists()
        assert not approvals.exclude(obligation__amount_minor=F("amount_minor")).exists()
        decided = FundingObligation.objects.filter(reference__startswith="decision:")
        assert approvals.count() == decided.count() == Hold.objects.count()
        assert FundingCharge.objects.count() == Message.objects.filter(topic="funding.requested").count()
        approved = Entry.objects.filter(action="authorization.approved", details__has_key="decision")
        assert approved.count() == Decision.objects.filter(approved=True).count()

    @invariant()
    def an_obligation_has_at_most_one_live_charge_and_says_where_it_stands(self) -> None:
        for obligation in FundingObligation.objects.all():
            live = obligation.charges.filter(LIVE)
            assert live.count() <= 1
            succeeded = live.filter(status="succeeded").exists()
            if obligation.status == "funded":
                assert succeeded
            if obligation.status == "failed":
                assert not live.exists()
                goes_on = Message.objects.filter(topic="funding.failed", payload__obligation_id=obligation.pk)
                assert goes_on.exists() or obligation.cases.filter(status=Case.Status.OPEN).exists()
            if obligation.status == "released" and succeeded:
                given_back = refunds.given_back_minor(obligation)
                failed = obligation.refunds.filter(status="failed").exists()
                assert given_back == obligation.amount_minor or failed

    @invariant()
    def nobody_pays_less_than_is_owed_and_after_a_look_nobody_pays_more(self) -> None:
        for authorization in Authorization.objects.all():
            name = owing.reference(authorization)
            obligations = FundingObligation.objects.filter(purchase=name)
            if not obligations.exists():
                continue
            left = sum(
                each.amount_minor - refunds.given_back_minor(each) for each in obligations.exclude(status="released")
            )
            assert left >= owing.owed_minor(authorization)
            with transaction.atomic():
                owing.follow(authorization, actor="test")
                assert owing.follow(authorization, actor="test") == 0, "the second look finds nothing to do"
                transaction.set_rollback(True)

    @invariant()
    def the_clearing_account_is_what_the_rows_say(self) -> None:
        for authorization in Authorization.objects.all():
            name = owing.reference(authorization)
            captured, returned = owing.moved_minor(authorization)
            charged = FundingCharge.objects.filter(obligation__purchase=name, status="succeeded")
            paid = charged.aggregate(total=Sum("obligation__amount_minor"))["total"] or 0
            back = FundingRefund.objects.filter(obligation__purchase=name, status="succeeded")
            given = back.aggregate(total=Sum("amount_minor"))["total"] or 0
            assert ledger.balance(Account.PURCHASES, currency="USD", reference=name) == (
                captured - returned - paid + given
            )


def still_held(holds: Any) -> int:
    placed = holds.filter(status="placed")
    return placed.aggregate(total=Sum(F("amount_minor") - F("released_minor")))["total"] or 0


# `make invariants` asks for many more.
EXAMPLES = int(os.environ.get("INVARIANT_EXAMPLES", "60"))


@pytest.mark.django_db
@pytest.mark.timeout(max(120, EXAMPLES))
def test_no_sequence_of_news_breaks_an_invariant() -> None:
    """On a failure Hypothesis prints the steps and the blob that repeats them."""
    run_state_machine_as_test(
        Purchases,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
