"""The process dies at a random moment of a card's life, at either issuer, over real HTTP (money-safety F4, F5, F9).

A moment is a statement to the database, or a request to the issuer: before it is sent, or after the issuer has done its
work and before we read the answer. Every point has a cardholder of its own, so that one sandbox serves them all.
By itself this file tries a few points, in `make proofs` 100. CARD_CRASH_POINTS and
CARD_CRASH_SEED repeat a run, or make it longer.
"""

import datetime as dt
import os
import random
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from requests.adapters import HTTPAdapter

from audit.models import Entry
from issuing.cards import changes as card_changes
from issuing.cards import service as cards
from issuing.issuers import registry
from issuing.issuers.base import Limits
from issuing.issuers.guard.client import GuardedIssuer
from issuing.issuers.marqeta.client import MarqetaIssuer
from issuing.issuers.stripe.client import StripeIssuer
from issuing.models import CardChange, IssuerAccount, VirtualCard
from onecard.kit import clock
from tests.issuing.issuers.worlds import sandbox_for_issuers
from tests.sandbox.running import RunningSandbox
from tests.support.factories import CardholderFactory, UserFactory
from tests.support.lengths import length
from wallet.models import Cardholder

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]

POINTS = length("CARD_CRASH_POINTS", short=20, whole=100)
SEED = int(os.environ.get("CARD_CRASH_SEED", "0")) or secrets.randbelow(2**32)
ISSUERS: dict[str, Callable[[], Any]] = {"stripe": StripeIssuer, "marqeta": MarqetaIssuer}
AT_FIRST = Limits(per_transaction_minor=10_000, daily_minor=20_000, monthly_minor=30_000)
LATER = Limits(per_transaction_minor=15_000, daily_minor=15_000, monthly_minor=45_000)
ME = "user:1"


class Death(BaseException):
    """The process ends here: nothing after this line happens, and no handler of ours runs on purpose."""


@dataclass
class Mortal:
    """Dies before the n-th act of a kind; without a kind it lives. It counts its acts."""

    kind: str = ""
    n: int = 0
    acts: Counter[str] = field(default_factory=Counter)

    def act(self, what: str) -> None:
        self.acts[what] += 1
        if what == self.kind and self.acts[what] == self.n:
            raise Death

    def statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.act("statement")
        return execute(sql, params, many, context)

    def live(self, deeds: Callable[[], object]) -> bool:
        """Does what is to be done and says whether it lived to see the end."""
        send, me = HTTPAdapter.send, threading.get_ident()

        def mortal_send(adapter: HTTPAdapter, request: Any, **how: Any) -> Any:
            if threading.get_ident() != me:
                return send(adapter, request, **how)
            self.act("before the request")
            answer = send(adapter, request, **how)
            try:
                self.act("before the answer is read")
            except Death:
                answer.close()
                raise
            return answer

        with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(self.statement):
            patch.setattr(HTTPAdapter, "send", mortal_send)
            try:
                deeds()
            except Death:
                return False
        return True


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with sandbox_for_issuers() as sandbox:
        yield sandbox


@pytest.fixture(params=sorted(ISSUERS))
def provider(request: pytest.FixtureRequest, served: RunningSandbox) -> Iterator[str]:
    start_process(request.param)
    yield request.param
    registry.clear()


def start_process(provider: str) -> None:
    """A new process: no client, no connection and no memory; its rate budget is not what is tried here."""
    connection.close()
    registry.clear()
    registry.install(GuardedIssuer(ISSUERS[provider]()))


def test_a_card_survives_a_death_at_any_moment_without_loss_or_doubles(provider: str, served: RunningSandbox) -> None:
    print(f"seed {SEED}")
    chance = random.Random(f"{SEED}:{provider}")
    whole = Mortal()
    assert whole.live(lambda: life(new_holder(), provider))
    died = Counter[str]()
    for point in range(POINTS):
        holder, before = new_holder(), at_issuer(provider, served)
        mortal = one_that_dies(whole.acts, chance)
        survived = mortal.live(lambda holder=holder: life(holder, provider))
        died["nowhere" if survived else mortal.kind] += 1
        restart(provider, chance)
        where = f"point {point} of seed {SEED}: {mortal.kind}, number {mortal.n}"
        check(holder, provider, before, at_issuer(provider, served), where)
    print(f"{provider}: a life has {dict(whole.acts)}; died {dict(died)}")
    assert died["nowhere"] <= POINTS // 20 + 2


