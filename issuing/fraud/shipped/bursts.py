"""Hooks that look at how much happens at once: card testing, and a jump in how often a card is used."""

import datetime as dt
from typing import Final

from issuing.fraud.verdicts import ALLOW, Action, FrozenFacts, Verdict
from onecard.kit.money import MoneyError, currency_exponent

TESTING_SPAN: Final = dt.timedelta(minutes=10)
# Within that span, this purchase counted. One of these flags, two together decline.
SMALL_AMOUNTS: Final = 5
DECLINES: Final = 4
MERCHANTS: Final = 6
# With fewer decisions within that span, none of the three is possible.
FEWEST: Final = min(SMALL_AMOUNTS - 1, DECLINES, MERCHANTS - 1)
# In whole units of the purchase's currency: whoever tries stolen numbers takes little, often nothing.
SMALL_UNITS: Final = 5

JUMP_SPAN: Final = dt.timedelta(hours=1)
# So many in an hour are no jump, whatever is usual; and this multiple of a usual day's number is one.
JUMP_LEAST: Final = 8
JUMP_FACTOR: Final = 4


def card_testing(facts: FrozenFacts) -> Verdict:
    """Flags many small amounts, many declines or many merchants within minutes; declines two of these together."""
    if not facts.history.has_within(FEWEST, TESTING_SPAN, facts.now):
        return ALLOW
    tries = facts.history.attempts_within(TESTING_SPAN, facts.now)
    small_minor = _small_minor(facts.currency)
    small = sum(each.amount_minor <= small_minor for each in tries) + (facts.amount_minor <= small_minor)
    declines = sum(not each.is_approved for each in tries)
    merchants = len({facts.merchant_key, *(each.merchant for each in tries)})
    signs = [
        text
        for text, is_one in (
            (f"{small} amounts of at most {SMALL_UNITS} units", small >= SMALL_AMOUNTS),
            (f"{declines} declines", declines >= DECLINES),
            (f"{merchants} merchants", merchants >= MERCHANTS),
        )
        if is_one
    ]
    if not signs:
        return ALLOW
    reason = f"Within {TESTING_SPAN.seconds // 60} minutes: {', '.join(signs)}."
    return Verdict(Action.DECLINE, 90, reason) if len(signs) > 1 else Verdict(Action.FLAG, 70, reason)


def velocity_jump(facts: FrozenFacts) -> Verdict:
    """Flags a card that is used within an hour several times as often as on a usual day of its life."""
    if not facts.history.has_within(JUMP_LEAST - 1, JUMP_SPAN, facts.now):
        return ALLOW
    count = len(facts.history.attempts_within(JUMP_SPAN, facts.now)) + 1
    days = max(1.0, facts.card_age / dt.timedelta(days=1))
    usual = facts.history.approvals / days
    if count < JUMP_FACTOR * usual:
        return ALLOW
    return Verdict(Action.FLAG, 60, f"{count} purchases within an hour, and {usual:.1f} on a usual day.")


def _small_minor(currency: str) -> int:
    try:
        return SMALL_UNITS * int(10 ** currency_exponent(currency))
    except MoneyError:
        return 0


card_testing.inline = True  # type: ignore[attr-defined]
velocity_jump.inline = True  # type: ignore[attr-defined]
