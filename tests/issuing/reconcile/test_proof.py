"""Thousands of rows with 300 planted differences of every class: exactly those are found, and once."""

import random

import pytest
from django.core.management import CommandError, call_command

from issuing.reconcile.compare import Kind
from tests.proofs.reconcile.plan import PLANTS
from tests.proofs.reconcile.prove import prove
from wallet.models import Case

SEED = random.SystemRandom().randrange(10**6)


@pytest.mark.only_in_proofs
@pytest.mark.django_db(transaction=True)
def test_of_6_000_rows_exactly_the_300_planted_differences_are_found() -> None:
    print(f"seed {SEED}")

    proof = prove(rows=6_000, planted=300, seed=SEED, progress=lambda _label, _rows: None)

    assert (proof.missed, proof.unplanned) == (frozenset(), frozenset())
    assert proof.told == proof.expected == 300
    assert proof.is_exact
    assert Case.objects.filter(kind="reconciliation", status="open").count() == 300
    assert Case.objects.values("reference").distinct().count() == 300


def test_every_class_is_planted_somewhere() -> None:
    assert {kind for kinds in PLANTS.values() for kind in kinds} == set(map(str, Kind))


def test_too_few_rows_for_so_many_differences_are_refused() -> None:
    with pytest.raises(CommandError, match="twenty times"):
        call_command("prove_reconcile", "--rows=1000", "--planted=300")
