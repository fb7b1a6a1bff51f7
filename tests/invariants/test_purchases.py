"""Random lives of purchases, with the invariants checked after every step (money-safety I4, I5, I6, I7, I10, I11)."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import F, Q, Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from audit.models import Entry
from issuing import handlers
from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.outbox.models import Message
from routing import rulebook
from tests import stripe_events
from tests.wallets import walkthrough_card
from wallet import outcomes, states
from wallet.models import Case, FundingCharge, FundingObligation
from wallet.processors.base import Outcome

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
            held = Hold.objects.filter(status="placed").filter(Q(day=window) | Q(month=window))
            assert window.spent_minor == (held.aggregate(total=Sum("amount_minor"))["total"] or 0)
            limit = self.card.daily_limit_minor if window.kind == "day" else self.card.monthly_limit_minor
            assert window.spent_minor <= limit

    @invariant()
    def an_authorization_holds_what_its_holds_hold(self) -> None:
        for authorization in Authorization.objects.all():
            held = authorization.holds.filter(status="placed").aggregate(total=Sum("amount_minor"))["total"] or 0
            # What the issuer approved without us is approved and not held: a person has the case.
            told = Case.objects.filter(kind="approved_without_us", reference=f"authorization:{authorization.pk}")
            assert authorization.approved_minor == held or told.exists()
            if authorization.status in ("declined", "reversed", "expired"):
                assert held == 0

    @invariant()
    def every_approval_of_money_has_its_hold_obligation_message_and_entry(self) -> None:
        approvals = Decision.objects.filter(approved=True, amount_minor__gt=0)
        assert not approvals.filter(Q(hold=None) | Q(obligation=None)).exists()
        assert not approvals.exclude(obligation__amount_minor=F("amount_minor")).exists()
        assert approvals.count() == FundingObligation.objects.count() == Hold.objects.count()
        assert approvals.count() == Message.objects.filter(topic="funding.requested").count()
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
                assert obligation.cases.filter(status=Case.Status.OPEN).exists()
            if obligation.status == "released" and succeeded:
                assert obligation.cases.filter(kind="charged_without_purchase").exists()


@pytest.mark.django_db
def test_no_sequence_of_news_breaks_an_invariant() -> None:
    """On a failure Hypothesis prints the steps and the blob that repeats them."""
    run_state_machine_as_test(
        Purchases,
        settings=settings(
            max_examples=60,
            stateful_step_count=20,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
