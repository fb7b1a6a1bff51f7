"""`manage.py replay_decisions` where more than the wallet decided: stand-in, a balance, and the odds of a card."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from issuing.authorizations import card_columns, decision_store
from issuing.backtest import proof
from issuing.models import Decision, VirtualCard
from onecard.kit import clock
from routing.models import MethodOdds
from tests.issuing.backtest.test_replay_decisions import replayed
from tests.support import stand_ins, stripe_events
from tests.support.controls import ask, condition, in_force
from tests.support.factories import VirtualCardFactory
from tests.support.stand_ins import stand_in, take_snapshot
from tests.support.threads import at_once
from tests.support.wallets import valued_card, walkthrough_card
from wallet.models import Cardholder, FundingMethod, ProcessorAccount, ProcessorFee


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve", STAND_IN_CARD_AMOUNT=10_000) as folder:
        yield folder


def answered_without_database(card: VirtualCard, amount: int) -> bool:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)
    return bool(stand_ins.ask(asked)["approved"])


def counts(said: str) -> tuple[str, str]:
    """How many were looked at, and how many came out otherwise."""
    lines = said.splitlines()
    return lines[0].split()[0], lines[-1].split()[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("make", [walkthrough_card, valued_card])
def test_answers_of_stand_in_come_out_again(place: Path, make: Any) -> None:
    card = make()
    take_snapshot()
    assert [answered_without_database(card, amount) for amount in (4_500, 20_000, 0)] == [True, False, True]
    stand_ins.fold(place)
    assert sorted(Decision.objects.values_list("rule", "decline_reason")) == [
        ("", "stand_in_amount_exceeded"), ("stand_in", ""), ("stand_in", ""),
    ]  # fmt: skip

    assert counts(replayed()) == ("3", "0")


@pytest.mark.django_db(transaction=True)
def test_stand_in_comes_out_again_after_cards_and_controls_change(place: Path) -> None:
    without, cut, unknown = walkthrough_card(), walkthrough_card(), walkthrough_card()
    take_snapshot()
    assert all(answered_without_database(card, 4_500) for card in (without, cut))
    FundingMethod.objects.filter(cardholder=without.cardholder).update(status="disabled")
    in_force(card=cut, when=[condition("mcc", "5812")], action={"kind": "approve_in_part", "most_minor": 1_000})
    unknown.issuer_card_id = "ic_nobody"
    assert not answered_without_database(unknown, 4_500)
    stand_ins.fold(place)

    said = replayed()

    assert counts(said) == ("3", "0")
    assert "1  chose no card" in said


@pytest.mark.django_db
@pytest.mark.parametrize("make", [walkthrough_card, valued_card])
def test_what_a_balance_pays_with_a_card_comes_out_again(make: Any) -> None:
    card = make(balance_minor=6_000, spends_balance=True)
    for amount in (4_500, 4_500, 4_500):
        assert ask(card, amount) == ""
    assert list(Decision.objects.order_by("pk").values_list("from_balance_minor", flat=True)) == [4_500, 1_500, 0]
    VirtualCard.objects.update(balance_minor=99_999)

    assert counts(replayed()) == ("3", "0")
    assert Decision.objects.earliest("pk").rule == "card_balance"


@pytest.mark.django_db
def test_a_balance_pays_where_no_card_can_and_comes_out_again() -> None:
    card = walkthrough_card(balance_minor=5_000, spends_balance=True)
    FundingMethod.objects.update(status="disabled")
    assert [ask(card, 4_500), ask(card, 4_500)] == ["", "no_funding_card"]

    assert counts(replayed()) == ("2", "0")


@pytest.mark.django_db
def test_a_cut_amount_that_a_balance_shares_comes_out_again() -> None:
    card = walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1", balance_minor=3_000, spends_balance=True)
    in_force(when=[condition("mcc", "5812")], action={"kind": "approve_in_part", "most_minor": 2_000})
    pending = {"amount": 5_000, "currency": "usd", "is_amount_controllable": True}
    assert [ask(card, pending_request=pending), ask(card, pending_request=pending)] == ["", ""]
    found = Decision.objects.order_by("pk").values_list("amount_minor", "from_balance_minor")
    assert list(found) == [(2_000, 2_000), (2_000, 1_000)]

    assert counts(replayed()) == ("2", "0")


@pytest.mark.django_db(transaction=True)
def test_two_cards_of_one_wallet_at_once_come_out_again(settings: Any) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    first = valued_card(balance_minor=6_000, spends_balance=True)
    second = VirtualCardFactory(cardholder=first.cardholder, balance_minor=1_000, spends_balance=True)
    asked = [
        stripe_events.authorization_request(card=card.issuer_card_id, amount=4_000)
        for card in (first, second, first, second)
    ]
    answers = at_once([lambda each=each: stripe_events.post(each).json()["approved"] for each in asked])
    assert answers == [True] * 4
    paid = Decision.objects.values_list("from_balance_minor", flat=True)
    assert sorted(paid) == [0, 1_000, 2_000, 4_000]

    assert counts(replayed()) == ("4", "0")


@pytest.fixture
def _odds_are_read(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROUTING_ODDS as a process with it starts: only then does a decision's read ask for odds."""
    settings.ROUTING_ODDS, settings.MERCHANT_MCC_PASSED_THROUGH = True, True
    with_odds = runpy.run_path(card_columns.__file__)["CARD"]
    monkeypatch.setattr(decision_store, "READ", decision_store.READ.replace(card_columns.CARD, with_odds))


@pytest.mark.django_db
@pytest.mark.usefixtures("_odds_are_read")
def test_decisions_by_odds_come_out_again_after_odds_change(settings: Any) -> None:
    card = valued_card()
    gold = card.cardholder.funding_methods.get(last_four="8431")
    likely = MethodOdds.objects.create(
        method=gold, prior_ppm=400_000, approved_ppm=400_000, counted_at=clock.now(), approvals=0, attempts=0
    )
    ProcessorFee.objects.create(account=ProcessorAccount.objects.get(), network="mastercard", fee_bp=120)
    assert [ask(card, 4_500), ask(card, 9_000)] == ["", ""]
    traces = [each.trace for each in Decision.objects.order_by("pk")]
    assert [each["value"]["odds"][str(gold.pk)] for each in traces] == [[400_000, 0]] * 2
    assert [each["rule"] for each in traces] == ["likelier_to_pay"] * 2
    likely.delete()
    ProcessorFee.objects.all().delete()
    settings.ROUTING_ODDS = False
    Cardholder.objects.update(preference="cash")

    assert counts(replayed()) == ("2", "0")

    row = Decision.objects.order_by("pk").values(*proof.COLUMNS).first()
    assert row is not None
    sure = {card_id: [1_000_000, fee] for card_id, (_ppm, fee) in traces[0]["value"]["odds"].items()}
    changed = row | {"trace": traces[0] | {"value": traces[0]["value"] | {"odds": sure}}}
    assert any(each.startswith("rule: likelier_to_pay is stored") for each in proof.differences(changed))
