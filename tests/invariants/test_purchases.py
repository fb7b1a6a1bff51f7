"""Random lives of purchases, with the invariants checked after every step (money-safety I1, I4 to I7, I9 to I11)."""

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.invariants.banks import COURSES
from tests.invariants.machine import Purchases
from tests.support.lengths import length

# `make invariants` asks for many more.
EXAMPLES = length("INVARIANT_EXAMPLES", short=10, whole=25)
# Of each course of a bank, a tenth of them, and a few where they are few.
OF_A_COURSE = max(min(EXAMPLES // 5, 5), EXAMPLES // 10)
SEED = int(os.environ.get("INVARIANT_SEED") or random.randrange(2**32))
# Shares of the examples, each with the next seed, for as many processes.
SHARES = int(os.environ.get("INVARIANT_SHARES", "1"))
# A life takes about a second, and ten on a machine with much else to do.
LONGEST_S = max(600, EXAMPLES * 10)


@pytest.mark.only_in_proofs
@pytest.mark.django_db
@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize("share", range(SHARES))
def test_no_sequence_of_events_breaks_an_invariant(share: int) -> None:
    """On a failure Hypothesis prints the steps and the blob that repeats them."""
    assert lives_that_ended_well(Purchases, EXAMPLES // SHARES, SEED + share)


@pytest.mark.django_db
@pytest.mark.only_in_proofs
@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize("course", COURSES)
def test_no_course_of_a_bank_breaks_an_invariant(course: str) -> None:
    """Among lives drawn at random, hardly one in fifty has a lost dispute that was charged anew."""
    machine = type("DisputedPurchases", (Purchases,), {"always": course})
    assert lives_that_ended_well(machine, OF_A_COURSE, SEED + list(COURSES).index(course))


def lives_that_ended_well(machine: type[Purchases], examples: int, first: int) -> int:
    """Runs so many lives of the machine; gives how many came to the last comparison and passed it."""
    machine.ended_well = 0
    print(f"{examples} examples, INVARIANT_SEED={first}")
    run_state_machine_as_test(
        seed(first)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            print_blob=True,
            phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
    return machine.ended_well
