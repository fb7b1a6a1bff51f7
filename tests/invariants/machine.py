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
from issuing.models import Authorization, CardTransaction, Hold, SpendWindow, VirtualCard
from onecard.kit.money import Money
from onecard.outbox.models import Message
from routing import rulebook
from tests.factories import VirtualCardFactory
from tests.invariants import checks
from tests.invariants.banks import COURSES, Banks
from tests.invariants.issuers import Buy, Event, MarqetaWords, StripeWords, Words
from tests.invariants.merchants import AMOUNTS, SAID, Merchants
from tests.invariants.processor import ACCOUNT, CHARGE_MOODS, OTHER_MOODS, Moody
from tests.invariants.reckoning import Reckoning
from tests.wallets import walkthrough_card
from wallet.charges import cancel, cascade
from wallet.charges import charge as charges
from wallet.methods import usable as methods
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation, Posting, ProcessorPause
from wallet.refunds import send as refund_sending

START = dt.datetime(2026, 3, 7, 20, tzinfo=dt.UTC)  # The night before the clocks change in New York.
MOODS = st.lists(st.sampled_from(CHARGE_MOODS), max_size=4)
OVER = ("settled", "reversed", "expired")
# The wait for a capture is over after one day, retries by the clock after three, and holds after four.
CARDS = 4
DAYS_UNTIL_QUIET, DAYS_AFTER_IT = (1, 1), (1, 3, 3)


