"""The run: people and cards, the load, one fault after the other, the drain, and then every invariant.

The plan of the faults and the lives of the purchases follow from the seed. When exactly a fault meets which statement
of which process does not: processes race, and so two runs of one seed differ.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
from django.db import connections
from django.db.models import F

from issuing.models import VirtualCard
from issuing.stand_in import files
from onecard.kit import clock
from tests.proofs.chaos.card_data import KeyChange, keys_in, seal_numbers
from tests.proofs.chaos.faults import fault_in
from tests.proofs.chaos.invariants import broken, read_invariants
from tests.proofs.chaos.load import Load, Seen
from tests.proofs.chaos.places import Places
from tests.proofs.chaos.plan import Fault
from tests.proofs.chaos.recovery import bound_s, connected, measure, probes
from tests.proofs.chaos.report import Met, Report, count_rows
from tests.proofs.chaos.said import Window, read_said, write_said
from tests.proofs.chaos.system import System
from tests.proofs.purchases.http import SandboxHttp
from tests.proofs.purchases.people import make_people
from tests.proofs.purchases.quiet import LATER, SOON, Mending, compare_with_issuers, live_on, wait_until_quiet

PEOPLE = 24
# A third of the cards can spend only so much a day, so that purchases race for what is left of a limit.
TIGHT_EVERY, TIGHT_MINOR = 3, 60_000
DRAINED_WITHIN_S = 600.0
# After failures, whoever folds waits for up to a minute.
FOLDED_WITHIN_S = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be proved, and who is told how far it is."""

    plan: list[Fault]
    seconds: float
    seed: int
    a_second: float
    threads: int
    progress: Callable[[float], object]
    tell: Callable[[str], object]


def prove(run: Run, system: System, http: SandboxHttp, broker: redis.Redis) -> Report:
    """Goes through all of it; this process's settings and database are those of the system."""
    laps, started = dict[str, float](), time.monotonic()

    def lap(what: str) -> None:
        laps[what] = time.monotonic() - started - sum(laps.values())
        run.tell(f"{what}: {laps[what]:.0f} s")

    people = make_people(http, PEOPLE, seed=run.seed)
    _tighten_limits()
    keys = keys_in(system.places.values)
    seal_numbers(keys[1:])
    system.start()
    lap("started")
    load = Load(http=http, people=people, seed=run.seed, a_second=run.a_second, threads=run.threads)
    key_change = KeyChange(system.environment)
    load.start()
    try:
        met = _go_through(run, system, load, key_change, within_s=bound_s(laps["started"]))
        key_change.finish()
    finally:
        load.stop()
    lap("under load")
    # The database has ended this process's connection as well.
    connections.close_all()
    came_to_rest = _is_folded_in(system.places) and wait_until_quiet(http, broker, most_s=DRAINED_WITHIN_S)
    lap("drained")
    mending = _live_on(system)
    lap("lived through the next days")
    report = _check(http, system, load.seen, met, mending, came_to_rest=came_to_rest)
    lap("checked")
    report.seconds = laps
    return report


def _is_folded_in(places: Places) -> bool:
    """Waits until what stand-in answered is in the books; False when that did not come."""
    until = time.monotonic() + FOLDED_WITHIN_S
    while files.unfolded(places.stand_in):
        if time.monotonic() > until:
            return False
        time.sleep(1.0)
    return True


def _tighten_limits() -> None:
    cards = VirtualCard.objects.annotate(turn=F("id") % TIGHT_EVERY)
    cards.filter(turn=0).update(daily_limit_minor=TIGHT_MINOR, per_transaction_limit_minor=TIGHT_MINOR)


def _go_through(run: Run, system: System, load: Load, key_change: KeyChange, *, within_s: float) -> list[Met]:
    """One fault after the other; the next one waits for whoever has not recovered from the one before."""
    asked, chance, met = probes(system.places, load), random.Random(f"victims:{run.seed}"), list[Met]()
    started = time.monotonic()

    def wait_until(second: float) -> None:
        while (left_s := started + second - time.monotonic()) > 0:
            time.sleep(min(left_s, 1.0))
            run.progress(time.monotonic() - started)

    for fault in run.plan:
        wait_until(fault.at_s)
        begun_at = time.time()
        with fault_in(system, fault, chance=chance) as process:
            if fault.part == "postgres":
                key_change.begin()
            wait_until(time.monotonic() - started + fault.duration_s)
        ended_at = time.time()
        recovery = measure(asked, since=ended_at, within_s=within_s)
        met.append(Met(fault, process, begun_at, ended_at, recovery))
        run.tell(_sentence(met[-1], begun_at - time.time() + time.monotonic() - started))
    wait_until(run.seconds)
    return met


def _sentence(met: Met, at_s: float) -> str:
    slowest = max(met.recovery.seconds.items(), key=lambda found: float("inf") if found[1] is None else found[1])
    took = "not recovered" if slowest[1] is None else f"{slowest[1]:.1f} s"
    said = f"{at_s:6.1f} s  {met.process} {met.fault.kind}, {met.ended_at - met.begun_at:.1f} s"
    return f"{said}; {slowest[0]}: {took}{'' if met.recovery.failed else ' later'}"


def _live_on(system: System) -> Mending:
    """What the next days bring by themselves: retries, comparisons with the issuers, settlements, other cards."""
    mending = Mending()
    system.stop_product()
    live_on(mending, SOON)
    with clock.ahead(SOON[-1]):
        compare_with_issuers(mending)
    live_on(mending, LATER)
    return mending


def _check(
    http: SandboxHttp, system: System, seen: Seen, met: list[Met], mending: Mending, *, came_to_rest: bool
) -> Report:
    windows = [Window(each.fault.name, each.begun_at, each.felt_until, each.fault.hides_us) for each in met]
    said, invariants = read_said(http, windows), read_invariants()
    with connected(system.places) as link:
        write_said(link, said, keys=keys_in(system.places.values))
        found = broken(link, invariants)
        rows = count_rows(link)
    return Report(
        seen=seen,
        met=met,
        answers=said.answers,
        mending=mending,
        came_to_rest=came_to_rest,
        invariants=invariants,
        broken=found,
        rows=rows,
    )
