"""What the issuers post in the end for purchases that were routed so: caps by order of time, top categories last."""

from collections.abc import Sequence

from routing.value.spend import Bucket, Purchase
from routing.value.wallet import Wallet

UNITS_IN_DOLLAR = 10**10


class _Top:
    """One period of a top category's bonus: spend by category, the cap, and what it pays beyond the base rate."""

    def __init__(self, limit: int, extra: int) -> None:
        self.limit, self.extra = limit, extra
        self.spent: dict[str, int] = {}

    def pays(self) -> int:
        return min(max(self.spent.values()), self.limit) * self.extra


def posted(wallet: Wallet, purchases: Sequence[Purchase], picks: Sequence[int]) -> float:
    """Returns the year's dollars, foreign fees taken off. `picks` are the cards' places in the wallet."""
    used: dict[Bucket, int] = {}
    tops: dict[Bucket, _Top] = {}
    units = 0
    for purchase, pick in zip(purchases, picks, strict=True):
        card, offer, left = wallet.cards[pick], wallet.offers(purchase)[pick], purchase.amount_minor
        units -= offer.fee * left
        for tier in offer.tiers:
            if tier.cap is None:
                units += tier.value * left
                break
            bucket = card.bucket(tier.cap, purchase.at.date())
            if tier.tag:
                top = tops.setdefault(bucket, _Top(tier.cap.limit_minor, tier.value - offer.tiers[-1].value))
                top.spent[tier.tag] = top.spent.get(tier.tag, 0) + left
                continue
            fits = min(left, max(0, tier.cap.limit_minor - used.get(bucket, 0)))
            used[bucket] = used.get(bucket, 0) + fits
            units += tier.value * fits
            left -= fits
    return (units + sum(top.pays() for top in tops.values())) / UNITS_IN_DOLLAR
