"""`manage.py backtest`: stored purchases without and with drafts or another strategy, in money, and nothing changes."""

import csv
import datetime as dt
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from issuing.models import Authorization, Decision, VirtualCard
from onecard.kit import clock
from routing import personal_rules
from routing.catalogue.entries import entries_of
from routing.catalogue.rows import read
from routing.models import CardSpend, RankingDraft, RankingRow, SpendBooking
from routing.rankings import drafts
from tests.issuing.rewards.purchases import begun, bought, ended, refunded
from tests.routing.rankings.drafting import draft_with, entry
from tests.support.back_office import superuser
from tests.support.controls import ask
from tests.support.wallets import valued_card, walkthrough_card
from wallet.models import Cardholder, FundingCharge

pytestmark = pytest.mark.django_db
HEADER = "mcc,scope,product,network,card_name,reward_rate,reward_type,annual_fee,valid_from,valid_to"


@pytest.fixture(autouse=True)
def _passed_through(settings: Any) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True


def said(*arguments: str) -> str:
    out = StringIO()
    since = (clock.now() - dt.timedelta(days=60)).date().isoformat()
    with clock.ahead(dt.timedelta(seconds=1)):
        call_command("backtest", "--since", since, *arguments, stdout=out)
    return out.getvalue()


def found(*arguments: str) -> dict[str, Any]:
    return dict(json.loads(said(*arguments, "--format", "json")))


def of_all(result: dict[str, Any]) -> dict[str, Any]:
    (row,) = [each for each in result["groups"] if each["group"] == "all"]
    return dict(row)


def by_rules(holder: Cardholder) -> None:
    Cardholder.objects.filter(pk=holder.pk).update(preference="cash")


@pytest.fixture
def card() -> VirtualCard:
    """The walkthrough's cards with terms; its person is decided by the rules for cash back."""
    made = valued_card()
    by_rules(made.cardholder)
    return made


def test_another_strategy_is_compared_in_money_by_month_card_and_mcc(card: VirtualCard, tmp_path: Path) -> None:
    assert ask(card, 4_500) == ""
    before = [list(model.objects.order_by("pk").values()) for model in (Decision, FundingCharge, RankingRow, CardSpend)]

    result = found("--strategy", "value", "--purchases", str(tmp_path / "changed.csv"))

    # Citi, the backup, has 2 points at 1.4 cents; Gold has 4 points at 1.5 cents.
    total = of_all(result)
    assert (total["before"], total["after"], total["gained"], total["lost"]) == ("1.26", "2.7", "1.44", "0")
    assert (result["purchases"], result["another_card"], result["unreadable"]) == (1, 1, 0)
    cards = {each["key"]: (each["gained"], each["lost"]) for each in result["groups"] if each["group"] == "card"}
    assert sorted(cards.values()) == [("0", "1.26"), ("2.7", "0")]
    assert [each["key"] for each in result["groups"] if each["group"] in ("month", "mcc")] == [
        f"{clock.now():%Y-%m}", "5812",
    ]  # fmt: skip
    (row,) = csv.DictReader(StringIO((tmp_path / "changed.csv").read_text()))
    assert (row["merchant"], row["earned_before"], row["earned_after"]) == ("Starbucks Coffee", "1.26", "2.7")
    assert "8431" in row["card_after"]
    assert before == [
        list(model.objects.order_by("pk").values()) for model in (Decision, FundingCharge, RankingRow, CardSpend)
    ]


def test_the_terminal_shows_a_table_and_the_purchases_that_change_most(card: VirtualCard) -> None:
    assert [ask(card, 4_500), ask(card, 45_000)] == ["", ""]

    text = said("--strategy", "value", "--examples", "1")

    assert "2 purchases of 1 people" in text
    assert "with strategy value (after)" in text
    assert "by merchant category" in text
    (example,) = [line for line in text.splitlines() if " -> " in line]
    assert "+14.400 USD" in example
    lines = list(csv.reader(StringIO(said("--strategy", "value", "--format", "csv"))))
    assert lines[0][:6] == ["group", "key", "name", "currency", "purchases", "changed"]
    assert lines[1] == ["all", "", "", "USD", "2", "2", "13.86", "29.7", "15.84", "0"]


def test_a_cap_fills_up_as_each_side_spends(card: VirtualCard) -> None:
    gold = card.cardholder.funding_methods.get(network="amex")
    assert ask(card, 4_500) == ""
    charge = FundingCharge.objects.get()
    FundingCharge.objects.update(created_at=clock.now() - dt.timedelta(days=90))
    SpendBooking.objects.create(
        charge=charge, method=gold, status="posted", amount_minor=4_998_000, kept_minor=4_998_000,
        shares=[["dining", "", f"{clock.now().year}-01-01", 4_998_000]], looked_at=clock.now(),
    )  # fmt: skip
    assert ask(card, 4_500) == ""

    result = found("--strategy", "value")

    # 20.00 of the first purchase still fit into the cap of Gold; beyond it the Reserve has 3 points at 2 cents or less.
    assert Decimal(of_all(result)["after"]) < 2 * Decimal("2.7")
    assert Decimal(of_all(result)["after"]) >= Decimal(of_all(result)["before"])


