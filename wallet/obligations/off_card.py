"""Money of a purchase that no funding card paid: write-offs, goodwill and payments outside the product.

No card is asked for it again. When less is owed, our losses are reduced first (decision 0023).
"""

from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from onecard.kit.money import Money
from wallet import carried_amounts, cases
from wallet.accounts import Account
from wallet.ledger import postings as ledger
from wallet.models import Case, Posting

LOSSES = (Posting.Kind.WRITE_OFF, Posting.Kind.GOODWILL)
# Carried amounts come first: they are the first that is no longer owed.
SETTLED = (Posting.Kind.CARRIED, *LOSSES)


@dataclass(frozen=True, slots=True)
class OffCardMoney:
    """What no funding card paid for a purchase, in minor units: our losses, and what was paid outside.

    `sent_back_minor` was paid outside and was returned outside.
    """

    lost: dict[str, int]
    outside_minor: int
    sent_back_minor: int

    @property
    def minor(self) -> int:
        return sum(self.lost.values()) + self.outside_minor


def read(purchase: str, currency: str) -> OffCardMoney:
    """Reads the write-offs, goodwill and outside payments of a purchase, none of which a card is asked for.

    Money returned outside the product counts only if it had come from outside: a failed refund counts as given back
    already.
    """
    kinds = (*SETTLED, Posting.Kind.OUTSIDE)
    rows = Posting.objects.filter(reference=purchase, kind__in=kinds, currency=currency).order_by()
    sums = {
        (kind, debit): minor for kind, debit, minor in rows.values_list("kind", "debit").annotate(Sum("amount_minor"))
    }
    won_back = {kind: sums.get((kind, Account.PURCHASES), 0) for kind in SETTLED}
    lost: dict[str, int] = {kind: sums.get((kind, ledger.MOVES[kind][0]), 0) - won_back[kind] for kind in SETTLED}
    came = sums.get((Posting.Kind.OUTSIDE, Account.OUTSIDE), 0)
    failures = Case.objects.filter(kind=Case.Kind.REFUND_FAILED, reference=purchase)
    sent_back = sent_out_minor(failures, currency) if came else 0
    return OffCardMoney(lost, came - sent_back, sent_back)


def win_back(purchase: str, off_card_money: OffCardMoney, excess: Money) -> int:
    """Reduces our losses by what is no longer owed, before any card is refunded; returns the amount in minor units."""
    won = 0
    for kind, minor in off_card_money.lost.items():
        part = min(minor, excess.minor - won)
        if part > 0:
            ledger.post(
                kind=kind,
                key=f"won_back:{kind}:{purchase}:{_count(purchase, kind)}",
                money=Money(part, excess.currency),
                reference=purchase,
                back=True,
            )
            if kind == Posting.Kind.CARRIED:
                carried_amounts.take_back(purchase, Money(part, excess.currency))
            won += part
    return won


def keep_case_for_rest(purchase: str, off_card_money: OffCardMoney, rest: Money) -> None:
    """Keeps a case for what must go back to where it was paid outside: only a person can do that.

    The case's amount includes what was returned before, so that the same amount again opens a new case.
    """
    if off_card_money.outside_minor:
        in_all = rest.minor + off_card_money.sent_back_minor if rest.minor else 0
        cases.keep_one(
            kind=Case.Kind.REFUND_FAILED,
            reference=purchase,
            money=Money(in_all, rest.currency),
            summary=f"{rest} is not owed any more, and was paid outside the product: no card can be given it back.",
        )


def sent_out_minor(cases_about: QuerySet[Case], currency: str) -> int:
    """Minor units that two people saw paid out outside the product for these cases (wallet/casework/proposals.py)."""
    agreed = cases_about.filter(proposal=Case.Proposal.OUTSIDE)
    keys = [f"{Case.Proposal.OUTSIDE}:{pk}" for pk in agreed.values_list("pk", flat=True)]
    postings = Posting.objects.filter(key__in=keys, currency=currency)
    total: int = postings.aggregate(total=Sum("amount_minor", default=0))["total"]
    return total


def _count(purchase: str, kind: str) -> int:
    return Posting.objects.filter(reference=purchase, kind=kind).count()