class Purchases(Reckoning):
    """The issuer says what it likes, in any order and more than once; nothing is lost for ever."""

    buys = Merchants.buys

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
        percent=st.sampled_from([1, 50, 100, 100]),
        lists=st.booleans(),
    )
    def world(self, amount: int, taken: str, said: str, usually: str, **drawn: Any) -> Any:
        """A life begins with something bought: by drawn steps alone, two in three would have nothing to tell."""
        self.begin(**drawn)
        self.processor.usually = usually
        buy = self.buys_something(amount, "5812")
        if taken and isinstance(buy, Buy):
            self.is_captured(buy, amount, whole=True, now=taken == "now", said=said)
        return buy

    def begin(
        self, *, provider: str, currency: str, policy: str, spends_balance: bool, daily: int, **people: Any
    ) -> None:
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
        self.other_card = VirtualCardFactory(issuer_provider=provider, currency=currency)
        for method in FundingMethod.objects.filter(cardholder=self.card.cardholder):
            method.pk, method.cardholder = None, self.other_card.cardholder
            method.processor_method_id = f"pm_other_{method.position}"
            method.save(force_insert=True)
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
        self.disputed_as = {"percent": people["percent"], "lists": people["lists"]}
        self.people = []

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

    @rule(buy=buys, amount=AMOUNTS, kind=st.sampled_from(["capture", "refund", "chargeback"]))
    def news_names_another_persons_card(self, buy: Buy, amount: int, kind: str) -> None:
        """It is kept with a case, and moves nothing for either of the two."""
        purchase = Authorization.objects.filter(issuer_authorization_id=self.words.authorization_id(buy)).first()
        if purchase is None or purchase.card_id is None or (kind == "chargeback" and not buy.moved):
            return
        dispute = f"foreign_{len(self.events)}_{amount}" if kind == "chargeback" else ""
        name, event = self.words.moves(buy, kind, amount, dispute=dispute)
        if kind == "chargeback" and self.words.provider == "stripe":
            return  # Stripe's disputes name no card.
        self._contradicts(self.words.on_card(event, self.other_card.issuer_card_id), name)

    @rule(amount=AMOUNTS, kind=st.sampled_from(["capture", "refund"]), times=st.integers(1, 2))
    def news_of_our_card_names_another_persons_purchase(self, amount: int, kind: str, times: int) -> None:
        """The other way round; it may be told again."""
        name, event = self.words.moves(self.others, kind, amount)
        for _ in range(times):
            self._contradicts(event, name)

    def _contradicts(self, event: Event, name: str) -> None:
        """The news is kept with one case of its own, and moves nothing for anybody."""
        before = (Posting.objects.count(), FundingObligation.objects.count())
        others = self._contradictions().exclude(reference=self._reference_of(name)).count()
        assert self.words.deliver(event) in ("kept", "handled")
        assert (Posting.objects.count(), FundingObligation.objects.count()) == before
        kept = CardTransaction.objects.filter(issuer_transaction_id__endswith=name)
        assert not kept.exclude(authorization=None).exists()
        assert kept.exclude(contradiction="").count() == 1
        assert self._contradictions().filter(reference=self._reference_of(name), status=Case.Status.OPEN).count() == 1
        assert self._contradictions().exclude(reference=self._reference_of(name)).count() == others

    def _contradictions(self) -> Any:
        return Case.objects.filter(kind=Case.Kind.EVENT_CONTRADICTION)

    def _reference_of(self, name: str) -> str:
        kept = CardTransaction.objects.filter(issuer_transaction_id__endswith=name).first()
        return kept.reference if kept else ""

    @invariant()
    def nobody_else_pays(self) -> None:
        if hasattr(self, "other_card"):
            assert not CardTransaction.objects.filter(card=self.other_card).exclude(authorization=None).exists()
            assert not FundingObligation.objects.filter(cardholder=self.other_card.cardholder).exists()
            assert not SpendWindow.objects.filter(card=self.other_card).exists()

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

    @rule()
    def our_account_is_refused(self) -> None:
        """Whatever is asked is refused: all of it waits, and no card is blamed."""
        before = self._cards(), self._owed()
        self.processor.moods = [ACCOUNT] * 50
        charges.sweep(processor=self.processor)
        refund_sending.sweep(processor=self.processor)
        self.processor.moods = []
        assert (self._cards(), self._owed()) == before
        refused = Case.objects.filter(kind=Case.Kind.ACCOUNT_REFUSED, status=Case.Status.OPEN).count()
        assert refused <= 1
        assert refused or not ProcessorPause.objects.exists()

    def _cards(self) -> list[Any]:
        return list(FundingMethod.objects.order_by("pk").values_list("status", "cooling_until"))

    def _owed(self) -> tuple[int, int]:
        """What a cardholder would hear of: that they owe, and the letter about it."""
        letters = Message.objects.filter(topic="cardholder.notify")
        return Case.objects.filter(kind=Case.Kind.RECEIVABLE).count(), letters.count()

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
            cancel.call_off_waiting(obligation_id=obligation.pk, actor="test", call_off=self.processor.call_off)
            candidates = dunning._candidates(obligation)
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

    def all_is_told_and_done(self) -> None:
        """Every event has arrived, every worker has been by, time has passed: then the two sides must be the same.

        Half of what was still to be told comes only after people believed that they had made an end.
        """
        late = self.not_arrived()
        self.deliver_all(late[::2])
        for days in DAYS_UNTIL_QUIET:
            self.time_goes_by(days)
        self.a_bank_takes_its_course()
        if self.processor.usually != "yes":
            self.every_card_says_no()
        self.people_make_an_end()
        self.merchants_think_again()
        # Whoever could not pay can now, and is not asked for what was given up meanwhile.
        self.processor.usually = "yes"
        self.deliver_all(late[1::2])
        # What came before the purchase that it is about waits for that, and is looked at again.
        self.deliver_all(self.not_arrived())
        self.people_enter_converted_amounts()
        for days in DAYS_AFTER_IT:
            self.a_bank_takes_its_course()
            self.time_goes_by(days)
        self.people_make_an_end()
        self.every_check_holds()
        assert not ProcessorPause.objects.exists(), "calls are still paused"
        assert not Case.objects.filter(kind=Case.Kind.ACCOUNT_REFUSED, status=Case.Status.OPEN).exists()
        self.the_two_sides_agree()

    def a_bank_takes_its_course(self) -> None:
        """By drawn steps alone hardly a charge would ever be disputed: it has to be paid first."""
        for status in self.course[:2]:
            self.banks.follow(status, **self.disputed_as)
        del self.course[:2]

    def every_card_says_no(self) -> None:
        for _ in range(CARDS):
            self.clock.shift(dt.timedelta(minutes=1))
            self.work()

    def time_goes_by(self, days: int) -> None:
        self.clock.shift(dt.timedelta(days=days))
        for place in range(len(self.processor.intents)):
            self.processor.happens("ends_well" if self.processor.usually == "yes" else "ends_badly", place)
        for intent in list(self.processor.intents.values()):
            self.hear(intent.outcome())
        for refund in self.processor.refunds.values():
            self.hear(refund)
        # All that was told of disputes comes once more, the newest first.
        for told in reversed(self.banks.news()):
            self.hear(told)
        self.work()
        refund_sending.sweep(processor=self.processor)
