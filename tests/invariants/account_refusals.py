"""Our account at the processor is refused in the middle of random purchases: what is due waits, and then goes on."""

import datetime as dt
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from onecard.outbox.models import Message
from tests.invariants.processor import ACCOUNT
from tests.invariants.reckoning import Reckoning
from wallet.charges import charge as charges
from wallet.models import Case, FundingCharge, FundingMethod, FundingRefund, ProcessorPause
from wallet.processors.account_refusals import PROBE_TAKES
from wallet.refunds import send as refund_sending
from wallet.retry_policy import SWEEP_GRACE

LONGEST_PAUSE = dt.timedelta(minutes=11)


class AccountRefusals(Reckoning):
    """Refuses our account now and then, for longer than one probe."""

    @rule(tries=st.integers(1, 2))
    def our_account_is_refused(self, tries: int) -> None:
        """Whatever is asked is refused: all of it waits, no card is blamed, and nobody is told that they owe."""
        before, waiting = self._blamed_and_told(), self._waiting()
        for _ in range(tries):
            asked = self.processor.refusals
            self.processor.moods = [ACCOUNT] * 50
            charges.sweep(processor=self.processor)
            refund_sending.sweep(processor=self.processor)
            self.processor.moods = []
            assert self._blamed_and_told() == before
            if self.processor.refusals > asked:
                assert ProcessorPause.objects.exists()
                assert self._refusals().count() == 1
            self.clock.shift(LONGEST_PAUSE)
        if self.processor.usually == "yes":
            self._all_goes_on(waiting)

    def _all_goes_on(self, waiting: list[int]) -> None:
        """Once our account is accepted again, what waited is paid by its own cards, and the case closes by itself."""
        self.work()
        refund_sending.sweep(processor=self.processor)
        for charge in FundingCharge.objects.filter(pk__in=waiting).select_related("obligation"):
            is_released = charge.obligation.status == "released"
            assert charge.status in (("canceled",) if is_released else ("succeeded", "held")), charge.status
        self._probe_with_each_refund()
        self.nothing_is_paused()

    def _probe_with_each_refund(self) -> None:
        """A refund that is refused for its own sake, as that of a disputed charge, proves nothing of our account."""
        for _ in range(FundingRefund.objects.count() + 1):
            if ProcessorPause.objects.exists():
                self.clock.shift(PROBE_TAKES + SWEEP_GRACE)
                charges.sweep(processor=self.processor)
                refund_sending.sweep(processor=self.processor)

    def nothing_is_paused(self) -> None:
        assert not ProcessorPause.objects.exists(), "calls are still paused"
        assert not self._refusals().exists()

    def _waiting(self) -> list[int]:
        """Charges that would be sent now for the first time."""
        unsent = FundingCharge.objects.filter(status="intended", attempts=0, method__status="active")
        return list(unsent.exclude(obligation__status="released").values_list("pk", flat=True))

    def _refusals(self) -> Any:
        return Case.objects.filter(kind=Case.Kind.ACCOUNT_REFUSED, status=Case.Status.OPEN)

    def _blamed_and_told(self) -> tuple[Any, ...]:
        """The state of the cards, and what a cardholder would hear of: that they owe, and the letter about it."""
        letters = Message.objects.filter(topic="cardholder.notify").count()
        cards = list(FundingMethod.objects.order_by("pk").values_list("status", "cooling_until"))
        return cards, Case.objects.filter(kind=Case.Kind.RECEIVABLE).count(), letters
