"""The reckoning at the end of random purchases: what really happened, held against what the product says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection
from django.db.models import QuerySet

from issuing.billing import position
from issuing.models import Authorization, BalanceUse, CardTransaction
from issuing.reconcile import ledger_balances, snapshot
from issuing.reconcile.compare import Row
from issuing.reconcile.comparisons import of_books
from issuing.reconcile.window import MARGIN, Window
from onecard.kit import clock
from tests.invariants import checks
from tests.invariants.banks import Banks
from tests.invariants.contradictions import Contradictions
from tests.invariants.processor import Moody
from wallet import states
from wallet.ledger import check as ledger_check
from wallet.models import Case, FundingCharge, FundingDispute, FundingObligation, FundingRefund


class Reckoning(Contradictions):
    """Asked when all is told and done."""

    processor: Moody
    banks: Banks
    habit: str

    def the_two_sides_agree(self) -> None:
        missing = [name for _, buy, name in self.not_arrived()]
        assert not missing, missing
        self._nothing_is_under_way()
        assert not ledger_check.check()
        assert not checks.unexplained(), checks.unexplained()
        self._the_books_are_right()
        for obligation in FundingObligation.objects.all():
            self._paid_once(obligation)
        self._no_refund_is_forgotten()
        self._disputes_are_as_their_banks_say()
        for purchase in Authorization.objects.all():
            self._balanced(purchase)

    def _the_books_are_right(self) -> None:
        """As the nightly comparison of our books sees them, over all time."""
        now = clock.now()
        ever = Window(since=ledger_balances.EVER, until=now + MARGIN, now=now)
        with mock.patch.multiple(snapshot, read=_read, read_doubtful=_read_both):
            for comparison in of_books():
                with comparison.differences(ever, lambda _rows: None) as found:
                    differences = list(found)
                assert not differences, (comparison.label, differences)

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

    def _disputes_are_as_their_banks_say(self) -> None:
        """Each dispute of a charge of ours: its status, what it has of our money, and what of that is lost."""
        ours = {
            each.processor_dispute_id: each
            for each in FundingDispute.objects.exclude(charge=None).select_related("charge__obligation")
        }
        for dispute in self.banks.disputes:
            kept = ours.pop(dispute.now.id)
            is_owed = dispute.now.status == "lost" and not kept.charge.obligation.is_top_up
            lost = dispute.taken_minor if is_owed else 0
            told = (kept.status, kept.withdrawn_minor, kept.lost_minor)
            assert told == (dispute.now.status, dispute.taken_minor, lost), (dispute, told)
        assert not ours, ours

    def _refunds(self, obligation: FundingObligation) -> Any:
        return FundingRefund.objects.filter(obligation=obligation, status="succeeded")

    def _balanced(self, purchase: Authorization) -> None:
        """What merchants have of a purchase that is over is what cards, balance and people settled of it."""
        if position.is_open(purchase) or self._is_explained(purchase):
            return
        ours = [str(pk) for pk in self._charges(purchase).values_list("public_id", flat=True)]
        intents = [self.processor.intents[pk] for pk in ours if pk in self.processor.intents]
        use = BalanceUse.objects.filter(authorization=purchase).first()
        paid = sum(each.received_minor - each.refunded_minor for each in intents) + (use.amount_minor if use else 0)
        # What a charge took along is of other purchases, and stands there as carried.
        paid -= sum(self._charges(purchase).filter(status="succeeded").values_list("carried_minor", flat=True))
        paid -= self.banks.lost_minor(intents)
        paid += checks.by_people_minor(purchase.reference, purchase.currency)
        moved = {name: minor for name, minor in self._told() if self._home_of(name) == purchase.issuer_authorization_id}
        assert paid == sum(moved.values()), (purchase.issuer_authorization_id, purchase.status, paid, moved)

    def _told(self) -> Iterator[tuple[str, int]]:
        """All that moved and has arrived, in minor units; below zero what came back."""
        for buy in [*self.all, self.nameless]:
            yield from ((name, minor) for name, minor in buy.moved.items() if name in buy.arrived)
        yield from ((each.name, each.minor) for each in self.contradictions if each.name)

    def _home_of(self, name: str) -> str | None:
        """Where the issuer or people say that it belongs; only of what names nothing the product is asked."""
        home = self.homes.home_of(name)
        if home is None:
            kept = self._nameless().filter(issuer_transaction_id=name)
            home = kept.values_list("authorization__issuer_authorization_id", flat=True).first()
        return home

    def _no_refund_is_forgotten(self) -> None:
        """What names no purchase is kept as it was told, and is of one, or a person is asked."""
        kept = {each.issuer_transaction_id: -each.amount_minor for each in self._nameless()}
        assert kept == self.nameless.moved, (kept, self.nameless.moved)
        for refund in self._nameless().filter(authorization=None, of_no_purchase_at=None):
            asked = Case.objects.filter(kind=Case.Kind.REFUND_UNLINKED, reference=refund.reference, status="open")
            assert asked.exists(), refund.reference

    def _nameless(self) -> QuerySet[CardTransaction]:
        return CardTransaction.objects.filter(issuer_transaction_id__in=list(self.nameless.moved))

    def _charges(self, purchase: Authorization) -> Any:
        return FundingCharge.objects.filter(obligation__purchase=purchase.reference)

    def _is_explained(self, purchase: Authorization) -> bool:
        name = purchase.reference
        moved = [f"card_transaction:{pk}" for pk in purchase.card_transactions.values_list("pk", flat=True)]
        cases = Case.objects.filter(status="open")
        return cases.filter(reference__in=[name, *moved]).exists() or cases.filter(obligation__purchase=name).exists()


# A life is one transaction, so it is of one moment as it is; what the product does to be that would end it.


@contextmanager
def _read(*queries: snapshot.Query, tick: Any) -> Iterator[tuple[Iterator[Row], ...]]:
    yield tuple(map(_rows, queries))


@contextmanager
def _read_both(here: snapshot.Query, there: snapshot.Query, *, tick: Any) -> Iterator[tuple[Iterator[Row], ...]]:
    yield tuple(iter(sorted(_rows(side))) for side in (here, there))


def _rows(query: snapshot.Query) -> Iterator[Row]:
    with connection.cursor() as cursor:
        cursor.execute(query.sql, query.parameters)
        return map(Row._make, cursor.fetchall())
