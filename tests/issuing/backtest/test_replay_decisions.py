"""`manage.py replay_decisions`: every stored decision comes out again from its trace alone, whatever happened since."""

import datetime as dt
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from issuing import states
from issuing.backtest import proof
from issuing.models import Decision, VirtualCard
from routing import personal_rules
from routing.models import CardSpend, PreferenceMultiplier, RankingRow, RewardTerms
from tests.support.controls import ask, condition, in_force, velocity
from tests.support.wallets import valued_card, walkthrough_card
from wallet.models import Cardholder, FundingMethod

pytestmark = pytest.mark.django_db


def replayed(*arguments: str) -> str:
    out = StringIO()
    call_command("replay_decisions", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def overwrite(decision: Decision, **columns: Any) -> None:
    """Changes a stored decision as only a broken disk could: its triggers forbid it."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for name, value in columns.items():
            cursor.execute(f"UPDATE issuing_decision SET {name} = %s WHERE id = %s", [value, decision.pk])
        cursor.execute("SET session_replication_role = DEFAULT")


def test_decisions_come_out_again_after_rules_cards_and_terms_change(settings: Any) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    plain, valued = walkthrough_card(), valued_card()
    gold = valued.cardholder.funding_methods.get(network="amex")
    CardSpend.objects.create(method=gold, name="dining", starts_on=dt.date(2026, 1, 1), posted_minor=4_999_000)
    personal_rules.add(valued.cardholder, actor="user:1", action="never_this_card", method=gold, above_minor=5_000)
    for card in (plain, valued):
        assert ask(card, 4_500) == ""
        assert ask(card, 9_000) == ""
        assert ask(card, 0) == ""
    FundingMethod.objects.filter(cardholder=plain.cardholder).update(status="disabled")
    assert ask(plain, 4_500) == "no_funding_card"
    RankingRow.objects.all().delete()
    PreferenceMultiplier.objects.update(multiplier=7)
    RewardTerms.objects.update(base_rate=9)
    CardSpend.objects.all().delete()
    Cardholder.objects.update(preference="rewards")
    FundingMethod.objects.update(expiry_year=2021, currencies=["EUR"])
    before = list(Decision.objects.order_by("pk").values())

    said = replayed()

    assert "7 decisions looked at." in said
    assert ["4  by cash came out the same" in said, "3  by value came out the same" in said] == [True, True], said
    assert "0  came out otherwise" in said
    assert list(Decision.objects.order_by("pk").values()) == before


def test_cut_amounts_balances_and_declines_by_controls_come_out_again() -> None:
    card = walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1")
    in_force(when=[condition("mcc", "5812")], action={"kind": "approve_in_part", "most_minor": 4_000})
    in_force(velocity=velocity(6_000), action={"kind": "approve_in_part"})
    in_force(when=[condition("amount", [20_000, None], "between")])
    pending = {"amount": 5_000, "currency": "usd", "is_amount_controllable": True}
    assert ask(card, pending_request=pending) == ""
    assert ask(card, pending_request=pending) == ""
    assert ask(card, 30_000) != ""
    assert sorted(Decision.objects.values_list("amount_minor", flat=True)) == [2_000, 4_000, 30_000]
    VirtualCard.objects.update(status=states.Card.FROZEN)
    assert ask(card) == "card_not_active"

    assert "0  came out otherwise" in replayed()


def test_what_chose_no_card_or_is_of_an_older_release_is_counted_apart() -> None:
    card = walkthrough_card()
    assert ask(card) == ""
    old = Decision.objects.get()
    overwrite(old, trace=json.dumps({name: value for name, value in old.trace.items() if name != "rows"}))
    assert ask(VirtualCard(issuer_provider="stripe", issuer_card_id="ic_nobody")) == "unknown_card"

    said = replayed()

    assert "1  cannot be made again" in said
    assert "1  chose no card" in said


def test_each_decision_that_differs_is_named_and_the_exit_says_so() -> None:
    card = walkthrough_card()
    for _ in range(3):
        assert ask(card) == ""
    first, _same, last = Decision.objects.order_by("pk")
    overwrite(first, trace=json.dumps(first.trace | {"significantly_better": "1"}))
    overwrite(last, rule="highest_reward")
    out = StringIO()

    with pytest.raises(CommandError, match="2 decisions come out otherwise") as stopped:
        call_command("replay_decisions", stdout=out, stderr=out)

    assert stopped.value.returncode == 1
    said = out.getvalue()
    assert f"Decision {first.pk} (authorization:{first.authorization_id}): rule: backup_without_cash is stored" in said
    assert f"Decision {last.pk} (authorization:{last.authorization_id}): the rule 'highest_reward' is stored" in said
    assert "1  by cash came out the same" in said
    assert "1  by cash came out the same" not in replayed_quietly("--limit", "1")


def replayed_quietly(*arguments: str) -> str:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("replay_decisions", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_it_reads_page_by_page_and_no_more_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card()
    for _ in range(5):
        assert ask(card) == ""
    monkeypatch.setattr(proof, "PAGE", 2)

    assert "5 decisions looked at." in replayed("--since", "2020-01-01")
    assert "3 decisions looked at." in replayed("--limit", "3")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--since", "soon"], "--since is 'soon'; write it like 2026-11-01"),
        (["--since", "2999-01-01"], "lies in the future"),
        (["--limit", "0"], "--limit is 0; write how many decisions, at least 1"),
    ],
)
def test_a_wrong_argument_is_named(arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why) as refused:
        call_command("replay_decisions", *arguments)
    assert refused.value.returncode == 2
