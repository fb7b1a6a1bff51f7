"""Calls to any issuer with retries within a time budget, and with a circuit breaker that all processes share.

One attempt asks the breaker, makes the call, and reports the call's result to the breaker. The rate budget is kept by
the `Gate` that each request passes, since one call may make several requests.
"""

import datetime as dt
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from issuing.issuers.balances import BalanceThere, HoldPage
from issuing.issuers.base import (
    AuthenticationError,
    CardData,
    CardOrder,
    CardPage,
    EventPage,
    IssuedCard,
    Issuer,
    IssuerError,
    Limits,
    NetworkError,
    Page,
    Person,
    RateLimitedError,
    RevealGrant,
)
from issuing.issuers.disputes import DisputeOrder, IssuerDispute
from issuing.issuers.errors import HeldBackError, PausedError
from issuing.issuers.guard import alerts
from issuing.issuers.guard.breaker import Breaker, Permit
from issuing.issuers.guard.rate_budget import Budget
from issuing.issuers.guard.redis_scripts import Shared, shared
from issuing.issuers.registration import Doors, Registration, Repair, Repaired

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long one call is tried; a try that has begun may end after `total_s`."""

    tries: int = 4
    total_s: float = 15.0
    first_delay_s: float = 0.2
    longest_delay_s: float = 4.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random

    def delay_s(self, failed_tries: int) -> float:
        """Doubling, half of it by chance, so that crowds spread."""
        full = min(self.first_delay_s * 2.0 ** (failed_tries - 1), self.longest_delay_s)
        return full / 2 + full / 2 * self.jitter()


@dataclass(slots=True)
class GuardedIssuer:
    """An issuer that raises the four errors of `base`, and PausedError while its breaker is open."""

    inner: Issuer
    budget: Budget | None = None
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    link: Shared = field(default_factory=shared)
    breaker: Breaker = field(init=False)
    provider: str = field(init=False)
    limits_each_card: bool = field(init=False)
    pays_from_balance: bool = field(init=False)

    def __post_init__(self) -> None:
        self.provider = self.inner.provider
        self.limits_each_card = self.inner.limits_each_card
        self.pays_from_balance = self.inner.pays_from_balance
        self.breaker = Breaker(self.provider, self.link)

    def create_cardholder(self, person: Person, *, key: str, asked_at: dt.datetime | None = None) -> str:
        return self._call(lambda: self.inner.create_cardholder(person, key=key, asked_at=asked_at))

    def update_cardholder(
        self, issuer_cardholder_id: str, person: Person, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        self._call(lambda: self.inner.update_cardholder(issuer_cardholder_id, person, key=key, asked_at=asked_at))

    def create_card(self, order: CardOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuedCard:
        return self._call(lambda: self.inner.create_card(order, key=key, asked_at=asked_at))

    def update_card_status(
        self, issuer_card_id: str, status: str, *, reason: str, key: str, asked_at: dt.datetime | None = None
    ) -> IssuedCard:
        return self._call(
            lambda: self.inner.update_card_status(issuer_card_id, status, reason=reason, key=key, asked_at=asked_at)
        )

    def set_spending_limits(
        self, issuer_card_id: str, limits: Limits, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        self._call(lambda: self.inner.set_spending_limits(issuer_card_id, limits, key=key, asked_at=asked_at))

    def get_card_details(self, issuer_card_id: str) -> IssuedCard:
        return self._call(lambda: self.inner.get_card_details(issuer_card_id))

    def list_cards(self, *, cursor: str = "") -> CardPage:
        return self._call(lambda: self.inner.list_cards(cursor=cursor))

    def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
        return self._call(lambda: self.inner.get_transaction_history(issuer_card_id, since=since, cursor=cursor))

    def list_events(self, *, since: dt.datetime, cursor: str = "") -> EventPage:
        return self._call(lambda: self.inner.list_events(since=since, cursor=cursor))

    def get_balances(self) -> tuple[BalanceThere, ...]:
        return self._call(self.inner.get_balances)

    def list_open_holds(self, *, cursor: str = "") -> HoldPage:
        return self._call(lambda: self.inner.list_open_holds(cursor=cursor))

    def get_card_data(self, issuer_card_id: str) -> CardData:
        """Tried once: a person is waiting, and card numbers are asked for no oftener than they are shown."""
        return self._call(lambda: self.inner.get_card_data(issuer_card_id), tries=1)

    def open_dispute(self, order: DisputeOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        return self._call(lambda: self.inner.open_dispute(order, key=key, asked_at=asked_at))

    def submit_dispute(self, issuer_dispute_id: str, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        return self._call(lambda: self.inner.submit_dispute(issuer_dispute_id, key=key, asked_at=asked_at))

    def reveal(self, issuer_card_id: str, *, nonce: str) -> RevealGrant:
        """Tried once: a nonce is good for one call, and the cardholder is waiting."""
        return self._call(lambda: self.inner.reveal(issuer_card_id, nonce=nonce), tries=1)

    def read_registration(self, doors: Doors, *, renew: bool = False) -> Registration:
        return self._call(lambda: self.inner.read_registration(doors, renew=renew))

    def repair_registration(self, repair: Repair) -> Repaired:
        return self._call(lambda: self.inner.repair_registration(repair))

    def _call(self, work: Callable[[], Done], *, tries: int | None = None) -> Done:
        deadline = self.retries.clock() + self.retries.total_s
        most, failed = tries or self.retries.tries, 0
        last: IssuerError | None = None
        while True:
            permit = self._enter(last)
            try:
                return self._try(work, permit)
            except (NetworkError, RateLimitedError) as error:
                failed, last = failed + 1, error
                delay_s = self._delay_s(error, failed)
                if failed >= most or self.retries.clock() + delay_s > deadline:
                    raise
            self.retries.sleep(delay_s)

    def _enter(self, last: IssuerError | None) -> Permit:
        permit = self.breaker.enter()
        if permit.allowed:
            return permit
        if last is not None:
            # An earlier attempt of this call was sent: its error says more than that of the pause.
            raise last
        raise PausedError(
            "The card issuer has trouble at the moment. Please try again later.", retry_after_s=permit.wait_s
        )

    def _try(self, work: Callable[[], Done], permit: Permit) -> Done:
        try:
            done = work()
        except NetworkError:
            self.breaker.failed(permit)
            raise
        except HeldBackError:
            self.breaker.give_back(permit)
            raise
        except IssuerError as error:
            # An issuer that refuses is up.
            self.breaker.succeeded(permit)
            self._note_refusal(error)
            raise
        self.breaker.succeeded(permit)
        return done

    def _note_refusal(self, error: IssuerError) -> None:
        if isinstance(error, AuthenticationError):
            alerts.authentication_failed(self.provider, link=self.link)
        if isinstance(error, RateLimitedError) and error.retry_after_s and self.budget:
            self.budget.hold(error.retry_after_s)

    def _delay_s(self, error: IssuerError, failed: int) -> float:
        stated_s = getattr(error, "retry_after_s", None) or 0.0
        return max(self.retries.delay_s(failed), stated_s)
