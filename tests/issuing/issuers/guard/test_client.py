"""Calls to an issuer: retries, the shared breaker and the shared rate budget, on a real Redis and real threads."""

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from issuing.issuers import errors, registry
from issuing.issuers.base import (
    AuthenticationError,
    CardOrder,
    IssuedCard,
    NetworkError,
    RateLimitedError,
    RefusedError,
)
from issuing.issuers.errors import OverBudgetError, PausedError
from issuing.issuers.guard import alerts
from issuing.issuers.guard.breaker import Breaker, breaker_state, close_breaker
from issuing.issuers.guard.client import GuardedIssuer, RetryPolicy
from issuing.issuers.guard.rate_budget import Budget, Gate
from issuing.issuers.guard.redis_scripts import Shared
from issuing.issuers.mock import Failure, MockIssuer
from onecard.kit import shared_redis
from tests.issuing.issuers.worlds import ADA, LIMITS, READ_TIMEOUT_S, new_key, order_for, world_of
from tests.sandbox.running import RunningSandbox
from tests.support.threads import at_once


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now_s += seconds

    def retries(self, **more: Any) -> RetryPolicy:
        return RetryPolicy(sleep=self.sleep, clock=lambda: self.now_s, jitter=lambda: 1.0, **more)


@pytest.fixture
def link() -> Iterator[Shared]:
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        server.flushdb()
    link = Shared(settings.REDIS_URL)
    alerts.forget()
    yield link
    link.close()
    registry.clear()
    alerts.forget()


@pytest.fixture
def mock() -> MockIssuer:
    return MockIssuer()


def guarded(mock: MockIssuer, link: Shared, timing: Time, **more: Any) -> GuardedIssuer:
    return GuardedIssuer(mock, retries=timing.retries(**more), link=link)


def create(issuer: Any, key: str = "one") -> IssuedCard:
    holder = issuer.create_cardholder(ADA, key="holder")
    card: IssuedCard = issuer.create_card(CardOrder(holder, "visa", "USD", LIMITS), key=key)
    return card


def test_a_lost_answer_is_asked_for_again_with_the_same_key(mock: MockIssuer, link: Shared) -> None:
    timing = Time()
    mock.fail(Failure("create_card", errors.no_answer, times=3, after=True))
    create(guarded(mock, link, timing))
    assert mock.calls.count("create_card") == 4
    assert len(mock.cards) == 1
    assert timing.naps == [0.2, 0.4, 0.8]


def test_tries_end_and_the_error_comes_through(mock: MockIssuer, link: Shared) -> None:
    timing = Time()
    mock.fail(Failure("create_card", errors.no_answer, times=9))
    with pytest.raises(NetworkError):
        create(guarded(mock, link, timing))
    assert mock.calls.count("create_card") == 4
    assert len(timing.naps) == 3


def test_the_time_budget_ends_tries_too(mock: MockIssuer, link: Shared) -> None:
    timing = Time()
    mock.fail(Failure("create_card", errors.no_answer, times=9))
    with pytest.raises(NetworkError):
        create(guarded(mock, link, timing, total_s=0.5))
    assert timing.naps == [0.2]


def test_the_wish_of_a_rate_limit_is_kept_within_the_budget(mock: MockIssuer, link: Shared) -> None:
    timing = Time()
    mock.fail(Failure("create_card", lambda: errors.too_fast("3")))
    create(guarded(mock, link, timing))
    assert timing.naps == [3.0]
    mock.fail(Failure("create_card", lambda: errors.too_fast("60")))
    with pytest.raises(RateLimitedError) as raised:
        create(guarded(mock, link, timing), key="two")
    assert raised.value.retry_after_s == 60
    assert timing.naps == [3.0]


@pytest.mark.parametrize("error", [errors.refused, errors.not_let_in])
def test_what_asking_again_cannot_help_is_asked_once(mock: MockIssuer, link: Shared, error: Any) -> None:
    timing = Time()
    mock.fail(Failure("create_card", error))
    with pytest.raises(type(error())):
        create(guarded(mock, link, timing))
    assert mock.calls.count("create_card") == 1
    assert not timing.naps


