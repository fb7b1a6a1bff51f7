"""Each issuer lists all our cards, movements and events. The same cases run over Stripe, Marqeta and the mock."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from issuing.issuers.base import (
    AuthenticationError,
    CardOrder,
    IssuedCard,
    IssuerError,
    IssuerTransaction,
    MissedEvent,
    NetworkError,
    RateLimitedError,
    RefusedError,
)
from issuing.issuers.errors import no_answer
from issuing.issuers.mock import Failure, MockIssuer
from issuing.issuers.stripe.events import parse_envelope
from issuing.states import Card
from onecard.kit import clock
from tests.issuing.issuers.worlds import (
    ADA,
    LIMITS,
    LONG_AGO,
    TOO_SLOW_S,
    World,
    all_of,
    new_key,
    order_for,
    world_of,
)
from tests.sandbox.running import RunningSandbox
from tests.sandbox.stripe import purchases
from tests.sandbox.stripe.command import Command

# What is asked, and where Stripe and Marqeta are asked for it.
QUESTIONS: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "cards": (lambda issuer: issuer.list_cards(), "/v1/issuing/cards", "/v3/users"),
    "cards of a user": (lambda issuer: issuer.list_cards(), "/v1/issuing/cards", "/v3/cards/user/*"),
    "history": (
        lambda issuer: issuer.get_transaction_history(since=LONG_AGO),
        "/v1/issuing/transactions",
        "/v3/transactions",
    ),
    "events": (lambda issuer: issuer.list_events(since=LONG_AGO), "/v1/events", "/v3/transactions"),
}
FAULTS = [
    ({"do": "error_500"}, NetworkError),
    ({"do": "drop_request"}, NetworkError),
    ({"do": "drop_answer"}, NetworkError),
    ({"do": "malformed_json"}, NetworkError),
    ({"do": "html_error"}, NetworkError),
    ({"do": "delay", "delay_s": TOO_SLOW_S}, NetworkError),
    ({"do": "rate_limit", "retry_after_s": 7}, RateLimitedError),
    ({"do": "unauthorized"}, AuthenticationError),
]


def all_cards(world: World) -> tuple[list[IssuedCard], int]:
    def ask(cursor: str) -> tuple[tuple[IssuedCard, ...], str]:
        page = world.issuer.list_cards(cursor=cursor)
        return page.cards, page.cursor

    return all_of(ask)


def all_events(world: World, since: dt.datetime = LONG_AGO) -> tuple[list[MissedEvent], int]:
    def ask(cursor: str) -> tuple[tuple[MissedEvent, ...], str]:
        page = world.issuer.list_events(since=since, cursor=cursor)
        return page.events, page.cursor

    return all_of(ask)


def whole_history(world: World, since: dt.datetime = LONG_AGO) -> tuple[list[IssuerTransaction], int]:
    def ask(cursor: str) -> tuple[tuple[IssuerTransaction, ...], str]:
        page = world.issuer.get_transaction_history(since=since, cursor=cursor)
        return page.transactions, page.cursor

    return all_of(ask)


def cards_for(world: World, *, holders: int, each: int) -> dict[str, IssuedCard]:
    """New cards of new cardholders, by the keys that made them."""
    made: dict[str, IssuedCard] = {}
    for _ in range(holders):
        holder = world.issuer.create_cardholder(ADA, key=new_key())
        for _ in range(each):
            key = new_key()
            made[key] = world.issuer.create_card(CardOrder(holder, "visa", "USD", LIMITS), key=key)
    return made


def test_every_card_is_listed_once_with_the_key_that_made_it(world: World) -> None:
    made = cards_for(world, holders=2, each=3)
    listed, pages = all_cards(world)
    assert len({card.issuer_card_id for card in listed}) == len(listed)
    ours = {card.key: card for card in listed if card.key in made}
    limits = {"marqeta": None}.get(world.issuer.provider, LIMITS)
    assert ours == {key: replace(card, limits=limits) for key, card in made.items()}
    assert pages >= 2


def test_a_card_that_we_did_not_make_is_listed_without_a_key_of_ours(sandbox: RunningSandbox) -> None:
    keys = {provider: all_cards(world_of(provider, sandbox))[0][0].key for provider in ("stripe", "marqeta")}
    assert keys == {"stripe": "", "marqeta": "demo-card"}


def test_the_list_shows_cards_as_they_stand(world: World) -> None:
    made = list(cards_for(world, holders=1, each=3).values())
    for card, status in zip(made, (Card.ACTIVE, Card.FROZEN, Card.CLOSED), strict=True):
        world.issuer.update_card_status(card.issuer_card_id, status, reason="", key=new_key())
    status_of = {card.issuer_card_id: card.status for card in all_cards(world)[0]}
    assert [status_of[card.issuer_card_id] for card in made] == [Card.ACTIVE, Card.FROZEN, Card.CLOSED]


def test_an_issuer_without_cards_lists_none(world: World) -> None:
    cards_for(world, holders=1, each=1)
    world.forget_cards()
    assert all_cards(world) == ([], 1)


def test_marqeta_passes_over_no_user_who_changes_in_between(sandbox: RunningSandbox) -> None:
    """By the time of the last change, its own default, the changed user would jump to the pages already read."""
    world = world_of("marqeta", sandbox, page_size=2)
    made = cards_for(world, holders=5, each=1)
    first = world.issuer.list_cards()
    last_user = list(sandbox.marqeta.state.things["user"].values())[-1]
    sandbox.marqeta.state.touch("user", last_user)
    listed = list(first.cards)
    cursor = first.cursor
    while cursor:
        page = world.issuer.list_cards(cursor=cursor)
        listed, cursor = [*listed, *page.cards], page.cursor
    assert set(made) <= {card.key for card in listed}
    assert len(listed) == len({card.key for card in listed})


def test_a_marqeta_user_without_cards_does_not_end_the_list(sandbox: RunningSandbox) -> None:
    world = world_of("marqeta", sandbox, page_size=1)
    world.issuer.create_cardholder(ADA, key=new_key())
    made = cards_for(world, holders=1, each=2)
    assert set(made) <= {card.key for card in all_cards(world)[0]}


def test_the_history_of_the_program_holds_every_cards_movements(world: World) -> None:
    one, other = (card.issuer_card_id for card in cards_for(world, holders=2, each=1).values())
    posted = [(one, 1_050), (other, 2_000), (one, -450), (other, 3_000), (one, 4_001)]
    for card_id, amount_minor in posted:
        world.post(card_id, amount_minor)
    rows, pages = whole_history(world)
    assert [(row.issuer_card_id, row.amount_minor) for row in rows] == posted[::-1]
    assert pages >= 3
    assert [row for row in rows if row.issuer_card_id == one] == list(world_rows(world, one)), (
        "a card's own history is a part of the program's"
    )
    assert whole_history(world, since=clock.now() + dt.timedelta(hours=12)) == ([], 1)


def world_rows(world: World, card_id: str) -> list[IssuerTransaction]:
    def ask(cursor: str) -> tuple[tuple[IssuerTransaction, ...], str]:
        page = world.issuer.get_transaction_history(card_id, since=LONG_AGO, cursor=cursor)
        return page.transactions, page.cursor

    return all_of(ask)[0]


def test_every_movement_is_among_the_events_newest_first(world: World) -> None:
    card_id = world.issuer.create_card(order_for(world.issuer), key=new_key()).issuer_card_id
    for amount_minor in (1_050, 2_000, -450, 3_000, 4_001):
        world.post(card_id, amount_minor)
    events, pages = all_events(world)
    rows = whole_history(world)[0]
    movements = [event.object_id for event in events if "transaction" in event.event_type]
    assert movements == [row.id for row in rows]
    assert len({event.event_id for event in events}) == len(events)
    assert pages >= 3
    assert all(json.loads(event.body) for event in events)


def test_events_begin_where_they_are_asked_to(world: World) -> None:
    card_id = world.issuer.create_card(order_for(world.issuer), key=new_key()).issuer_card_id
    world.post(card_id, 1_000)
    assert all_events(world)[0]
    assert all_events(world, since=clock.now() + dt.timedelta(hours=12)) == ([], 1)


@pytest.mark.parametrize("provider", ["stripe", "mock"])
def test_an_event_says_itself_what_it_is(sandbox: RunningSandbox, provider: str) -> None:
    world = world_of(provider, sandbox)
    world.post(world.issuer.create_card(order_for(world.issuer), key=new_key()).issuer_card_id, 1_000)
    for event in all_events(world)[0]:
        read = parse_envelope(event.body)
        assert (read.id, read.type, read.object_id) == (event.event_id, event.event_type, event.object_id)


def test_a_question_of_stripes_is_no_missed_event(sandbox: RunningSandbox) -> None:
    world = world_of("stripe", sandbox)
    card = world.issuer.create_card(order_for(world.issuer), key=new_key())
    world.issuer.update_card_status(card.issuer_card_id, Card.ACTIVE, reason="", key=new_key())
    sandbox.order(webhook="issuing_authorization.request", do="drop")
    purchases.create(sandbox.sandbox, Command({"card": card.issuer_card_id, "amount": 500}, "", "", None))
    with sandbox.sandbox.outgoing.events() as events:
        types = {event.type for event in events.values()}
    assert {"issuing_authorization.request", "issuing_authorization.created"} <= types
    told = {event.event_type for event in all_events(world)[0]}
    assert "issuing_authorization.created" in told
    assert "issuing_authorization.request" not in told


def test_the_books_twins_are_no_missed_events(sandbox: RunningSandbox) -> None:
    world = world_of("marqeta", sandbox)
    world.post(world.issuer.create_card(order_for(world.issuer), key=new_key()).issuer_card_id, 1_000)
    kinds = {row["type"] for row in sandbox.marqeta.state.transactions.values()}
    assert any(kind.startswith("gpa.") for kind in kinds)
    assert [event.event_type for event in all_events(world)[0]] == ["transaction.authorization.clearing"]


@pytest.mark.some_in_suite(16)
@pytest.mark.parametrize(("fault", "error"), FAULTS, ids=str)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_list_that_fails_raises_and_comes_whole_the_next_time(
    remote: World, question: str, fault: dict[str, Any], error: type[IssuerError]
) -> None:
    world_card = remote.issuer.create_card(order_for(remote.issuer), key=new_key())
    remote.post(world_card.issuer_card_id, 1_000)
    ask, stripe_path, marqeta_path = QUESTIONS[question]
    whole = ask(remote.issuer)
    assert remote.sandbox
    path = marqeta_path if remote.issuer.provider == "marqeta" else stripe_path
    remote.sandbox.order(path=path, method="GET", **fault)
    with pytest.raises(error) as raised:
        ask(remote.issuer)
    assert type(raised.value) is error
    assert raised.value.__cause__ is None
    if isinstance(raised.value, RateLimitedError):
        assert raised.value.retry_after_s == 7
    assert ask(remote.issuer) == whole


@pytest.mark.parametrize("method", ["list_cards", "get_transaction_history", "list_events"])
def test_the_mocks_lists_fail_on_order(method: str) -> None:
    issuer = MockIssuer()
    since = {} if method == "list_cards" else {"since": LONG_AGO}
    issuer.fail(Failure(method, no_answer))
    with pytest.raises(NetworkError):
        getattr(issuer, method)(**since)
    assert getattr(issuer, method)(**since).cursor == ""


@pytest.mark.parametrize("provider", ["stripe", "mock"])
def test_the_history_of_an_unknown_card_is_not_that_of_the_program(sandbox: RunningSandbox, provider: str) -> None:
    world = world_of(provider, sandbox)
    world.post(world.issuer.create_card(order_for(world.issuer), key=new_key()).issuer_card_id, 1_000)
    try:
        rows = world_rows(world, "nobody's")
    except RefusedError:
        rows = []
    assert rows == []
