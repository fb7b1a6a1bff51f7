"""The lives of purchases, drawn from a seed: what the merchant does with a card, step by step. Pure.

A life depends on its number and the seed alone, whatever else happens meanwhile.
"""

import random
from dataclasses import dataclass
from typing import Literal

Deed = Literal["buy", "more", "reverse", "expire", "capture", "refund", "refund_unlinked", "force_post"]

# How many of a hundred, more or less; most purchases are captured as they were approved.
WEIGHTS = {
    "captured": 48,
    "captured in part": 8,
    "captured over": 4,
    "captured twice": 6,
    "reversed": 6,
    "reversed in part": 5,
    "expired": 3,
    "captured after expiry": 1,
    "increased": 5,
    "refunded": 6,
    "refunded in part": 4,
    "refunded without link": 1,
    "posted by force": 1,
    "under the minimum": 1,
}
LEAST_MINOR, MOST_MINOR = 200, 20_000
# Stripe charges no less than 50 US cents.
TINY_MINOR = 30


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a merchant; minor units of the card's currency."""

    deed: Deed
    minor: int = 0
    final: bool = True


@dataclass(frozen=True, slots=True)
class Life:
    """Who buys (a number from 0), what kind of life it is, and its steps."""

    buyer: int
    kind: str
    steps: tuple[Step, ...]


def life(number: int, *, seed: int, buyers: int) -> Life:
    """The life with this number."""
    chance = random.Random(f"{seed}:{number}")
    kind = chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
    amount = chance.randint(LEAST_MINOR, MOST_MINOR)
    part = chance.randint(amount // 10, amount - amount // 10)
    return Life(chance.randrange(buyers), kind, _steps(kind, amount, part))


def _steps(kind: str, amount: int, part: int) -> tuple[Step, ...]:
    buy = Step("buy", amount)
    return {
        "captured": (buy, Step("capture", amount)),
        "captured in part": (buy, Step("capture", part)),
        "captured over": (buy, Step("capture", amount + part // 5)),
        "captured twice": (buy, Step("capture", part, final=False), Step("capture", amount - part)),
        "reversed": (buy, Step("reverse", amount)),
        "reversed in part": (buy, Step("reverse", part), Step("capture", amount - part)),
        "expired": (buy, Step("expire")),
        "captured after expiry": (buy, Step("expire"), Step("capture", amount)),
        "increased": (buy, Step("more", part), Step("capture", amount + part)),
        "refunded": (buy, Step("capture", amount), Step("refund", amount)),
        "refunded in part": (buy, Step("capture", amount), Step("refund", part)),
        "refunded without link": (Step("refund_unlinked", amount),),
        "posted by force": (Step("force_post", amount),),
        "under the minimum": (Step("buy", TINY_MINOR), Step("capture", TINY_MINOR)),
    }[kind]
