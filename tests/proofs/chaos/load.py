"""The load: lives of purchases at both issuers, as many a second as asked, whatever has become of the system.

The sandbox asks as the issuers do. It puts each question twice under the same id: the second time right after the
answer, or after the time-out, when it has declined by itself. Its webhooks come doubled, at once, late and out of
order. Which purchase meets which of that depends on who is first.
"""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from tests.proofs.purchases.http import SandboxHttp, SandboxRefusedError
from tests.proofs.purchases.lives import life
from tests.proofs.purchases.network import Purchase, begin
from tests.proofs.purchases.people import Shopper

QUESTIONS: Final = ("issuing_authorization.request", "gateway.request")
# What each issuer calls what follows a purchase.
WEBHOOKS: Final = ("issuing_*", "transaction.*")
MISTREATED_SHARE: Final = 0.3
MISTREATMENTS: Final[tuple[dict[str, Any], ...]] = (
    {"do": "duplicate"},
    {"do": "concurrent", "copies": 3},
    {"do": "out_of_order"},
    {"do": "delay", "delay_s": 3.0},
)
# Between two steps of one purchase, at most.
LONGEST_STEP_S: Final = 1.0


@dataclass(slots=True)
class Seen:
    """What the networks saw: kinds of lives that came to their end, and steps that the sandbox refused to take."""

    lives: Counter[str] = field(default_factory=Counter)
    declined: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    behind_s: float = 0.0
    # The last purchase that was approved at each issuer, by the time when it began (seconds since 1970).
    approved_at: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Load:
    """So many purchases a second from `start` to `stop`."""

    http: SandboxHttp
    people: list[Shopper]
    seed: int
    a_second: float
    threads: int
    seen: Seen = field(default_factory=Seen)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _begun: int = 0
    _started: float = 0.0
    _pool: ThreadPoolExecutor | None = None
    _shopping: list[Any] = field(default_factory=list)

    def start(self) -> None:
        """Begins, in threads of its own."""
        for question in QUESTIONS:
            self.http.control("POST", "scenarios", {"webhook": question, "do": "duplicate", "times": None})
        self._started = time.monotonic()
        self._pool = ThreadPoolExecutor(self.threads)
        self._shopping = [self._pool.submit(self._shop) for _ in range(self.threads)]

    def stop(self) -> None:
        """Begins no further purchase, lets those under way come to their end, and raises what a thread met."""
        self._over.set()
        if self._pool is not None:
            self._pool.shutdown()
        for each in self._shopping:
            each.result()
        self.http.control("DELETE", "scenarios")

    def _shop(self) -> None:
        while not self._over.is_set():
            with self._lock:
                number, self._begun = self._begun, self._begun + 1
            wait_s = self._started + number / self.a_second - time.monotonic()
            self.seen.behind_s = max(self.seen.behind_s, -wait_s)
            if self._over.wait(max(0.0, wait_s)):
                return
            self._live(number)

    def _live(self, number: int) -> None:
        chance = random.Random(f"manners:{self.seed}:{number}")
        drawn = life(number, seed=self.seed, buyers=len(self.people))
        shopper = self.people[drawn.buyer]
        purchase, begun_at = begin(self.http, shopper, drawn, number), time.time()
        try:
            self._mistreat(chance)
            while not purchase.is_over:
                purchase.go_on()
                self._note_approval(purchase, shopper, begun_at)
                time.sleep(chance.uniform(0, LONGEST_STEP_S))
        except SandboxRefusedError as error:
            self._note_refusal(error)
        else:
            self._note_end(purchase)

    def _mistreat(self, chance: random.Random) -> None:
        if chance.random() < MISTREATED_SHARE:
            how = chance.choice(MISTREATMENTS)
            self.http.control("POST", "scenarios", {"webhook": chance.choice(WEBHOOKS), "times": 1, **how})

    def _note_approval(self, purchase: Purchase, shopper: Shopper, begun_at: float) -> None:
        # A force capture and a refund without a purchase ask nobody.
        if purchase.taken == 1 and purchase.side.approved and purchase.life.steps[0].deed == "buy":
            with self._lock:
                before = self.seen.approved_at.get(shopper.provider, 0.0)
                self.seen.approved_at[shopper.provider] = max(before, begun_at)

    def _note_end(self, purchase: Purchase) -> None:
        with self._lock:
            self.seen.lives[purchase.life.kind] += 1
            self.seen.declined += not purchase.side.approved

    def _note_refusal(self, error: SandboxRefusedError) -> None:
        with self._lock:
            self.seen.refused[str(error).partition(": ")[2][:120]] += 1
