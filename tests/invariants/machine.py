"""Random lives of purchases: one card, one of two issuers, two currencies and two policies, time moving, and a
processor in any mood. What really happened is remembered outside of the product and compared once all is told.
"""

import contextlib
import datetime as dt
import sys
from typing import Any

import time_machine
from django.db import transaction
from django.test import override_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from issuing import card_funding, fall_back, owing, settling
from issuing.models import Authorization, BalanceUse, VirtualCard
from onecard.kit.money import Money
from routing import rulebook
from tests.invariants import checks
from tests.invariants.issuers import Buy, Event, MarqetaWords, StripeWords, Words
from tests.invariants.processor import CHARGE_MOODS, OTHER_MOODS, Moody
from tests.wallets import walkthrough_card
from wallet import calling_off, cascade, funding, methods, outcomes, refunding, refunds, states
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation, FundingRefund
from wallet.processors.base import Outcome

START = dt.datetime(2026, 3, 7, 20, tzinfo=dt.UTC)  # The night before the clocks change in New York.
AMOUNTS = st.integers(1, 30_000)
MOODS = st.lists(st.sampled_from(CHARGE_MOODS), max_size=4)
OVER = ("settled", "reversed", "expired")
# The wait for a capture is over after one day, retries by the clock after three, and holds after four.
DAYS_UNTIL_QUIET = (1, 1, 1, 3, 3)


