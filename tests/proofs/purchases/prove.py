"""Very many purchases while a share of everything fails: is one lost, or paid twice, or left without an explanation?

All is real: both issuers' sandbox asks our web server, which writes to PostgreSQL; relays carry the outbox to a broker
that is wiped twice; Celery's workers charge funding cards at the sandbox, over HTTP that loses one call in twenty.
Then days pass (many_purchases_quiet.py), and both sides are counted (many_purchases_count.py).

The lives of the purchases follow from the seed alone. Which of them meets which fault does not: that depends on who is
first, and processes race.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import redis

from issuing.models import Authorization
from onecard.kit import clock
from tests.proofs.purchases.count import Count, count
from tests.proofs.purchases.http import Json, SandboxHttp
from tests.proofs.purchases.people import make_people
from tests.proofs.purchases.quiet import (
    LATER,
    SOON,
    Mending,
    compare_with_issuers,
    live_on,
    reconcile_twice,
    wait_until_quiet,
)
from tests.proofs.purchases.traffic import Seen, Traffic
from tests.proofs.purchases.truth import read_truth

PURCHASES_A_PERSON = 25
FEWEST_PEOPLE = 20
QUIET_S = 120.0
# Of the lives some are made to be declined; where more are, the product proves nothing by what it does not do.
MOST_DECLINED = 0.2


@dataclass(frozen=True, slots=True)
class Report:
    """What happened, what the weather was, what was mended, and what both sides say in the end."""

    seen: Seen
    weather: Json
    mending: Mending
    count: Count
    people: int
    rows: int
    came_to_rest: bool
    seconds: dict[str, float]

    @property
    def is_good(self) -> bool:
        is_used = self.seen.declined <= MOST_DECLINED * self.seen.lives.total()
        return self.count.is_good and self.mending.is_good and is_used


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be proved, and how the product is started and stopped meanwhile."""

    purchases: int
    seed: int
    fail_percent: float
    threads: int
    start: Callable[[], object]
    check: Callable[[], object]
    stop: Callable[[], object]
    progress: Callable[[int], object]
    tell: Callable[[str], object]


def prove(plan: Plan, http: SandboxHttp, broker: redis.Redis) -> Report:
    """Goes through all of it; the settings must point at the same sandbox and database as the product's processes."""
    watch = _Watch(plan.tell)
    people = make_people(http, max(FEWEST_PEOPLE, plan.purchases // PURCHASES_A_PERSON), seed=plan.seed)
    plan.start()
    watch.lap("made people")
    http.control("POST", "weather", {"percent": plan.fail_percent, "seed": plan.seed})
    traffic = Traffic(
        http=http,
        people=people,
        broker=broker,
        count=plan.purchases,
        seed=plan.seed,
        threads=plan.threads,
        check=plan.check,
        progress=plan.progress,
    )
    seen = traffic.run()
    watch.lap("traffic")
    came_to_rest = wait_until_quiet(http, broker, most_s=QUIET_S)
    plan.stop()
    watch.lap("until quiet")
    mending = _mend(http, watch)
    truth = read_truth(http)
    counted = count(truth)
    watch.lap("counted")
    weather = http.control("GET", "weather")
    rows = Authorization.objects.count()
    return Report(seen, weather, mending, counted, len(people), rows, came_to_rest, watch.seconds)


def _mend(http: SandboxHttp, watch: "_Watch") -> Mending:
    mending = Mending()
    live_on(mending, SOON)
    with clock.ahead(SOON[-1]):
        compare_with_issuers(mending)
    watch.lap("compared with issuers")
    # The storm is over: a list of a thousand pages would never come to its end.
    http.control("POST", "weather", {"percent": 0})
    live_on(mending, LATER)
    watch.lap("lived on")
    reconcile_twice(mending)
    watch.lap("reconciled")
    return mending


class _Watch:
    def __init__(self, tell: Callable[[str], object]) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()
        self._tell = tell

    def lap(self, what: str) -> None:
        now = time.monotonic()
        self.seconds[what], self._last = now - self._last, now
        self._tell(f"{what}: {self.seconds[what]:.1f} s")
