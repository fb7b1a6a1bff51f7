"""What a funding card costs its owner a year, to be set against what it earns."""

from collections.abc import Iterable

from onecard.kit.money import Money
from routing.models import RankingRow
from wallet.models import FundingMethod

# A ranking's fee has no currency of its own; its formats are in US dollars.
OF_RANKINGS = "USD"


def annual_fees(methods: Iterable[FundingMethod], mccs: Iterable[str]) -> dict[int, Money]:
    """Returns the annual fees of cards by their id: that of the product, or, without one, of the ranking that names it.

    A ranking names a card by the network and the name that its owner uses too; `mccs` are those at which it is looked
    for. A card that nobody names is left out.
    """
    cards = list(methods)
    unnamed = [each for each in cards if each.product is None]
    found = {each.pk: each.product.fee for each in cards if each.product is not None}
    if not unnamed:
        return found
    rows = RankingRow.objects.filter(mcc__in=set(mccs), product=None, card_name__in={each.name for each in unnamed})
    ranked = {
        (network, name): Money(minor, OF_RANKINGS)
        for network, name, minor in rows.order_by("pk").values_list("network", "card_name", "annual_fee_minor")
    }
    by_ranking = {each.pk: ranked[each.network, each.name] for each in unnamed if (each.network, each.name) in ranked}
    return found | by_ranking
