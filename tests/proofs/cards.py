"""Making many cards at an issuer's rate limit while it fails now and then: is one lost, doubled, or sent too fast?

The issuer is the sandbox, over real HTTP; the cards are made by the card service, by several workers at once, and what
does not work out at first is tried again as in production. At the end both sides are counted.
"""

import datetime as dt
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from django.db import connections
from django.db.models import Min

from issuing import states
from issuing.cards import changes as card_changes
from issuing.cards import service as cards
from issuing.errors import CardRefusedError
from issuing.issuers.registry import issuer_for
from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from onecard.users.models import User
from wallet.kyc.fields import TERMS_VERSION
from wallet.models import Cardholder, KycStatus

PROVIDER = "stripe"
FAULTS = ("error_500", "drop_answer", "drop_request", "malformed_json", "html_error")
GIVE_UP_S = 300.0
ACTOR = "system:proof"


@dataclass(frozen=True, slots=True)
class Report:
    """What was asked for, what came of it on both sides, and how the rate limit was kept."""

    asked: int
    made_at_once: int
    made: int
    at_issuer: int
    lost: int
    doubled: int
    faults: int
    requests: int
    refused_as_too_fast: int
    busiest_second: int
    limit_per_second: int
    seconds: float

    @property
    def success_percent(self) -> float:
        return 100 * self.made / self.asked

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing doubled, more than 99 % made, and the limit never met."""
        return not (self.lost or self.doubled or self.refused_as_too_fast) and self.success_percent > 99


def make_cardholders(count: int) -> list[Cardholder]:
    """People with a verified identity and an address."""
    users = User.objects.bulk_create(
        [
            User(username=f"many-{n}", email=f"many-{n}@example.com", first_name="Ada", last_name="Many")
            for n in range(count)
        ]
    )
    return Cardholder.objects.bulk_create(
        [
            Cardholder(
                user=user,
                name="Ada Many",
                kyc_status=KycStatus.VERIFIED,
                legal_first_name="Ada",
                legal_last_name="Many",
                birth_date=dt.date(1990, 12, 10),
                phone="+14155550100",
                terms_version=TERMS_VERSION,
                terms_accepted_at=clock.now(),
                terms_accepted_from="203.0.113.7",
                address_line1="510 Townsend Street",
                address_city="San Francisco",
                address_state="CA",
                address_postal_code="94103",
                address_country="US",
            )
            for user in users
        ],
        batch_size=1000,
    )


class Sandbox(Protocol):
    """What the proof needs of the issuer's server."""

    def order_fault(self, fault: str) -> None:
        """Lets the next card that is asked for meet this fault."""

    def counted(self) -> dict[str, int]:
        """Requests taken and refused, the busiest second, and the limit a second."""


def make_many(
    sandbox: Sandbox,
    holders: list[Cardholder],
    *,
    workers: int,
    fault_percent: float,
    seed: int,
    progress: Callable[[int], object],
) -> Report:
    """Makes a card for each of them and counts both sides; `fault_percent` of the cards meet a fault on the way."""
    started, chance = time.monotonic(), random.Random(seed)
    faults = 0

    def make(holder: Cardholder) -> None:
        try:
            cards.create_virtual_card(cardholder=holder, card_type="visa", requested_by=ACTOR, provider=PROVIDER)
        except CardRefusedError:
            # The breaker is open: this person would come back later, and so does the loop below.
            time.sleep(1.0)
            make(holder)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(make, holders):
            progress(1)
            if chance.random() * 100 < fault_percent:
                sandbox.order_fault(FAULTS[faults % len(FAULTS)])
                faults += 1
    at_once = VirtualCard.objects.exclude(issuer_card_id="").count()
    _finish()
    return _count(sandbox, len(holders), at_once, faults, time.monotonic() - started)


def _finish() -> None:
    """What is still open is tried when it is due, as the beat would do it."""
    until = time.monotonic() + GIVE_UP_S
    waiting = CardChange.objects.filter(status__in=states.OPEN_CHANGE)
    while waiting.exists() and time.monotonic() < until:
        first = waiting.aggregate(first=Min("next_attempt_at"))["first"] or clock.now()
        time.sleep(min(5.0, max(0.05, (first - clock.now()).total_seconds())))
        card_changes.sweep(now=clock.now() + card_changes.CHANGES.grace)


def _count(sandbox: Sandbox, asked: int, at_once: int, faults: int, seconds: float) -> Report:
    limit = sandbox.counted()
    keys = Counter(_keys_at_issuer())
    ours = set(map(str, CardChange.objects.filter(kind=CardChange.Kind.CREATE).values_list("key", flat=True)))
    mine = Counter({key: times for key, times in keys.items() if key in ours})
    known = VirtualCard.objects.exclude(issuer_card_id="").values("issuer_card_id").distinct().count()
    return Report(
        asked=asked,
        made_at_once=at_once,
        made=known,
        at_issuer=mine.total(),
        lost=len(mine) - known,
        doubled=mine.total() - len(mine),
        faults=faults,
        requests=limit["taken"],
        refused_as_too_fast=limit["refused"],
        busiest_second=limit["busiest_second"],
        limit_per_second=limit["per_second"],
        seconds=seconds,
    )


def _keys_at_issuer() -> list[str]:
    """The key of every card that the issuer has, asked of the issuer itself."""
    issuer, cursor, keys = issuer_for(PROVIDER), "", []
    while True:
        page = issuer.list_cards(cursor=cursor)
        keys += [card.key for card in page.cards]
        cursor = page.cursor
        if not cursor:
            return keys
