"""The issuer's and the processor's lists of a made-up month, page by page and newest first, as over HTTP."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TypeVar

from issuing.issuers.base import IssuerTransaction, Page
from tests.proofs.reconcile.plan import Plan, amount_minor, refund_minor
from wallet.processors.base import Outcome, RefundOutcome
from wallet.processors.stripe.lists import ListedMoney, MoneyPage

PAGE = 100
Listed = TypeVar("Listed")
Said = TypeVar("Said", Outcome, RefundOutcome)
CARD = "ic_many"


class ManyLists:
    """Stands in for both of them; what differs by plan is made different here."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._failed_here = {label: set(plan.failed_here(label)) for label in ("charges.stripe", "refunds.stripe")}
        self._of = {
            label: {
                number: kind for (where, kind), numbers in plan.places.items() if where == label for number in numbers
            }
            for label in ("transactions.stripe", "charges.stripe", "refunds.stripe")
        }

    def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
        """Captures, and for one purchase in ten a refund."""
        del issuer_card_id, since
        rows, cursor = self._page(cursor, "transactions.stripe", self._movements)
        return Page(tuple(rows), cursor)

    def list_charges(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> MoneyPage[Outcome]:
        del since, until
        rows, cursor = self._page(cursor, "charges.stripe", self._charges)
        return MoneyPage(tuple(rows), cursor)

    def list_refunds(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> MoneyPage[RefundOutcome]:
        del since, until
        rows, cursor = self._page(cursor, "refunds.stripe", self._refunds)
        return MoneyPage(tuple(rows), cursor)

    def _page(self, cursor: str, label: str, make: Callable[[int, str], Iterator[Listed]]) -> tuple[list[Listed], str]:
        """The rows of the next numbers down; beyond ours are those that only the other side has."""
        last = self._plan.rows + sum(map(len, self._plan.places.values()))
        top = int(cursor or last)
        of = self._of[label]
        rows = [row for number in range(top, max(0, top - PAGE), -1) for row in make(number, of.get(number, ""))]
        return rows, str(top - PAGE) if top > PAGE else ""

    def _movements(self, number: int, planted: str) -> Iterator[IssuerTransaction]:
        if number <= self._plan.refunds:
            yield self._movement("tr", number, "refund", -refund_minor(number), "USD")
        if planted == "missing_there" or (number > self._plan.rows and planted != "missing_here"):
            return
        amount = amount_minor(number) + (planted == "amount")
        currency = "EUR" if planted == "currency" else "USD"
        if planted == "state":
            yield self._movement("t", number, "refund", -amount, currency)
        else:
            yield self._movement("t", number, "capture", amount, currency)
        if planted == "duplicate":
            yield self._movement("t", number, "capture", amount, currency, authorization_id="iauth_other")

    def _movement(
        self, of: str, number: int, kind: str, amount: int, currency: str, authorization_id: str = ""
    ) -> IssuerTransaction:
        return IssuerTransaction(
            id=f"ipi_{self._plan.digest(of, number)}",
            issuer_card_id=CARD,
            authorization_id=authorization_id or f"iauth_{number}",
            kind=kind,
            amount_minor=amount,
            currency=currency,
            merchant_name="Bistro",
            mcc="5812",
            created_at=self._moment(number),
        )

    def _charges(self, number: int, planted: str) -> Iterator[ListedMoney[Outcome]]:
        if planted == "missing_there" or (number > self._plan.rows and planted != "missing_here"):
            return
        for copy in range(2 if planted == "duplicate" else 1):
            status = "declined" if self._failed_there("charges.stripe", number, planted) else "succeeded"
            charge_id = f"pi_{self._plan.digest('p', number)}{copy or ''}"
            said = Outcome(status, charge_id, charge_public_id=self._plan.uuid("c", number))
            yield self._money(said, amount_minor(number), number, planted)

    def _refunds(self, number: int, planted: str) -> Iterator[ListedMoney[RefundOutcome]]:
        if planted == "missing_there" or (number > self._plan.refunds and planted != "missing_here"):
            return
        for copy in range(2 if planted == "duplicate" else 1):
            status = "failed" if self._failed_there("refunds.stripe", number, planted) else "succeeded"
            refund_id = f"re_{self._plan.digest('p', number)}{copy or ''}"
            said = RefundOutcome(status, refund_id, refund_public_id=self._plan.uuid("r", number))
            yield self._money(said, refund_minor(number), number, planted)

    def _failed_there(self, label: str, number: int, planted: str) -> bool:
        return planted == "state" and number not in self._failed_here[label]

    def _money(self, said: Said, amount: int, number: int, planted: str) -> ListedMoney[Said]:
        currency = "EUR" if planted == "currency" else "USD"
        return ListedMoney(said, amount + (planted == "amount"), currency, self._moment(number))

    def _moment(self, number: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._plan.moment_s(number), dt.UTC)