def test_a_reveal_is_tried_once(mock: MockIssuer, link: Shared) -> None:
    issuer = guarded(mock, link, Time())
    card = create(issuer)
    mock.fail(Failure("reveal", errors.no_answer))
    with pytest.raises(NetworkError):
        issuer.reveal(card.issuer_card_id, nonce="n")
    assert mock.calls.count("reveal") == 1


def test_the_breaker_opens_for_every_process_and_lets_one_probe_through(mock: MockIssuer, link: Shared) -> None:
    issuer = guarded(mock, link, Time(), tries=1)
    issuer.breaker = Breaker("mock", link, failures=3, cool_down_s=0.3)
    elsewhere = Breaker("mock", Shared(settings.REDIS_URL), failures=3, cool_down_s=0.3)
    create(issuer)
    mock.fail(Failure("get_card_details", errors.no_answer, times=3))
    assert elsewhere.state().state == "closed"
    for _ in range(3):
        with pytest.raises(NetworkError):
            issuer.get_card_details("x")
    assert elsewhere.state().state == "open"
    with pytest.raises(PausedError) as paused:
        issuer.get_card_details("x")
    assert 0 < paused.value.retry_after_s <= 0.3
    assert mock.calls.count("get_card_details") == 3
    time.sleep(0.35)
    assert elsewhere.state().state == "half_open"

    entries = at_once([elsewhere.enter] * 20)
    assert [entry.is_probe for entry in entries if entry.allowed] == [True]
    probe = next(entry for entry in entries if entry.allowed)
    elsewhere.failed(probe)
    assert elsewhere.state().state == "open"
    time.sleep(0.35)
    # A refusal is an answer: the issuer is there again.
    with pytest.raises(RefusedError):
        issuer.get_card_details("x")
    assert elsewhere.state().state == "closed"
    elsewhere.link.close()


def test_failures_must_follow_each_other_to_open_it(link: Shared) -> None:
    breaker = Breaker("mock", link, failures=2)
    for _ in range(5):
        breaker.failed(breaker.enter())
        breaker.succeeded(breaker.enter())
    assert breaker.state().state == "closed"


def test_what_comes_late_from_before_the_opening_changes_nothing(link: Shared) -> None:
    breaker = Breaker("mock", link, failures=2, cool_down_s=30)
    early, late = breaker.enter(), breaker.enter()
    for _ in range(2):
        breaker.failed(early)
    breaker.succeeded(late)
    assert breaker.state().state == "open"


def test_it_is_read_and_closed_from_anywhere(link: Shared) -> None:
    breaker = Breaker("mock", link, failures=1)
    breaker.failed(breaker.enter())
    assert breaker_state("mock").state == "open"
    close_breaker("mock")
    assert breaker_state("mock").state == breaker.state().state == "closed"


def test_a_probe_that_was_never_sent_or_whose_process_died_makes_room(link: Shared) -> None:
    breaker = Breaker("mock", link, failures=1, cool_down_s=0.05, probe_s=0.1)
    breaker.failed(breaker.enter())
    time.sleep(0.07)
    first = breaker.enter()
    assert first.is_probe
    assert not breaker.enter().allowed
    breaker.give_back(first)
    assert breaker.enter().is_probe
    time.sleep(0.12)
    assert breaker.enter().is_probe


def test_an_open_breaker_does_not_hide_what_became_of_a_call_in_progress(mock: MockIssuer, link: Shared) -> None:
    issuer = guarded(mock, link, Time())
    issuer.breaker = Breaker("mock", link, failures=1)
    mock.fail(Failure("get_card_details", errors.no_answer, times=9))
    with pytest.raises(NetworkError):
        issuer.get_card_details("x")
    assert mock.calls == ["get_card_details"]
    with pytest.raises(PausedError):
        issuer.get_card_details("x")


def test_threads_together_keep_to_the_budget(link: Shared) -> None:
    budget = Budget("mock", link, 10.0)
    naps: list[float] = []
    gates = [Gate(budget, most_wait_s=60.0, sleep=naps.append) for _ in range(60)]
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        started_s = in_seconds(server.time())
        at_once([lambda gate=gate: (gate(), gate()) for gate in gates])
        backlog_s = budget.backlog_s() or 0.0
        free_s = in_seconds(server.time()) + backlog_s

    # 120 calls, evenly at four fifths of the limit: each has a place of its own, and waits for it.
    assert free_s - started_s >= 120 / 8
    assert len(naps) > 60
    assert max(naps) > 5.0