def test_a_file_of_rankings_is_tried_over_the_published(tmp_path: Path) -> None:
    card = walkthrough_card()
    assert ask(card, 4_500) == ""
    file = tmp_path / "draft.csv"
    file.write_text(f"{HEADER}\n5812,network,,visa,,4,cash,,,\n")

    result = found("--rankings", str(file))

    # No card has terms here, so each earns what its ranking says: 3 points of the backup, 4 % of the Visa.
    total = of_all(result)
    assert (total["before"], total["after"], result["another_card"], result["tried"]) == ("1.35", "1.8", 1, "draft.csv")
    assert RankingRow.objects.filter(reward_type="cash").count() == 0


def test_a_file_of_terms_is_tried_over_the_published(tmp_path: Path) -> None:
    card = valued_card()
    assert ask(card, 4_500) == ""
    product = entries_of(read())["products", "citi-double-cash"] | {"base_rate": "9"}
    file = tmp_path / "draft.json"
    file.write_text(json.dumps({"products": [product]}))

    total = of_all(found("--catalogue", str(file)))

    assert (total["before"], total["after"], total["changed"]) == ("2.7", "5.67", 1)


def test_a_draft_is_tried_by_its_number() -> None:
    card = walkthrough_card()
    assert ask(card, 4_500) == ""
    draft = draft_with(entry(RankingRow.objects.get(network="visa"), reward_rate=Decimal(4)))

    assert of_all(found("--draft", str(draft.pk)))["after"] == "1.8"


def test_personal_rules_hold_on_the_side_by_value(card: VirtualCard) -> None:
    gold = card.cardholder.funding_methods.get(network="amex")
    personal_rules.add(card.cardholder, actor="user:1", action="never_this_card", method=gold)
    assert ask(card, 4_500) == ""

    assert all("8431" not in each["card_after"] for each in found("--strategy", "value")["purchases_that_change_most"])


def test_reversed_purchases_and_those_outside_the_period_do_not_count(card: VirtualCard) -> None:
    with clock.ahead(dt.timedelta(days=-70)):
        assert ask(card, 4_500) == ""
    assert ask(card, 4_500) == ""
    Authorization.objects.filter(pk=Authorization.objects.latest("pk").pk).update(status="reversed")

    assert found("--strategy", "value")["groups"] == []
    assert "0 purchases of 0 people" in said("--strategy", "value")


def test_only_what_was_kept_of_a_purchase_counts(card: VirtualCard) -> None:
    charge = bought(card)
    refunded(charge, 1_500)
    waiting = begun(charge, 500)

    total = of_all(found("--strategy", "value"))

    # 30.00 of 45.00 are left: a refund that did not succeed yet, or failed, took nothing away.
    assert (total["before"], total["after"], total["purchases"]) == ("0.84", "1.8", 1)
    ended(waiting, "succeeded")
    assert of_all(found("--strategy", "value"))["after"] == "1.5"
    refunded(charge, 2_500)
    assert found("--strategy", "value")["groups"] == []


def test_a_card_is_still_chosen_for_the_whole_amount(card: VirtualCard) -> None:
    gold = card.cardholder.funding_methods.get(network="amex")
    personal_rules.add(card.cardholder, actor="user:1", action="never_this_card", method=gold, above_minor=4_000)
    refunded(bought(card), 1_500)

    (row,) = found("--strategy", "value")["purchases_that_change_most"]

    # The rule is asked about 45.00, as it was then, though 30.00 are left.
    assert "8431" not in row["card_after"]
    assert (row["amount"], row["kept"]) == ("45.00", "30.00")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "There is nothing to try"),
        (["--since", "soon", "--strategy", "value"], "--since is 'soon'"),
        (["--until", "2001-01-01", "--strategy", "value"], "--until lies before --since"),
        (["--draft", "0"], "There is no draft 0"),
        (["--draft", "1", "--rankings", "x.csv"], "Give either --draft, or files"),
        (["--rankings", "/nowhere/x.csv"], "x.csv cannot be read: No such file"),
        (["--catalogue", "/nowhere/x.json"], "x.json cannot be read: No such file"),
        (["--strategy", "value", "--purchases", "/nowhere/x.csv"], "x.csv cannot be written: No such file"),
    ],
)
def test_a_wrong_argument_is_named(arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why) as refused:
        said(*arguments)
    assert refused.value.returncode == 2


def test_a_bad_file_and_an_ended_draft_are_named(tmp_path: Path) -> None:
    draft = draft_with(entry())
    drafts.discard(draft=draft, user=superuser(), reason="No.")
    rankings, terms = tmp_path / "draft.csv", tmp_path / "draft.json"
    rankings.write_text(f"{HEADER}\n58,network,,visa,,4,cash,,,\n")
    terms.write_text('{"products": [{"key": "x"}]}')
    for arguments, why in (
        (["--draft", str(draft.pk)], r"has ended \(discarded\)"),
        (["--rankings", str(rankings)], "line 2"),
        (["--catalogue", str(terms)], "x"),
    ):
        with pytest.raises(CommandError, match=why) as refused:
            said(*arguments)
        assert refused.value.returncode == 2
    assert RankingDraft.objects.count() == 1
