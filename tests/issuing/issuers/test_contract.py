"""What every issuer must do, whoever it is; the same cases run over Stripe, Marqeta and the mock."""

import datetime as dt
from dataclasses import replace

import pytest

from issuing.issuers.base import CardOrder, Limits, RefusedError
from issuing.issuers.transaction_kinds import Kind
from issuing.states import Card
from onecard.kit import clock
from tests.issuing.issuers.worlds import ADA, LIMITS, LONG_AGO, World, new_key, order_for


def new_card(world: World) -> str:
    return world.issuer.create_card(order_for(world.issuer), key=new_key()).issuer_card_id


def test_a_new_card_is_pending_and_complete(world: World) -> None:
    card = world.issuer.create_card(order_for(world.issuer), key=new_key())
    assert (card.status, card.card_type, card.currency, card.limits) == (Card.PENDING, "visa", "USD", LIMITS)
    assert card.last_four.isdecimal()
    assert len(card.last_four) == 4
    assert 1 <= card.expiry_month <= 12
    assert card.expiry_year > clock.now().year
    assert world.issuer.get_card_details(card.issuer_card_id) == card


def test_the_same_key_makes_one_cardholder_and_one_card(world: World) -> None:
    cardholder_key, card_key = new_key(), new_key()
    first, second = (world.issuer.create_cardholder(ADA, key=cardholder_key) for _ in range(2))
    assert first == second
    order = CardOrder(first, "visa", "USD", LIMITS)
    assert world.issuer.create_card(order, key=card_key) == world.issuer.create_card(order, key=card_key)
    assert world.cards_made() == 1


def test_another_key_makes_another_card(world: World) -> None:
    order = order_for(world.issuer)
    assert world.issuer.create_card(order, key=new_key()) != world.issuer.create_card(order, key=new_key())
    assert world.cards_made() == 2


def test_a_key_with_other_content_is_refused(world: World) -> None:
    key = new_key()
    world.issuer.create_card(order_for(world.issuer), key=key)
    with pytest.raises(RefusedError) as refusal:
        world.issuer.create_card(order_for(world.issuer), key=key)
    assert refusal.value.code == "issuer_key_reused"
    assert world.cards_made() == 1


@pytest.mark.parametrize(
    "path",
    [
        (Card.ACTIVE,),
        (Card.ACTIVE, Card.FROZEN),
        (Card.ACTIVE, Card.FROZEN, Card.ACTIVE),
        (Card.ACTIVE, Card.FROZEN, Card.CLOSED),
        (Card.ACTIVE, Card.ACTIVE),
        (Card.FROZEN, Card.FROZEN),
        (Card.CLOSED, Card.CLOSED),
    ],
)
def test_a_card_moves(world: World, path: tuple[Card, ...]) -> None:
    card_id = new_card(world)
    for status in path:
        assert world.issuer.update_card_status(card_id, status, reason="asked", key=new_key()).status == status
        assert world.issuer.get_card_details(card_id).status == status


def test_the_same_key_moves_a_card_once(world: World) -> None:
    card_id, key = new_card(world), new_key()
    moved = [world.issuer.update_card_status(card_id, Card.ACTIVE, reason="", key=key) for _ in range(2)]
    assert moved[0].status == moved[1].status == Card.ACTIVE


def test_a_key_of_another_move_is_refused_as_such(world: World) -> None:
    card_id, key = new_card(world), new_key()
    world.issuer.update_card_status(card_id, Card.ACTIVE, reason="", key=key)
    with pytest.raises(RefusedError) as refusal:
        world.issuer.update_card_status(card_id, Card.FROZEN, reason="", key=key)
    assert refusal.value.code == "issuer_key_reused"
    assert world.issuer.get_card_details(card_id).status == Card.ACTIVE


@pytest.mark.parametrize("status", [Card.ACTIVE, Card.FROZEN])
def test_a_closed_card_stays_closed(world: World, status: Card) -> None:
    card_id = new_card(world)
    world.issuer.update_card_status(card_id, Card.CLOSED, reason="lost", key=new_key())
    with pytest.raises(RefusedError) as refusal:
        world.issuer.update_card_status(card_id, status, reason="", key=new_key())
    assert refusal.value.code == "issuer_illegal_move"
    assert world.issuer.get_card_details(card_id).status == Card.CLOSED


@pytest.mark.parametrize("status", [Card.PENDING, Card.SUSPENDED])
def test_no_card_is_moved_to_a_state_that_is_not_ours_to_ask(world: World, status: Card) -> None:
    card_id = new_card(world)
    world.issuer.update_card_status(card_id, Card.ACTIVE, reason="", key=new_key())
    with pytest.raises(RefusedError):
        world.issuer.update_card_status(card_id, status, reason="", key=new_key())


def test_limits_are_replaced_as_a_whole_and_back_again(world: World) -> None:
    card_id = new_card(world)
    for limits in (Limits(1_099, 2_000, 3_001), replace(LIMITS, daily_minor=60_000), LIMITS):
        world.issuer.set_spending_limits(card_id, limits, key=new_key())
        assert world.issuer.get_card_details(card_id).limits == limits


def test_history_comes_newest_first_and_page_by_page(world: World) -> None:
    card_id, other_id = new_card(world), new_card(world)
    world.post(other_id, 9_900)
    for amount_minor in (1_050, 2_000, -450, 3_000, 4_001):
        world.post(card_id, amount_minor)
    rows, cursor, pages = [], "", 0
    while True:
        page = world.issuer.get_transaction_history(card_id, since=LONG_AGO, cursor=cursor)
        rows, cursor, pages = [*rows, *page.transactions], page.cursor, pages + 1
        if not cursor:
            break
    assert [row.amount_minor for row in rows] == [4_001, 3_000, -450, 2_000, 1_050]
    assert [row.kind for row in rows] == [Kind.CAPTURE, Kind.CAPTURE, Kind.REFUND, Kind.CAPTURE, Kind.CAPTURE]
    assert {(row.issuer_card_id, row.currency, row.merchant_name) for row in rows} == {(card_id, "USD", "Bistro")}
    assert len({row.id for row in rows}) == 5
    assert pages >= 3


def test_history_begins_where_it_is_asked_to(world: World) -> None:
    card_id = new_card(world)
    world.post(card_id, 1_000)
    tomorrow = clock.now() + dt.timedelta(hours=12)
    assert world.issuer.get_transaction_history(card_id, since=tomorrow).transactions == ()


def test_an_unknown_card_is_refused_with_a_sentence(world: World) -> None:
    for ask in (
        lambda: world.issuer.get_card_details("nobody's"),
        lambda: world.issuer.update_card_status("nobody's", Card.ACTIVE, reason="", key=new_key()),
        lambda: world.issuer.set_spending_limits("nobody's", LIMITS, key=new_key()),
    ):
        with pytest.raises(RefusedError) as refusal:
            ask()
        assert refusal.value.code == "issuer_unknown_card"
        assert "nobody" not in refusal.value.message


def test_a_card_for_nobody_is_refused(world: World) -> None:
    with pytest.raises(RefusedError):
        world.issuer.create_card(CardOrder("nobody", "visa", "USD", LIMITS), key=new_key())
    assert world.cards_made() == 0
