"""The purchase of the demo by strategy value: which card would have paid, and the money between the two."""

from collections.abc import Iterator
from typing import Any

from issuing.models import Decision
from onecard.kit import display
from onecard.kit.money import Money
from routing import preview
from routing.valued import explaining
from routing.valued.explaining import CardLine, ValueExplanation
from wallet.models import Preference


def lines(decision: Decision) -> Iterator[str]:
    """Yields what value would have chosen, with the merchant's category passed through and without."""
    card, purchase = decision.authorization.card, decision.authorization
    if card is None or not decision.approved or not decision.amount_minor:
        return
    holder = card.cardholder
    holder.preference = Preference.VALUE
    more: dict[str, Any] = {
        "merchant": purchase.merchant_name,
        "amount_minor": decision.amount_minor,
        "country": purchase.merchant_country,
    }
    for passes in (True, False):
        choice, trace = preview.rank(
            holder, mcc=purchase.mcc, currency=decision.currency, at=decision.decided_at, passes=passes, **more
        )
        explained = explaining.explain(trace, amount=Money(decision.amount_minor, decision.currency))
        if choice.method is None or explained is None or explained.chosen is None:
            return
        yield ""
        how = "the merchant's category is passed through" if passes else "the card's issuer sees our category instead"
        yield f"By value      if {how}: {explained.chosen.name} •{explained.chosen.last_four}"
        yield f"              {explained.sentence}"
        yield from _between(explained, decision.trace.get("chosen_method_id"))


def _between(explained: ValueExplanation, paid_by: object) -> Iterator[str]:
    """What the two choices earn by the same terms, and the difference."""
    rule: CardLine | None = next((each for each in explained.cards if each.method_id == paid_by), None)
    chosen = explained.chosen
    if rule is None or chosen is None:
        return
    if rule is chosen:
        yield "              The same card as by the rule above: nothing between the two."
        return
    money = [display.estimate(each, explained.currency) for each in (chosen.earned, rule.earned)]
    between = display.estimate(chosen.earned - rule.earned, explained.currency)
    yield f"              {money[0]} instead of {money[1]} with {rule.name}: {between} between the two."
