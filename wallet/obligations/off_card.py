"""What is settled of a purchase without a funding card: what was given up, and what came or went outside the product.

Nobody asks a card for it again; what falls away of it makes our losses good first (decision 0023).
"""

from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from onecard.kit.money import Money
from wallet import carried_amounts, cases
from wallet.accounts import Account
from wallet.ledger import postings as ledger
from wallet.models import Case, Posting

LOSSES = (Posting.Kind.WRITE_OFF, Posting.Kind.GOODWILL)
# What was carried to the next charge is settled here too, and is the first that is not owed any more.
SETTLED = (Posting.Kind.CARRIED, *LOSSES)


@dataclass(frozen=True, slots=True)
class OffCardMoney:
    """What is settled of a purchase without a funding card, in minor units: our losses, and what came from outside.

    `sent_back_minor` had come from outside too, and has gone there again.
    """

    lost: dict[str, int]
    outside_minor: int
    sent_back_minor: int

    @property
    def minor(self) -> int:
        return sum(self.lost.values()) + self.outside_minor


def look_at(purchase: str, currency: str) -> OffCardMoney:
    """What two people gave up, or staff gave back out of kindness, is not asked for again; nor is what has come.

    What went out to the cardholder outside the product counts only where it had come that way: a refund that failed is
    counted as given back already.
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
    """What is not owed after all was not lost: it makes our losses good before anything goes back to a card."""
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
    """What came from outside goes back there, and only a person can see to that.

    With what was sent back before, so that the same amount once more is not taken for a case that was worked.
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
    """What two people saw leave outside the product for these cases (wallet/casework/proposals.py)."""
    agreed = cases_about.filter(proposal=Case.Proposal.OUTSIDE)
    keys = [f"{Case.Proposal.OUTSIDE}:{pk}" for pk in agreed.values_list("pk", flat=True)]
    postings = Posting.objects.filter(key__in=keys, currency=currency)
    total: int = postings.aggregate(total=Sum("amount_minor", default=0))["total"]
    return total


def _count(purchase: str, kind: str) -> int:
    return Posting.objects.filter(reference=purchase, kind=kind).count()
