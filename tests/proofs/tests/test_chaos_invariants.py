"""The invariants of `make chaos`: a sound world breaks none of them, and each of them finds what was planted."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings

from issuing.models import VirtualCard
from tests.faults.connections import administrator
from tests.proofs.chaos.card_data import seal_numbers
from tests.proofs.chaos.invariants import Invariant, broken, read_invariants
from tests.proofs.chaos.load import QUESTIONS
from tests.proofs.chaos.said import read_said, write_said
from tests.proofs.purchases.lives import Step
from tests.proofs.tests.chaos_harms import HARMS, UNGUARD
from tests.proofs.tests.conftest import World

KEY = bytes(range(32))
INVARIANTS = read_invariants()
RULES = [f"I{number}" for number in range(1, 19)]


def of(beginning: str) -> list[Invariant]:
    return [each for each in INVARIANTS if each.sentence.startswith(beginning)]


def test_each_rule_is_stated_or_the_page_says_why_not() -> None:
    stated = {rule for each in INVARIANTS for rule in each.rules}
    page = (settings.BASE_DIR / "docs" / "chaos.md").read_text("utf-8")
    assert stated <= set(RULES)
    assert not [rule for rule in RULES if rule not in stated and f"| {rule} |" not in page]


def test_each_statement_has_a_harm_and_each_harm_a_statement() -> None:
    assert {beginning: len(of(beginning)) for beginning in HARMS} == dict.fromkeys(HARMS, 1)
    assert len(HARMS) == len(INVARIANTS)


def test_the_statements_import_nothing_and_change_nothing() -> None:
    assert not [each.name for each in INVARIANTS if any(word in each.sql for word in ("UPDATE ", "INSERT ", "DELETE "))]


@pytest.fixture
def link(world: World) -> Iterator[psycopg.Connection[Any]]:
    """Bought, captured, refunded, declined and reversed, and what both sides have of it."""
    for question in QUESTIONS:
        world.http.control("POST", "scenarios", {"webhook": question, "do": "duplicate", "times": None})
    for number, shopper in enumerate(world.people[:2]):
        world.live(shopper, Step("buy", 4500), Step("capture", 4500), Step("refund", 1500), number=number)
        world.live(shopper, Step("buy", 2500), Step("reverse", 2500), number=number)
    # A comparison would give the issuer the same limit, and then it would ask nobody.
    VirtualCard.objects.filter(issuer_card_id=world.people[3].card_id).update(per_transaction_limit_minor=1_000)
    world.live(world.people[3], Step("buy", 4500))
    seal_numbers([KEY])
    with administrator() as made:
        write_said(made, read_said(world.http), keys=[KEY])
        yield made
        made.execute("DROP SCHEMA chaos CASCADE")


@pytest.mark.only_in_proofs
def test_each_invariant_finds_what_was_planted(link: psycopg.Connection[Any]) -> None:
    assert [each.invariant.name for each in broken(link, INVARIANTS)] == []
    with link.transaction(force_rollback=True):
        link.execute(UNGUARD)
        for beginning, harm in HARMS.items():
            with link.transaction(force_rollback=True):
                link.execute(harm.encode())
                assert broken(link, of(beginning)), beginning
    assert broken(link, INVARIANTS) == []