def in_seconds(moment: tuple[int, int]) -> float:
    return moment[0] + moment[1] / 1_000_000


def test_whoever_would_wait_too_long_is_told_when_to_come_back(link: Shared) -> None:
    gate = Gate(Budget("mock", link, 1), most_wait_s=0.1, sleep=lambda _: None)
    gate()
    with pytest.raises(OverBudgetError) as raised:
        gate()
    assert raised.value.retry_after_s is not None
    assert 0.5 < raised.value.retry_after_s <= 1.25


def test_a_rate_limit_that_bit_holds_everybody_back(mock: MockIssuer, link: Shared) -> None:
    budget = Budget("mock", link, 100)
    issuer = GuardedIssuer(mock, budget=budget, retries=Time().retries(tries=1), link=link)
    mock.fail(Failure("get_card_details", lambda: errors.too_fast("2")))
    with pytest.raises(RateLimitedError):
        issuer.get_card_details("x")
    place = budget.take(most_wait_s=0.5)
    assert not place.reserved
    assert 1.5 < place.wait_s <= 2.0


@pytest.mark.parametrize("provider", ["stripe", "marqeta"])
def test_the_sandbox_never_sees_more_than_its_limit(sandbox: RunningSandbox, link: Shared, provider: str) -> None:
    limit = 60
    sandbox.limits[provider].set(limit)
    budget = Budget(provider, link, limit)
    world = world_of(provider, sandbox, gate=Gate(budget))
    issuer = GuardedIssuer(world.issuer, budget=budget, link=link)
    order = order_for(issuer)
    at_once([lambda: [issuer.create_card(order, key=new_key()) for _ in range(3)]] * 8)
    assert world.cards_made() == 24
    assert sandbox.limits[provider].refused == 0
    assert sandbox.limits[provider].busiest_second <= limit


@pytest.mark.parametrize("provider", ["stripe", "marqeta"])
def test_a_storm_over_real_http_ends_in_one_card_for_each_key(
    sandbox: RunningSandbox, link: Shared, provider: str
) -> None:
    world = world_of(provider, sandbox, read_timeout_s=READ_TIMEOUT_S)
    issuer = GuardedIssuer(world.issuer, retries=RetryPolicy(first_delay_s=0.01, tries=8), link=link)
    issuer.breaker = Breaker(provider, link, failures=50)
    order = order_for(issuer)
    for do in ("drop_answer", "error_500", "malformed_json", "html_error", "drop_request", "rate_limit"):
        sandbox.order(do=do, path=world.card_path, times=2)
    keys = [new_key() for _ in range(6)]
    made = at_once([lambda key=key: [issuer.create_card(order, key=key) for _ in range(2)] for key in keys])
    assert all(first == second for first, second in made)
    assert world.cards_made() == 6


def test_without_redis_calls_go_on_and_the_log_says_so_once(
    mock: MockIssuer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_redis, "PAUSE_S", 0.0)
    away = Shared("redis://127.0.0.1:9/0")
    issuer = GuardedIssuer(mock, budget=Budget("mock", away, 1), retries=Time().retries(tries=1), link=away)
    started = time.monotonic()
    with caplog.at_level(logging.ERROR, logger="onecard.kit.shared_redis"):
        for number in range(10):
            create(issuer, key=str(number))
    assert len(mock.cards) == 10
    assert len(caplog.records) == 1
    assert issuer.breaker.state().state == "unknown"
    assert time.monotonic() - started < 2
    away.close()


@pytest.mark.parametrize("is_away", [False, True])
def test_bad_credentials_are_alerted_once(
    mock: MockIssuer, link: Shared, caplog: pytest.LogCaptureFixture, is_away: bool
) -> None:
    told: list[tuple[str, str]] = []
    alerts.add_hook(lambda provider, sentence: told.append((provider, sentence)))
    used = Shared("redis://127.0.0.1:9/0") if is_away else link
    issuer = guarded(mock, used, Time())
    mock.fail(Failure("get_card_details", errors.not_let_in, times=3))
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            issuer.get_card_details("x")
    assert [provider for provider, _ in told] == ["mock"]
    assert [record.levelname for record in caplog.records if record.name == alerts.__name__] == ["CRITICAL"]
    if is_away:
        used.close()
