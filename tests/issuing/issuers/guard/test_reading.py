"""Reading through the guard: lists are asked for again, a card's number once, and the settings say how fast."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as project

from issuing.issuers import registry
from issuing.issuers.base import NetworkError, RefusedError
from issuing.issuers.errors import no_answer
from issuing.issuers.guard.client import GuardedIssuer, RetryPolicy
from issuing.issuers.guard.redis_scripts import Shared
from issuing.issuers.marqeta.client import MarqetaIssuer
from issuing.issuers.mock import Failure, MockIssuer
from tests.issuing.issuers.worlds import LONG_AGO, new_key, order_for
from tests.sandbox.running import RunningSandbox

READINGS: dict[str, dict[str, Any]] = {
    "list_cards": {},
    "get_transaction_history": {"since": LONG_AGO},
    "list_events": {"since": LONG_AGO},
}


@pytest.fixture
def link() -> Iterator[Shared]:
    with redis.Redis.from_url(project.REDIS_URL) as server:
        server.flushdb()
    link = Shared(project.REDIS_URL)
    yield link
    link.close()
    registry.clear()


@pytest.fixture
def mock() -> MockIssuer:
    return MockIssuer()


@pytest.fixture
def guarded(mock: MockIssuer, link: Shared) -> GuardedIssuer:
    return GuardedIssuer(mock, retries=RetryPolicy(sleep=lambda _seconds: None), link=link)


@pytest.mark.parametrize("method", READINGS)
def test_a_list_is_asked_for_again(guarded: GuardedIssuer, mock: MockIssuer, method: str) -> None:
    mock.fail(Failure(method, no_answer, times=2))
    assert getattr(guarded, method)(**READINGS[method]).cursor == ""
    assert mock.calls.count(method) == 3


def test_the_cursor_goes_through_the_guard(guarded: GuardedIssuer, mock: MockIssuer) -> None:
    mock.page_size = 1
    order = order_for(mock)
    made = [mock.create_card(order, key=new_key()) for _ in range(2)]
    first = guarded.list_cards()
    assert (*first.cards, *guarded.list_cards(cursor=first.cursor).cards) == tuple(made)


def test_a_number_is_asked_for_once(guarded: GuardedIssuer, mock: MockIssuer) -> None:
    card = mock.create_card(order_for(mock), key=new_key())
    mock.fail(Failure("get_card_data", no_answer))
    with pytest.raises(NetworkError):
        guarded.get_card_data(card.issuer_card_id)
    assert mock.calls.count("get_card_data") == 1
    assert guarded.get_card_data(card.issuer_card_id).number.endswith(card.last_four)


@pytest.mark.parametrize("provider", ["stripe", "marqeta"])
@pytest.mark.parametrize("per_second", [7, 0])
@pytest.mark.usefixtures("link", "sandbox")
def test_the_settings_say_how_many_calls_a_second(settings: Any, provider: str, per_second: int) -> None:
    setattr(settings, f"{provider.upper()}_CALLS_PER_SECOND", per_second)
    registry.clear()
    made = registry.issuer_for(provider)
    assert isinstance(made, GuardedIssuer)
    assert made.budget
    assert made.budget.per_second == per_second
    assert made.budget.take(most_wait_s=0).wait_s == 0
    assert bool(made.budget.take(most_wait_s=9).wait_s) == bool(per_second)


def test_the_settings_say_marqetas_currency(settings: Any, sandbox: RunningSandbox) -> None:
    settings.MARQETA_CURRENCY = "EUR"
    issuer = MarqetaIssuer()
    before = len(sandbox.marqeta.state.things["card"])
    with pytest.raises(RefusedError, match="EUR"):
        issuer.create_card(order_for(issuer), key=new_key())
    assert len(sandbox.marqeta.state.things["card"]) == before
    assert {card.currency for card in issuer.list_cards().cards} == {"EUR"}
