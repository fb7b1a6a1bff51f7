"""One person's cards at a sandbox, which can be put back as they were, and what a restarted system does by itself."""

import base64
import copy
import datetime as dt
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from django.test import override_settings

from issuing import journal
from issuing.controls import compiled
from issuing.issuers import registry
from issuing.models import VirtualCard
from onecard.celery import SUBSCRIBERS, app
from onecard.kit import clock
from onecard.outbox.models import Message
from onecard.outbox.relay import relay_once
from routing import rulebook
from tests.issuing.issuers.worlds import marqeta_settings
from tests.sandbox.running import RunningSandbox
from tests.sandbox.settings import MarqetaSettings
from tests.sandbox.stripe.idempotency import IdempotencyKeys
from tests.support.factories import (
    CardholderFactory,
    FundingMethodFactory,
    RankingRowFactory,
    UserFactory,
    VirtualCardFactory,
)
from tests.support.sandboxes import CUSTOMER, processor_sandbox
from tests.support.snapshots import Snapshot
from tests.support.wallets import WALKTHROUGH
from tests.wallet.charges.cascades import PAYMENT_METHODS
from wallet.processors.stripe.client import stripe_client

CARDS = {"stripe": "ic_1S769SQLFtcEJSwHLTAnsvQe", "marqeta": "demo-card"}
# What a restarted system lives through: claims run out, look-ups and settlements come due, retries of declines end.
LATER = tuple(dt.timedelta(minutes=minutes) for minutes in (4, 40, 130, 500, 1_570, 4_600))
SWEEPS = tuple(entry for name, entry in app.conf.beat_schedule.items() if name.startswith("sweep-"))


@dataclass
class World:
    """The wallet, its cards, what the story needs to remember, and the moment up to which it was set up."""

    sandbox: RunningSandbox
    mails: Path
    cards: dict[str, VirtualCard] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    _tables: Snapshot | None = None
    _issuer: dict[str, Any] = field(default_factory=dict)
    _keys: IdempotencyKeys = field(default_factory=IdempotencyKeys)

    def remember(self) -> None:
        """From here on `put_back` comes back to this moment, in the database and at the sandbox."""
        self._tables = Snapshot.take("as_in_the_world")
        state = self.sandbox.state
        self._issuer = {one.name: getattr(state, one.name) for one in fields(state) if one.name != "lock"}
        self._issuer = copy.deepcopy(self._issuer)
        self._keys = self.sandbox.sandbox.idempotency.copy()

    def forget(self) -> None:
        if self._tables:
            self._tables.close()

    def put_back(self) -> None:
        """As if nothing had happened since."""
        set_clock(dt.timedelta(0))
        assert self._tables, "nothing was remembered"
        self._tables.put_back()
        self._put_back_the_issuer()
        for mail in self.mails.iterdir():
            mail.unlink()
        start_process()

    def _put_back_the_issuer(self) -> None:
        inside = self.sandbox.sandbox
        inside.scenarios.clear()
        inside.idempotency = self._keys.copy()
        for name, value in copy.deepcopy(self._issuer).items():
            setattr(inside.state, name, value)

    @property
    def letters(self) -> int:
        return len(list(self.mails.iterdir()))

    @property
    def unmet(self) -> list[Any]:
        """The misbehaviours that were ordered so many times and not met as often."""
        return [order for order in self.sandbox.sandbox.scenarios.to_json() if order["times"] is not None]


@contextmanager
def a_world(mails: Path, *, policy: str) -> Iterator[World]:
    """The walkthrough's wallet with cards at both issuers, at a sandbox that sends nothing by itself."""
    program = MarqetaSettings()
    told: dict[str, Any] = {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend"}
    told |= {"EMAIL_FILE_PATH": str(mails)}
    # The deadline of a decision is not what dies here, and this machine may be busy.
    told |= {"FUNDING_POLICY": policy, "DECISION_DEADLINE_MS": 30_000}
    with processor_sandbox(marqeta=program) as sandbox, override_settings(**marqeta_settings(sandbox, program), **told):
        start_process()
        world = World(sandbox, mails, _wallet())
        try:
            yield world
        finally:
            world.forget()
            _clock_is_set.close()


def _wallet() -> dict[str, VirtualCard]:
    holder = CardholderFactory(user=UserFactory(email="ada@example.com"), processor_customer_id=CUSTOMER)
    for place, (network, rate, kind, backup) in enumerate(WALKTHROUGH):
        FundingMethodFactory(
            cardholder=holder,
            network=network,
            is_backup=backup,
            position=place + 1,
            processor_method_id=PAYMENT_METHODS[place],
        )
        RankingRowFactory(mcc="5812", network=network, reward_rate=rate, reward_type=kind)
    return {
        provider: VirtualCardFactory(cardholder=holder, issuer_provider=provider, issuer_card_id=card_id)
        for provider, card_id in CARDS.items()
    }


def start_process() -> None:
    """Nothing compiled, no client, no memory."""
    rulebook.forget()
    compiled.forget()
    registry.clear()
    stripe_client.cache_clear()


def restart(unfinished: Callable[[], list[str]], *, since: dt.timedelta) -> list[str]:
    """The system runs again and time passes until nothing is left to do; gives what is left all the same."""
    start_process()
    with _no_errors_logged():
        for later in LATER:
            set_clock(since + later)
            turn()
            left = unfinished()
            if not left:
                break
    return left


def turn() -> None:
    """What the queue and the clock bring about, once: everything that beat calls a sweep is found in its schedule."""
    work_off()
    for sweep in SWEEPS:
        do_it_here(sweep["task"], sweep.get("kwargs", {}))
    work_off()


def work_off() -> None:
    """The relay, and a worker that does at once what it publishes."""
    while journal.write_waiting() + relay_once(do_it_here, SUBSCRIBERS):
        pass


def do_it_here(task: str, payload: Mapping[str, object]) -> None:
    if task not in current_app.tasks:
        current_app.loader.import_default_modules()
    current_app.tasks[task](**payload)


def everything_again() -> None:
    """A broker that kept what it was given long ago brings all of it once more."""
    for message in Message.objects.order_by("pk"):
        for task in SUBSCRIBERS[message.topic]:
            do_it_here(task, message.payload)
    turn()


def deliver_what_the_broker_has() -> int:
    """A worker takes what was really published; says how many tasks."""
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        taken = []
        while raw := broker.lpop("celery"):
            taken.append(json.loads(raw))
    for task in taken:
        _args, named, _embedded = json.loads(base64.b64decode(task["body"]))
        do_it_here(task["headers"]["task"], named)
    return len(taken)


def forget_what_the_broker_has() -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete("celery")


_clock_is_set = ExitStack()


def set_clock(later: dt.timedelta) -> None:
    """That much later, by our own clock; a process that is started now inherits it."""
    _clock_is_set.close()
    _clock_is_set.enter_context(clock.ahead(later))


def pass_time(more: dt.timedelta) -> None:
    """So much later than it is by our own clock."""
    set_clock(clock.now() - dt.datetime.now(dt.UTC) + more)


@contextmanager
def _no_errors_logged() -> Iterator[None]:
    """A sweep logs what fails and goes on; here that is a failure."""
    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    assert not errors, errors