class Purchases(RuleBasedStateMachine):
    """The issuer says what it likes, in any order and more than once; nothing is lost for ever."""

    buys = Bundle("buys")

    @initialize(
        provider=st.sampled_from(["stripe", "marqeta"]),
        currency=st.sampled_from(["USD", "EUR"]),
        policy=st.sampled_from(["charge_now", "hold_then_capture"]),
        spends_balance=st.booleans(),
        daily=st.integers(1_000, 60_000),
    )
    def world(self, provider: str, currency: str, policy: str, spends_balance: bool, daily: int) -> None:
        rulebook._compiled = None
        self.unit = transaction.atomic()
        self.unit._from_testcase = True  # type: ignore[attr-defined]
        self.unit.__enter__()
        self.settings = override_settings(FUNDING_POLICY=policy)
        self.settings.enable()
        self.traveller = time_machine.travel(START, tick=False)
        self.clock = self.traveller.start()
        self.card = walkthrough_card(
            issuer_provider=provider, currency=currency, spends_balance=spends_balance, daily_limit_minor=daily
        )
        FundingMethod.objects.update(currencies=["USD", "EUR"])
        words: Any = StripeWords if provider == "stripe" else MarqetaWords
        self.words: Words = words(self.card.issuer_card_id, currency)
        self.processor = Moody()
        self.answers: dict[str, bytes] = {}
        self.events: list[tuple[Event, Buy, str]] = []
        self.top_ups = 0
        self.all: list[Buy] = []

    def teardown(self) -> None:
        if not hasattr(self, "traveller"):
            return
        try:
            if sys.exc_info()[0] is None:
                self.all_is_told_and_done()
        finally:
            self.traveller.stop()
            self.settings.disable()
            transaction.set_rollback(True)
            self.unit.__exit__(None, None, None)

    # What people and merchants do -----------------------------------------------------------------------------------

    @rule(target=buys, amount=st.one_of(st.just(0), AMOUNTS), mcc=st.sampled_from(["5812", "5812", "7230", "6011"]))
    def buys_something(self, amount: int, mcc: str) -> Any:
        question = self.words.question(amount, mcc=mcc, follows=None)
        buy = Buy(question, amount)
        self.all.append(buy)
        is_yes = self.ask(question)
        self.note(self.words.reports(buy, "approved", amount), buy) if is_yes else None
        return buy if is_yes else multiple()

    @rule(buy=buys, amount=st.integers(1, 10_000))
    def needs_more(self, buy: Buy, amount: int) -> None:
        if not buy.ended and self.ask(self.words.question(amount, mcc="5812", follows=buy)):
            buy.rounds += 1
            buy.amount_minor += amount

    @rule(buy=buys)
    def asks_again(self, buy: Buy) -> None:
        self.ask(buy.asked)

    @rule(buy=buys, by=st.integers(1, 5_000))
    def needs_less(self, buy: Buy, by: int) -> None:
        if not buy.ended and 0 < by < buy.amount_minor and not buy.moved:
            buy.amount_minor -= by
            self.note(self.words.reduces(buy, by, buy.amount_minor), buy)

    @rule(buy=buys, status=st.sampled_from(OVER), now=st.booleans())
    def ends(self, buy: Buy, status: str, now: bool) -> None:
        if not buy.ended:
            buy.ended = status
            self.note(self.words.reports(buy, status, 0 if status == "reversed" else buy.amount_minor), buy, now=now)

    @rule(buy=buys, amount=st.integers(1, 40_000), whole=st.booleans(), now=st.booleans())
    def is_captured(self, buy: Buy, amount: int, whole: bool, now: bool) -> None:
        self.move(buy, "capture", buy.amount_minor if whole and buy.amount_minor else amount, now)

    @rule(buy=buys, amount=AMOUNTS, kind=st.sampled_from(["refund", "refund", "chargeback"]), now=st.booleans())
    def money_comes_back(self, buy: Buy, amount: int, kind: str, now: bool) -> None:
        if not buy.moved:
            return
        dispute = f"dispute_{len(self.events)}" if kind == "chargeback" else ""
        self.move(buy, kind, amount, now, dispute)
        if dispute:
            buy.disputes.append((dispute, amount))

    @rule(buy=buys, now=st.booleans())
    def the_merchant_contests(self, buy: Buy, now: bool) -> None:
        if buy.disputes:
            dispute, amount = buy.disputes.pop()
            self.move(buy, "chargeback_reversal", amount, now, dispute)

    @rule(pick=st.integers(0, 50))
    def an_event_arrives(self, pick: int) -> None:
        if self.events:
            self.deliver(*self.events[pick % len(self.events)])

    @rule(amount=AMOUNTS, moods=MOODS)
    def puts_money_on_the_card(self, amount: int, moods: list[str]) -> None:
        source = FundingMethod.objects.filter(cardholder=self.card.cardholder).order_by("position")[self.top_ups % 4]
        self.top_ups += 1
        self.processor.moods = list(moods)
        with contextlib.suppress(methods.UnusableMethodError):
            card_funding.fund_card(
                card=self.card,
                amount=Money(amount, self.card.currency),
                source=source,
                requested_by="test",
                request_key=f"top-up-{self.top_ups}",
                processor=self.processor,
            )
        self.processor.moods = []

    @rule(spends=st.booleans(), status=st.sampled_from(["active", "active", "frozen"]))
    def the_card_is_changed(self, spends: bool, status: str) -> None:
        VirtualCard.objects.filter(pk=self.card.pk).update(spends_balance=spends, status=status)

    # What the processor and the workers do --------------------------------------------------------------------------

    @rule(charge=MOODS, other=st.lists(st.sampled_from(OTHER_MOODS), max_size=4))
    def the_workers_come_by(self, charge: list[str], other: list[str]) -> None:
        self.processor.moods = list(charge)
        self.work()
        self.processor.moods = list(other)
        refunding.sweep(processor=self.processor)
        self.processor.moods = []

    @rule(
        what=st.sampled_from(["lapses", "ends_well", "ends_badly", "is_paid_by_hand"]),
        place=st.integers(0, 5),
    )
    def something_happens_at_the_processor(self, what: str, place: int) -> None:
        self.processor.happens(what, place)

    @rule(pick=st.integers(0, 50))
    def the_processor_tells(self, pick: int) -> None:
        if self.processor.news:
            self.hear(self.processor.news[pick % len(self.processor.news)])

    @rule(hours=st.integers(1, 70))
    def time_passes(self, hours: int) -> None:
        self.clock.shift(dt.timedelta(hours=hours))

    # What must hold -------------------------------------------------------------------------------------------------

    @invariant()
    def every_check_holds(self) -> None:
        if hasattr(self, "card"):
            found = checks.broken()
            assert not found, found

    @invariant()
    def the_processor_took_what_we_say_it_took(self) -> None:
        if not hasattr(self, "card"):
            return
        paid = FundingCharge.objects.filter(status="succeeded").select_related("obligation")
        for charge in paid:
            intent = self.processor.intents[str(charge.public_id)]
            assert (intent.status, intent.received_minor) == ("succeeded", charge.obligation.payable.minor)

    def all_is_told_and_done(self) -> None:
        """Every event has arrived, every worker has been by, time has passed: then the two sides must be the same."""
        for told in self.events:
            if told[2] not in told[1].arrived:
                self.deliver(*told)
        for days in DAYS_UNTIL_QUIET:
            self.clock.shift(dt.timedelta(days=days))
            for place in range(len(self.processor.intents)):
                self.processor.happens("ends_well", place)
            for intent in list(self.processor.intents.values()):
                self.hear(intent.outcome())
            self.work()
            refunding.sweep(processor=self.processor)
        self.every_check_holds()
        self._nothing_is_under_way()
        for obligation in FundingObligation.objects.all():
            self._paid_once(obligation)
        for buy in self.all:
            self._balanced(buy)

    def _nothing_is_under_way(self) -> None:
        waiting = FundingCharge.objects.filter(status__in=states.DUE_CHARGE).exclude(status="held")
        assert not waiting.exists(), list(waiting.values())
        assert not FundingRefund.objects.filter(status__in=states.DUE_REFUND).exclude(charge=None).exists()

    def _paid_once(self, obligation: FundingObligation) -> None:
        """I9, by the processor's own memory: one intent of an obligation keeps money, or a person knows."""
        ids = [str(pk) for pk in obligation.charges.values_list("public_id", flat=True)]
        intents = [self.processor.intents[pk] for pk in ids if pk in self.processor.intents]
        taking = [intent for intent in intents if intent.status in ("succeeded", "held")]
        known = obligation.charges.filter(status__in=("succeeded", "held"))
        told = obligation.cases.filter(kind=Case.Kind.TWO_CHARGES, status="open").exists()
        assert len(taking) == known.count() <= 1 or told, (obligation.pk, taking)
        back = sum(self._refunds(obligation).values_list("amount_minor", flat=True))
        assert sum(intent.refunded_minor for intent in intents) == back

    def _refunds(self, obligation: FundingObligation) -> Any:
        return FundingRefund.objects.filter(obligation=obligation, status="succeeded")

    def _balanced(self, buy: Buy) -> None:
        """What merchants have of a purchase that is over is what its holder's cards and balance paid for it."""
        purchase = Authorization.objects.filter(issuer_authorization_id=self.words.authorization_id(buy)).first()
        if purchase is None or owing.is_open(purchase) or self._is_explained(purchase):
            return
        ours = [str(pk) for pk in self._charges(purchase).values_list("public_id", flat=True)]
        intents = [self.processor.intents[pk] for pk in ours if pk in self.processor.intents]
        use = BalanceUse.objects.filter(authorization=purchase).first()
        paid = sum(each.received_minor - each.refunded_minor for each in intents) + (use.amount_minor if use else 0)
        assert paid == buy.moved_minor, (buy, purchase.status, paid, buy.moved_minor)

    def _charges(self, purchase: Authorization) -> Any:
        return FundingCharge.objects.filter(obligation__purchase=owing.reference(purchase))

    def _is_explained(self, purchase: Authorization) -> bool:
        name = owing.reference(purchase)
        cases = Case.objects.filter(status="open")
        return cases.filter(reference=name).exists() or cases.filter(obligation__purchase=name).exists()

    # How it is done -------------------------------------------------------------------------------------------------

    def ask(self, question: Event) -> bool:
        answer = self.words.ask(question)
        assert self.answers.setdefault(str(question), answer) == answer
        return self.words.approves(answer)

    def move(self, buy: Buy, kind: str, amount: int, now: bool, dispute: str = "") -> None:
        name, event = self.words.moves(buy, kind, amount, dispute=dispute)
        buy.moved[name] = amount if kind in ("capture", "chargeback_reversal") else -amount
        self.note(event, buy, name, now=now)

    def note(self, event: Event, buy: Buy, name: str = "", *, now: bool = False) -> None:
        told = (event, buy, name or f"event {len(self.events)}")
        self.events.append(told)
        if now:
            self.deliver(*told)

    def deliver(self, event: Event, buy: Buy, name: str) -> None:
        if self.words.deliver(event) in ("handled", "kept"):
            buy.arrived.add(name)

    def hear(self, said: Any) -> None:
        if isinstance(said, Outcome):
            outcomes.apply_news(said)
        else:
            refunds.apply_news(said)

    def work(self) -> None:
        settling.sweep()
        card_funding.sweep()
        funding.sweep(processor=self.processor)
        for obligation in FundingObligation.objects.filter(status__in=("open", "failed")):
            calling_off.call_off_waiting(obligation_id=obligation.pk, actor="test", call_off=self.processor.call_off)
            candidates = fall_back._candidates(obligation)
            cascade.next_charge(obligation_id=obligation.pk, method_ids=candidates, actor="test")
        funding.sweep(processor=self.processor)
