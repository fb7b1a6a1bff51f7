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
from hypothesis.stateful import initialize, invariant, multiple, rule

from issuing.authorizations import close_out
from issuing.billing import dunning, top_ups
from issuing.controls import compiled
from issuing.models import Authorization, Hold, VirtualCard
from onecard.kit.money import Money
from routing import rulebook
from tests.invariants import checks
from tests.invariants.banks import COURSES, Banks
from tests.invariants.ending import Ending
from tests.invariants.issuers import Buy, Event, MarqetaWords, StripeWords, Words
from tests.invariants.matching import Homes
from tests.invariants.merchants import AMOUNTS, SAID
from tests.invariants.processor import CHARGE_MOODS, OTHER_MOODS, Moody
from tests.support.factories import VirtualCardFactory
from tests.support.wallets import copy_wallet, walkthrough_card
from wallet.charges import cancel, cascade
from wallet.charges import charge as charges
from wallet.methods import usable as methods
from wallet.models import FundingCharge, FundingMethod, FundingObligation
from wallet.refunds import send as refund_sending

START = dt.datetime(2026, 3, 7, 20, tzinfo=dt.UTC)  # The night before the clocks change in New York.
MOODS = st.lists(st.sampled_from(CHARGE_MOODS), max_size=4)
OVER = ("settled", "reversed", "expired")


