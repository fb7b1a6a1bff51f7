"""The proof of very many purchases: its lives, its traffic in one process, and that its count finds what is wrong."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest
import redis
from django.conf import settings
from django.core.management import CommandError, call_command

from issuing.issuers.base import AuthenticationError
from issuing.issuers.guard.breaker import Breaker, Permit
from issuing.issuers.guard.client import RetryPolicy
from issuing.issuers.guard.redis_scripts import shared
from issuing.models import Authorization, CardTransaction, SyncRun
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from tests.proofs.purchases import quiet, traffic
from tests.proofs.purchases.count import count
from tests.proofs.purchases.http import SandboxRefusedError
from tests.proofs.purchases.lives import WEIGHTS, Step, life
from tests.proofs.purchases.quiet import Mending, compare_with_issuers
from tests.proofs.purchases.traffic import Traffic
from tests.proofs.purchases.truth import Paid, Truth, read_truth
from tests.proofs.tests.conftest import SEED, World
from tests.support.snapshots import Snapshot
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingObligation


@pytest.mark.parametrize("number", range(300))
def test_a_life_follows_from_its_number_and_its_seed(number: int) -> None:
    drawn = life(number, seed=SEED, buyers=7)
    assert drawn == life(number, seed=SEED, buyers=7)
    assert 0 <= drawn.buyer < 7
    assert all(step.minor > 0 for step in drawn.steps if step.deed != "expire")
    captured = sum(step.minor for step in drawn.steps if step.deed == "capture")
    assert all(step.minor <= captured for step in drawn.steps if step.deed == "refund")


def test_another_seed_has_other_lives_and_every_kind_comes() -> None:
    lives = [life(number, seed=SEED, buyers=50) for number in range(2_000)]
    assert Counter(each.kind for each in lives).keys() == WEIGHTS.keys()
    assert lives != [life(number, seed=SEED + 1, buyers=50) for number in range(2_000)]


@pytest.mark.only_in_proofs
def test_purchases_at_both_issuers_with_random_faults_add_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing takes messages out of the outbox here before the traffic is over.
    monkeypatch.setattr(traffic, "MOST_WAITING", 10_000)
    world.http.control("POST", "weather", {"percent": 15, "seed": SEED})
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        monkeypatch.setattr(broker, "flushall", broker.flushdb)  # The test run shares its broker.
        seen = Traffic(
            http=world.http,
            people=world.people,
            broker=broker,
            count=40,
            seed=SEED,
            threads=4,
            check=lambda: None,
            progress=lambda _done: None,
        ).run()
    world.http.control("POST", "weather", {"percent": 0})
    world.http.control("POST", "release")
    assert (seen.lives.total(), seen.wiped) == (40, 2)
    world.settle()
    counted = world.counted()
    assert counted.is_good, (counted.lost, counted.doubled, counted.unexplained, counted.wrong_in_ledger)
    assert counted.purchases > 20
    assert counted.charges > 20


def compare() -> list[str]:
    """Compares as at the end of the traffic, with both issuers side by side; gives those that were compared."""
    compare_with_issuers(Mending())
    return sorted(SyncRun.objects.filter(status="finished").values_list("provider", flat=True))


@pytest.mark.only_in_proofs
@pytest.mark.usefixtures("world")
def test_an_issuer_that_is_paused_for_its_trouble_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "MOST_TRIES", 2)
    Breaker("marqeta", shared(), failures=1, cool_down_s=1.5).failed(Permit(allowed=True))

    assert compare() == ["marqeta", "stripe"]


@pytest.mark.only_in_proofs
def test_a_comparison_goes_on_after_many_failures_as_long_as_it_gets_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet, "MOST_TRIES", 2)
    for path in ("/v1/events", "/v1/issuing/transactions", "/v1/issuing/cards"):
        world.sandbox.order(method="GET", path=path, do="error_500", times=RetryPolicy().tries)

    assert compare() == ["marqeta", "stripe"]


@pytest.mark.only_in_proofs
def test_a_comparison_that_gets_nowhere_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "MOST_TRIES", 2)
    world.sandbox.order(method="GET", path="/v1/events", do="unauthorized", times=2)

    with pytest.raises(AuthenticationError):
        compare()


@pytest.fixture
def bought(world: World) -> World:
    """One purchase at each issuer, captured, and one refund."""
    at_marqeta, at_stripe = world.people[:2]
    for number, shopper in enumerate((at_stripe, at_marqeta)):
        world.live(shopper, Step("buy", 4500), Step("capture", 4500), Step("refund", 1500), number=number)
    assert world.counted().is_good
    return world


def _lose_a_movement(_world: World, truth: Truth) -> Truth:
    CardTransaction.objects.filter(transaction_type="settlement").update(amount_minor=4499)
    return truth


def _lose_a_purchase(_world: World, truth: Truth) -> Truth:
    return replace(truth, approved=truth.approved | {("stripe", "iauth_lost")})


def _lose_a_charge(_world: World, truth: Truth) -> Truth:
    return replace(truth, charges=[*truth.charges, Paid("pi_lost", "", "pi_lost", 4500, "USD")])


def _invent_a_charge(_world: World, truth: Truth) -> Truth:
    return replace(truth, charges=truth.charges[1:])


def _pay_twice(_world: World, truth: Truth) -> Truth:
    return replace(truth, charges=[*truth.charges, replace(truth.charges[0], id="pi_twice", intent="pi_twice")])


def _leave_an_obligation_open(_world: World, truth: Truth) -> Truth:
    FundingObligation.objects.filter(status="funded").update(status="open")
    return truth


def _take_more_than_was_paid(_world: World, truth: Truth) -> Truth:
    first = truth.movements[0]
    kept = CardTransaction.objects.get(issuer_transaction_id=first.name[1])
    CardTransaction.objects.filter(pk=kept.pk).update(amount_minor=kept.amount_minor + 700)
    more = first.minor + (700 if first.minor > 0 else -700)
    return replace(truth, movements=[replace(first, minor=more), *truth.movements[1:]])


HARMS: dict[Callable[[World, Truth], Truth], str] = {
    _lose_a_movement: "lost",
    _lose_a_purchase: "lost",
    _lose_a_charge: "lost",
    _invent_a_charge: "lost",
    _pay_twice: "doubled",
    _leave_an_obligation_open: "unexplained",
    _take_more_than_was_paid: "unexplained",
}


@pytest.mark.only_in_proofs
def test_what_is_wrong_is_found(bought: World) -> None:
    with closing(Snapshot.take("before_the_harm")) as before:
        for harm, found in HARMS.items():
            counted = count(harm(bought, read_truth(bought.http)))
            assert getattr(counted, found), harm
            assert not counted.is_good, harm
            before.put_back()
            assert bought.counted().is_good, harm


@pytest.mark.only_in_proofs
def test_what_only_the_reconciliation_has_found_is_not_explained_by_that(bought: World) -> None:
    purchase = Authorization.objects.earliest("pk")
    with transaction():
        ledger.post(kind="write_off", key="planted", money=Money(700, "USD"), reference=purchase.reference)

    mending = bought.settle()

    assert Case.objects.filter(kind="reconciliation", status="open").exists()
    assert not mending.is_good
    assert bought.counted().unexplained == [f"authorization:{purchase.pk}: -700 are left in clearing"]


@pytest.mark.only_in_proofs
def test_an_open_case_explains_what_does_not_add_up(bought: World) -> None:
    truth = _take_more_than_was_paid(bought, read_truth(bought.http))
    purchase = Authorization.objects.get(card_transactions__issuer_transaction_id=truth.movements[0].name[1])
    Case.objects.create(
        kind=Case.Kind.RECEIVABLE,
        reference=f"authorization:{purchase.pk}",
        summary="A person knows.",
        amount_minor=700,
        currency="USD",
        opened_at=clock.now(),
    )
    counted = count(truth)
    assert counted.explained
    assert not counted.unexplained


@pytest.mark.only_in_proofs
def test_a_refusal_of_the_sandbox_ends_the_proof(world: World) -> None:
    with pytest.raises(SandboxRefusedError, match="404"):
        world.http.stripe("GET", "issuing/cards/ic_nobody")


@pytest.mark.parametrize("wrong", [["--count", "0"], ["--fail", "-1"], ["--fail", "51"], ["--workers", "0"]])
def test_wrong_options_are_refused_before_anything_starts(wrong: list[str]) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        call_command("prove_purchases", *wrong)


def test_the_clock_of_a_simulation_is_set_back_at_its_end() -> None:
    before = clock.now()
    with clock.ahead(dt.timedelta(days=3)):
        assert clock.now() - before >= dt.timedelta(days=3)
    assert clock.now() - before < dt.timedelta(minutes=5)
