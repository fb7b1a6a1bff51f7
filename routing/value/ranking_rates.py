"""A ranking's view of a catalogue: one rate for a card at an MCC on a day, all that the walkthrough's rules know.

A ranking knows neither the merchant, the channel, caps, activation, nor what a person chose, so it takes the best rate
that the issuer's words promise for the category.
"""

import datetime as dt
from decimal import Decimal

from routing.value.matching import Matcher
from routing.value.spend import Purchase
from routing.value.terms import Channel, Product


def rate_at(matcher: Matcher, product: Product, mcc: str, day: dt.date) -> Decimal:
    """Returns units for each whole unit of currency."""
    prepared = matcher.prepare(product)
    purchase = Purchase(dt.datetime.combine(day, dt.time()), mcc, "", 0, channel=Channel.ONLINE)
    rates = [
        each.bonus.rate
        for each in prepared.bonuses
        if not each.options
        and each.valid_from <= day <= each.valid_to
        and any(match.covers(purchase, "", day) for match in each.matches)
    ]
    return max((*rates, product.base_rate))
