"""The rush hour: many lives at once, no faster than the queue is worked off, and the broker wiped on the way.

The purchases of one card come one after the other or at once, and so do the steps of different purchases; the steps of
one purchase come in their order, as fast as the network is.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import redis
from django.db import connections

from onecard.outbox.models import Message
from tests.proofs.purchases.http import SandboxHttp
from tests.proofs.purchases.lives import life
from tests.proofs.purchases.network import Purchase, begin
from tests.proofs.purchases.people import Shopper

QUEUE = "celery"
# Lives that one thread has under way, so that their steps mingle.
AT_ONCE = 4
# Work that may wait for the workers before the next card is presented.
MOST_WAITING = 400
LOOK_EVERY_S = 0.25


@dataclass(slots=True)
class Seen:
    """What the network saw."""

    lives: Counter[str] = field(default_factory=Counter)
    declined: int = 0
    wiped: int = 0
    messages_wiped: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Traffic:
    """`count` lives in `threads` threads; the broker loses all it has after a third of them, and after two."""

    http: SandboxHttp
    people: list[Shopper]
    broker: redis.Redis
    count: int
    seed: int
    threads: int
    check: Callable[[], object]
    progress: Callable[[int], object]
    seen: Seen = field(default_factory=Seen)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _may_buy: threading.Event = field(default_factory=threading.Event)
    _begun: int = 0
    _over: bool = False

    def run(self) -> Seen:
        """Lives them all; raises what any thread met."""
        started = time.monotonic()
        self._may_buy.set()
        with ThreadPoolExecutor(self.threads + 1) as pool:
            watching = pool.submit(self._watch)
            shopping = [pool.submit(self._shop, number) for number in range(self.threads)]
            try:
                for each in shopping:
                    each.result()
            finally:
                self._over = True
                self._may_buy.set()
            watching.result()
        self.seen.seconds = time.monotonic() - started
        return self.seen

    def _shop(self, thread: int) -> None:
        chance = random.Random(f"{self.seed}:thread:{thread}")
        waiting, living = self._begin_each(), list[Purchase]()
        while True:
            while len(living) < AT_ONCE and (purchase := next(waiting, None)) is not None:
                living.append(purchase)
            if not living:
                return
            purchase = chance.choice(living)
            purchase.go_on()
            if purchase.is_over:
                living.remove(purchase)
                self._end(purchase)

    def _begin_each(self) -> Iterator[Purchase]:
        while not self._over:
            self._may_buy.wait()
            with self._lock:
                number, self._begun = self._begun, self._begun + 1
            if number >= self.count:
                return
            self._wipe_when_due(number)
            drawn = life(number, seed=self.seed, buyers=len(self.people))
            yield begin(self.http, self.people[drawn.buyer], drawn, number)

    def _end(self, purchase: Purchase) -> None:
        with self._lock:
            self.seen.lives[purchase.life.kind] += 1
            self.seen.declined += not purchase.side.approved
        self.progress(1)

    def _wipe_when_due(self, number: int) -> None:
        if number in (self.count // 3, 2 * self.count // 3):
            self.seen.messages_wiped += waiting_in(self.broker)
            self.broker.flushall()
            self.seen.wiped += 1

    def _watch(self) -> None:
        try:
            while not self._over:
                self.check()
                if waiting_in(self.broker) + Message.objects.filter(published_at=None).count() > MOST_WAITING:
                    self._may_buy.clear()
                else:
                    self._may_buy.set()
                time.sleep(LOOK_EVERY_S)
        finally:
            self._may_buy.set()
            connections.close_all()


def waiting_in(broker: redis.Redis) -> int:
    """How many tasks wait in the queue, at any priority."""
    return sum(int(broker.llen(key)) for key in (QUEUE, *broker.scan_iter(f"{QUEUE}\x06*")))
