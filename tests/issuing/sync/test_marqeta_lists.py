"""Rows of Marqeta's list that are not recorded: money that is only announced, and unreadable rows."""

import pytest

from issuing.models import CardTransaction, SyncDifference
from issuing.sync.run import sync_provider
from tests.issuing.issuers.worlds import World
from tests.issuing.sync.conftest import active_card
from tests.issuing.sync.test_sync import sync

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.parametrize("world", ["marqeta"], indirect=True)]


def rows(world: World) -> list[dict[str, object]]:
    """What Marqeta lists of messages that no book-keeping twin is, the oldest first; a test may change them."""
    assert world.sandbox
    listed = world.sandbox.marqeta.state.transactions.values()
    return [row for row in listed if not str(row["type"]).startswith("gpa.")]


@pytest.mark.parametrize("amount_minor", [4500, -1500])
def test_money_that_is_only_announced_is_not_recorded_until_it_moves(world: World, amount_minor: int) -> None:
    world.post(active_card(world).issuer_card_id, amount_minor)
    (row,) = rows(world)
    row["state"] = "PENDING"
    sync(world)
    assert not CardTransaction.objects.exists()

    row["state"] = "COMPLETION"
    sync(world)
    assert CardTransaction.objects.get().amount_minor == abs(amount_minor)


def test_an_unreadable_row_of_money_is_named_and_delays_no_other(world: World) -> None:
    card = active_card(world)
    for amount_minor in (4500, 2000, -1500):
        world.post(card.issuer_card_id, amount_minor)
    odd = rows(world)[1]
    odd["amount"] = "lots"

    for _ in range(2):
        assert sync(world) == [("transaction", odd["token"], "open")]

    assert sorted(CardTransaction.objects.values_list("amount_minor", flat=True)) == [1500, 4500]
    assert "cannot be read" in SyncDifference.objects.filter(kind="transaction")[0].theirs


def test_a_row_that_moves_no_money_need_not_be_readable(world: World) -> None:
    card = active_card(world)
    for amount_minor in (4500, 2000):
        world.post(card.issuer_card_id, amount_minor)
    odd = rows(world)[0]
    odd |= {"type": "transit.offer", "amount": "lots"}

    run = sync_provider("marqeta", requested_by="user:9")

    assert run.status == "finished"
    assert not run.differences.filter(kind="transaction").exists()
    assert CardTransaction.objects.get().amount_minor == 2000