def one_that_dies(whole: Counter[str], chance: random.Random) -> Mortal:
    """Somewhere in such a life, each kind of act alike: statements are many, and no more dangerous than requests."""
    kind = chance.choice(sorted(whole))
    return Mortal(kind, chance.randint(1, whole[kind]))


def new_holder() -> Cardholder:
    number = secrets.token_hex(6)
    user = UserFactory(username=number, email=f"{number}@example.com", first_name="Ada", last_name="Lovelace")
    return CardholderFactory(
        user=user,
        name="Ada Lovelace",
        phone="+14155550100",
        address_line1="510 Townsend Street",
        address_city="San Francisco",
        address_state="CA",
        address_postal_code="94103",
        address_country="US",
    )


def life(holder: Cardholder, provider: str) -> None:
    """From the order to the end, as whoever asks does it: the next deed follows the last."""
    card = cards.create_virtual_card(
        cardholder=holder, card_type="visa", limits=AT_FIRST, requested_by=ME, provider=provider
    )
    cards.activate(card=card, requested_by=ME)
    cards.freeze(card=card, reason="Lost at the beach", requested_by=ME)
    cards.unfreeze(card=card, requested_by=ME)
    cards.update_spending_limits(card=card, limits=LATER, requested_by=ME)
    cards.close(card=card, reason="No longer wanted", requested_by=ME)


def restart(provider: str, chance: random.Random) -> None:
    """The process is started anew and time passes; one in three dies again while it puts things in order."""
    start_process(provider)
    if chance.random() < 1 / 3 and not Mortal("statement", chance.randint(1, 25)).live(sweep):
        start_process(provider)
    for _ in range(3):
        sweep()


def sweep() -> None:
    past = clock.now() - dt.timedelta(hours=2)
    CardChange.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)
    CardChange.objects.filter(claimed_until__isnull=False).update(claimed_until=past)
    card_changes.sweep()


def at_issuer(provider: str, served: RunningSandbox) -> Counter[str]:
    """What the issuer has of cards and of people."""
    if provider == "stripe":
        things = served.state.objects
        return Counter(cards=len(things["issuing.card"]), people=len(things["issuing.cardholder"]))
    things = served.marqeta.state.things
    return Counter(cards=len(things["card"]), people=len(things["user"]))


def check(holder: Cardholder, provider: str, before: Counter[str], after: Counter[str], where: str) -> None:
    made = list(VirtualCard.objects.filter(cardholder=holder))
    accounts = IssuerAccount.objects.filter(cardholder=holder)
    assert len(made) == accounts.count() <= 1, where
    assert after["cards"] - before["cards"] == len(made), where
    assert after["people"] - before["people"] == len(made), where
    for card in made:
        assert card.issuer_card_id, where
        assert accounts.get().issuer_cardholder_id, where
        agree(card, provider, where)
        settled_once(card, where)


def agree(card: VirtualCard, provider: str, where: str) -> None:
    """Both sides say the same of the card: its state, its limits, its digits."""
    theirs = registry.issuer_for(provider).get_card_details(card.issuer_card_id)
    ours = Limits(card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor)
    assert (theirs.status, theirs.limits, theirs.last_four) == (card.status, ours, card.last_four), where
    assert (theirs.expiry_month, theirs.expiry_year) == (card.expiry_month, card.expiry_year), where


def settled_once(card: VirtualCard, where: str) -> None:
    """Every change that was intended has one end, and the trail tells of it once."""
    changes = CardChange.objects.filter(card=card).order_by("pk")
    assert {change.status for change in changes} <= {"done", "superseded"}, where
    for change in changes.filter(status="done"):
        told = Entry.objects.filter(action=f"card.{change.kind}_done", details__change=str(change.key))
        assert told.count() == 1, where