class Purchases(Ending):
    """The issuer says what it likes, in any order and more than once; nothing is lost for ever."""

    buys = Ending.buys
    # How the bank goes on in every life, one of COURSES; "" to draw it.
    always = ""
    # How many lives came to the last comparison and passed it.
    ended_well = 0

    @initialize(
        target=buys,
        amount=st.integers(1, 10_000),
        taken=st.sampled_from(["", "later", "now"]),
        said=SAID,
        usually=st.sampled_from(["yes", "yes", "soft"]),
        provider=st.sampled_from(["stripe", "marqeta"]),
        currency=st.sampled_from(["USD", "EUR"]),
        policy=st.sampled_from(["charge_now", "hold_then_capture"]),
        spends_balance=st.booleans(),
        daily=st.integers(1_000, 60_000),
        rate=st.sampled_from([70, 108, 133]),
        habit=st.sampled_from(["nobody", "write_off", "outside"]),
        afterwards=st.sampled_from(["", "", "gives back", "takes again"]),
        bank=st.sampled_from(["", "", *COURSES]),
        gives_half_back=st.sampled_from([False, False, True]),
        charges_anew=st.sampled_from([False, True, True]),
        newest_first=st.booleans(),
        percent=st.sampled_from([1, 50, 100, 100]),
        place=st.integers(0, 3),
        lists=st.booleans(),
        corrections=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=8),
        mixed_up=st.sampled_from(["", "", "capture", "refund"]),
        is_theirs=st.booleans(),
    )
    def world(
        self, amount: int, taken: str, said: str, usually: str, mixed_up: str, is_theirs: bool, **drawn: Any
    ) -> Any:
        """A life begins with something bought: by drawn steps alone, two in three would have nothing to tell.

        Where a bank is going to dispute it, it is paid at once, and so much that a part of it is worth charging.
        """
        drawn["bank"] = self.always or drawn["bank"]
        if drawn["bank"]:
            amount, taken, said, usually = max(amount, 1_000), "now", "", "yes"
            drawn["daily"] = max(drawn["daily"], amount)
            # Only a processor that lists what moved can tell that an end was turned round.
            drawn["lists"] |= drawn["bank"].endswith("after all")
        self.begin(**drawn)
        self.processor.usually = usually
        buy = self.buys_something(amount, "5812")
        if taken and isinstance(buy, Buy):
            self.is_captured(buy, amount, whole=True, now=taken == "now", said=said)
        if mixed_up and isinstance(buy, Buy):
            self.mixes_up(buy, amount or 1, mixed_up, is_theirs=is_theirs)
        return buy

    def begin(
        self, *, provider: str, currency: str, policy: str, spends_balance: bool, daily: int, **people: Any
    ) -> None:
        rulebook.forget()
        compiled.forget()
        self.unit = transaction.atomic()
        self.unit._from_testcase = True  # type: ignore[attr-defined]
        self.unit.__enter__()
        # A busy machine must not decline in the middle of a life, or give up the connection that the life runs in.
        self.settings = override_settings(FUNDING_POLICY=policy, DECISION_DEADLINE_MS=60_000)
        self.settings.enable()
        self.traveller = time_machine.travel(START, tick=False)
        self.clock = self.traveller.start()
        self.card = walkthrough_card(
            issuer_provider=provider, currency=currency, spends_balance=spends_balance, daily_limit_minor=daily
        )
        self.other_card = VirtualCardFactory(issuer_provider=provider, currency=currency)
        copy_wallet(self.card.cardholder, self.other_card.cardholder)
        FundingMethod.objects.update(currencies=["USD", "EUR"])
        words: Any = StripeWords if provider == "stripe" else MarqetaWords
        self.words: Words = words(self.card.issuer_card_id, currency)
        self.others = Buy(self.words.question(4_500, mcc="5812", follows=None, card=self.other_card.issuer_card_id), 0)
        Authorization.objects.create(
            provider=provider,
            issuer_authorization_id=self.words.authorization_id(self.others),
            card=self.other_card,
            currency=currency,
            status="settled",
            created_at=START,
            updated_at=START,
        )
        self.processor = Moody()
        self.banks = Banks(self.processor, currency)
        self.answers: dict[str, bytes] = {}
        self.events: list[tuple[Event, Buy, str]] = []
        self.top_ups = 0
        self.all: list[Buy] = []
        self.nameless = Buy({}, 0)
        self.rate, self.habit, self.afterwards = people["rate"], people["habit"], people["afterwards"]
        self.course = list(COURSES.get(people["bank"], ()))
        self.gives_half_back, self.charges_anew = people["gives_half_back"], people["charges_anew"]
        self.newest_first = people["newest_first"]
        self.disputed_as = {"place": people["place"], "percent": people["percent"], "lists": people["lists"]}
        self.contradictions = []
        self.people, self.homes, self.corrections = [], Homes(), list(people["corrections"])

    def teardown(self) -> None:
        if not hasattr(self, "traveller"):
            return
        try:
            if sys.exc_info()[0] is None:
                self.all_is_told_and_done()
                type(self).ended_well += 1
        finally:
            self.traveller.stop()
            self.settings.disable()
            transaction.set_rollback(True)
            self.unit.__exit__(None, None, None)

    # What people and merchants do -----------------------------------------------------------------------------------

    @rule(target=buys, amount=st.one_of(st.just(0), AMOUNTS), mcc=st.sampled_from(["5812", "5812", "7230", "6011"]))
    def buys_something(self, amount: int, mcc: str) -> Any:
        question = self.words.question(amount, mcc=mcc, follows=None)
        buy = Buy(question, amount, asked_minor=amount)
        self.all.append(buy)
        is_yes = self.ask(question)
        self.note(self.words.reports(buy, "approved", amount), buy) if is_yes else None
        return buy if is_yes else multiple()

    @rule(target=buys, amount=AMOUNTS, now=st.booleans())
    def the_issuer_stands_in(self, amount: int, now: bool) -> Buy:
        """It approves by itself, and nobody is asked."""
        question, event = self.words.stands_in(amount)
        buy = Buy(question, amount, was_asked=False)
        self.all.append(buy)
        self.note(event, buy, now=now)
        return buy

    @rule(buy=buys, amount=st.integers(1, 10_000))
    def needs_more(self, buy: Buy, amount: int) -> None:
        if not buy.ended and self.ask(self.words.question(amount, mcc="5812", follows=buy)):
            buy.rounds += 1
            buy.amount_minor += amount

    @rule(buy=buys)
    def asks_again(self, buy: Buy) -> None:
        if buy.was_asked:
            self.ask(buy.asked)

    # What contradicts: the answer is no, and the checks after each step see that nobody was charged -----------------

    @rule(buy=buys, amount=st.integers(1, 10_000))
    def another_card_asks_for_more(self, buy: Buy, amount: int) -> None:
        if Authorization.objects.filter(issuer_authorization_id=self.words.authorization_id(buy)).exists():
            asked = self.words.question(amount, mcc="5812", follows=buy, card=self.other_card.issuer_card_id)
            assert not self.ask(asked)

    @rule(buy=buys, amount=st.integers(10_001, 20_000))
    def an_id_comes_again_with_something_else(self, buy: Buy, amount: int) -> None:
        if buy.was_asked and amount != buy.asked_minor:
            assert not self.ask(self.words.id_reused(buy.asked, amount))

    @rule(buy=buys)
    def asks_the_same_under_a_new_id(self, buy: Buy) -> None:
        """One round: no more is held, and while the purchase stands the answer is the same."""
        if buy.was_asked:
            held = set(Hold.objects.values_list("pk", flat=True))
            is_yes = self.ask(self.words.asked_anew(buy.asked))
            assert is_yes or buy.ended
            assert set(Hold.objects.values_list("pk", flat=True)) == held

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
            top_ups.fund_card(
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
        refund_sending.sweep(processor=self.processor)
        self.processor.moods = []

    @rule(
        what=st.sampled_from(["lapses", "ends_well", "ends_badly", "is_paid_by_hand", "comes_back"]),
        place=st.integers(0, 5),
    )
    def something_happens_at_the_processor(self, what: str, place: int) -> None:
        self.processor.happens(what, place)

    @rule(
        place=st.integers(0, 5), percent=st.sampled_from([1, 50, 100, 100]), inquiry=st.booleans(), lists=st.booleans()
    )
    def a_bank_disputes_a_charge(self, place: int, percent: int, inquiry: bool, lists: bool) -> None:
        self.banks.dispute(place, percent, inquiry=inquiry, lists=lists)

    @rule(place=st.integers(0, 5), pick=st.integers(0, 5), now=st.booleans())
    def something_comes_of_a_dispute(self, place: int, pick: int, now: bool) -> None:
        decided = self.banks.decide(place, pick)
        if decided and now:
            self.hear(decided.told[-1])

    @rule(pick=st.integers(0, 50))
    def the_processor_tells(self, pick: int) -> None:
        news = [*self.processor.news, *self.banks.news()]
        if news:
            self.hear(news[pick % len(news)])

    @rule(hours=st.integers(1, 70))
    def time_passes(self, hours: int) -> None:
        self.clock.shift(dt.timedelta(hours=hours))

    def work(self) -> None:
        close_out.sweep()
        top_ups.sweep()
        charges.sweep(processor=self.processor)
        for obligation in FundingObligation.objects.filter(status__in=("open", "failed")):
            cancel.cancel_waiting(obligation_id=obligation.pk, actor="test", cancel=self.processor.cancel)
            candidates = dunning.candidates_of(obligation)
            cascade.next_charge(obligation_id=obligation.pk, method_ids=candidates, actor="test")
        charges.sweep(processor=self.processor)

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
            taken = charge.obligation.payable.minor + charge.carried_minor
            assert (intent.status, intent.received_minor) == ("succeeded", taken)
