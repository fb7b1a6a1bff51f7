"""A process is killed at a step of a flow; restarted, it ends where it would have ended (money-safety F4).

By itself this file takes one step of one flow in six at random, and prints its seed; `make proofs` one step of each
flow, and KILL_EVERY=1 every step (`make kills`). KILL_SEED repeats a run. One time in four the restarted system is
killed as well.
"""

import os
import random
import secrets
from pathlib import Path

import pytest

from tests.faults import (
    kill_balances,
    kill_checks,
    kill_flows,
    kill_holds,
    kill_marqeta_holds,
    kill_missed_holds,
    kill_overpayments,
    kill_relinking,
)
from tests.faults.kill_flows import Flow
from tests.faults.kill_world import World, a_world, restart, set_clock, turn
from tests.faults.kills import Death, live
from tests.support.lengths import length

EVERY = int(os.environ.get("KILL_EVERY", "0"))
SEED = int(os.environ.get("KILL_SEED", "0")) or secrets.randbelow(2**32)
# How many deaths of one flow the suite has time for.
MOST_IN_SUITE = 1
FLOWS = kill_flows.FLOWS | kill_holds.FLOWS | kill_balances.FLOWS
FLOWS |= kill_marqeta_holds.FLOWS | kill_missed_holds.FLOWS | kill_overpayments.FLOWS | kill_relinking.FLOWS
# By itself the file draws one flow of so many.
TOGETHER = 1 if EVERY else length("KILL_FLOWS_TOGETHER", short=6, whole=1)
GROUPS = [tuple(FLOWS)[start : start + TOGETHER] for start in range(0, len(FLOWS), TOGETHER)]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(3600 if EVERY else 300),
    pytest.mark.only_in_proofs,
]


@pytest.mark.parametrize("group", GROUPS, ids=" or ".join)
def test_a_flow_killed_at_any_step_ends_as_if_it_had_lived(group: tuple[str, ...], tmp_path: Path) -> None:
    name = random.Random(f"{SEED}:{group}").choice(group)
    print(f"seed {SEED}: {name}")
    flow = FLOWS[name]
    with a_world(tmp_path, policy=flow.policy) as world:
        flow.before(world)
        world.remember()
        steps = len(die(world, flow, 0).steps)
        chance = random.Random(f"{SEED}:{name}")
        places = _places(steps, chance)
        killed = [_killed_at(world, flow, n, chance) for n in places]
    print(f"{name}: {steps} steps, killed at {killed}")
    assert steps > 2
    assert all(killed), "a life that was shorter than the first is no way to pass"


def _killed_at(world: World, flow: Flow, n: int, chance: random.Random) -> int:
    """Kills a life at its step `n`, or earlier where it has fewer steps than the first; gives the step, 0 for none."""
    while n and not die(world, flow, n, again=chance.random() < 1 / 4, chance=chance).was_killed:
        n -= 1
    return n


def _places(steps: int, chance: random.Random) -> range:
    apart = EVERY or -(-steps // MOST_IN_SUITE)
    return range(chance.randint(1, min(apart, steps)), steps + 1, apart)


def die(world: World, flow: Flow, n: int, *, again: bool = False, chance: random.Random | None = None) -> Death:
    """One life from the same beginning to its death, and all that must be true of the end."""
    world.put_back()
    set_clock(flow.late)
    flow.arm(world)
    death = live(lambda say: flow.act(world, say), kill_at=n)
    assert death.was_killed or len(death.steps) < n or not n, "it neither died nor ended before its death"
    second = live(lambda _say: turn(), kill_at=chance.randint(1, 60)) if again and chance else None
    try:
        flow.after(world, death)
        left = restart(kill_checks.unfinished, since=flow.late)
        assert not left, left
        kill_checks.check(world, flow.end_of(world, death))
        kill_checks.nothing_changes_again(world, flow.again)
    except Exception as error:
        error.add_note(f"killed at {death.where}" + (f", and again at {second.where}" if second else ""))
        error.add_note("its steps:\n" + "\n".join(f"{at:4} {step}" for at, step in enumerate(death.steps, start=1)))
        raise
    return death
