"""`manage.py route_batch`, with files as others write them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

HEADER = "user_id,purchase_id,timestamp,mcc,merchant,amount_cents,country,channel"
ANN = {
    "user_id": "ann",
    "preference": "cash",
    "cards": ["discover-it-cash-back", "amex-gold", "citi-double-cash"],
    "backup_card": "citi-double-cash",
    "choices": {},
    "activations": {"discover-it-cash-back": ["2025Q1"]},
}
BOB = {"user_id": "bob", "preference": "points", "cards": ["amex-gold", "capital-one-savor"], "backup_card": None}


class Batch:
    """W, P and D in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.wallets, self.purchases, self.out = folder / "W.json", folder / "P.csv", folder / "D.csv"
        self.write(ANN, BOB)

    def write(self, *users: Any) -> None:
        self.wallets.write_text(json.dumps({"users": users}, indent=1), "utf-8")

    def buy(self, *lines: str) -> None:
        self.purchases.write_text("\n".join([HEADER, *lines]) + "\n", "utf-8")

    def run(self, *options: str) -> list[dict[str, str]]:
        files = ("--wallets", self.wallets, "--purchases", self.purchases, "--out", self.out)
        call_command("route_batch", *map(str, files), *options)
        with self.out.open(newline="") as file:
            return list(csv.DictReader(file))

    def refuse(self) -> str:
        with pytest.raises(CommandError) as refused:
            self.run()
        assert [path.name for path in self.out.parent.iterdir() if path.suffix not in (".json", ".csv")] == []
        assert not self.out.exists()
        return str(refused.value)


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    return Batch(tmp_path)


def test_each_purchase_is_decided_beside_what_was_spent_before(batch: Batch) -> None:
    """Discover pays 5 % on dining in the first quarter, up to 1,500 dollars; lines may stand in any order."""
    batch.buy(
        "ann,3,2025-03-20T20:00:00,5812,Bistro,10000,US,in_store",
        "ann,1,2025-03-01T20:00:00,5812,Bistro,149000,US,in_store",
        "bob,1,2025-03-01T20:00:00,5812,Bistro,10000,US,in_store",
        "ann,2,2025-03-10T20:00:00,5812,Bistro,1000,US,in_store",
    )
    lines = batch.run()

    assert [(line["user_id"], line["purchase_id"], line["card_id"]) for line in lines] == [
        ("ann", "3", "citi-double-cash"),
        ("ann", "1", "discover-it-cash-back"),
        ("bob", "1", "amex-gold"),
        ("ann", "2", "discover-it-cash-back"),
    ]
    assert [line["expected_value_minor"] for line in lines] == ["200", "7450", "520", "50"]


def test_points_are_weighed_by_preference_or_programme(batch: Batch) -> None:
    batch.buy("ann,1,2025-06-01T20:00:00,5812,Bistro,10000,US,in_store")

    assert batch.run("--weights", "preference")[0]["expected_value_minor"] == "200"
    assert batch.run("--weights", "programme")[0]["expected_value_minor"] == "600"


def test_cash_and_rewards_follow_the_walkthroughs_rules(batch: Batch) -> None:
    """A Whole Foods is a grocery to the rules, and Prime's merchant rule is unknown to them."""
    batch.write(ANN | {"cards": ["chase-prime-visa", "amex-gold", "citi-double-cash"], "activations": {}})
    batch.buy("ann,1,2025-06-01T20:00:00,5411,Whole Foods Market,10000,US,in_store")

    found = {name: batch.run("--strategy", name)[0] for name in ("value", "cash", "rewards")}

    assert found["value"]["card_id"] == "chase-prime-visa"
    # Citi pays cash, and ties with the 4 points at 0.5 of Gold: the backup comes first.
    assert (found["cash"]["card_id"], found["cash"]["rule"]) == ("citi-double-cash", "highest_with_cash_available")
    assert (found["rewards"]["card_id"], found["rewards"]["rule"]) == ("amex-gold", "highest_reward")
    assert found["rewards"]["expected_value_minor"] == "200"


def test_the_same_input_gives_the_same_output(batch: Batch) -> None:
    batch.buy(*(f"bob,{n},2025-0{1 + n % 9}-11T10:00:00,5411,Kroger,{n * 977},US,in_store" for n in range(1, 30)))

    assert batch.run() == batch.run()


@pytest.mark.parametrize(
    ("change", "line", "sentence"),
    [
        ({"cards": ["amex-golden"]}, 3, "the catalogue has no card “amex-golden”."),
        ({"cards": []}, 3, "cards must name at least one card, and none twice."),
        ({"preference": "gold"}, 3, "preference must be cash or points, not “gold”."),
        ({"backup_card": "apple-card"}, 3, "the backup card “apple-card” is not among the cards."),
        ({"activations": {"amex-gold": ["2025-1"]}}, 3, "an activation is a quarter such as 2025Q1"),
        ({"choices": {"amex-gold": {"choice_3": ["gas"]}}}, 3, "amex-gold has no choice “choice_3”."),
        ({"colour": "red"}, 3, "a user has no field “colour”"),
    ],
)
def test_a_mistake_in_a_wallet_is_named_with_its_line(
    batch: Batch, change: dict[str, Any], line: int, sentence: str
) -> None:
    batch.write(ANN | change)
    batch.buy()

    refusal = batch.refuse()

    assert f"W.json, line {line}: user “ann”: {sentence}" in refusal or f"line {line}: {sentence}" in refusal
    assert refusal.endswith("Nothing was written.")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("eve,1,2025-06-01T20:00:00,5812,B,100,US,online", "there is no user “eve” among the wallets."),
        ("ann,1,yesterday,5812,B,100,US,online", "timestamp must be a time such as"),
        ("ann,1,9999-12-31T20:00:00,5812,B,100,US,online", "timestamp must lie in the years 1970 to 2199"),
        ("ann,1,2025-06-01T20:00:00,58122,B,100,US,online", "mcc must be a merchant category code"),
        ("ann,1,2025-06-01T20:00:00,5812,B,1.50,US,online", "amount_cents must be whole cents"),
        ("ann,1,2025-06-01T20:00:00,5812,B,-5,US,online", "amount_cents must be whole cents"),
        ("ann,1,2025-06-01T20:00:00,5812,B,100,USA,online", "country must be two letters"),
        ("ann,1,2025-06-01T20:00:00,5812,B,100,US,phone", "channel must be in_store or online"),
        ("ann,1,2025-06-01T20:00:00,5812,B,100,US", "there are 7 fields, but the header has 8."),
        ("ann,0,2025-06-01T20:00:00,5812,B,100,US,online", "purchase “0” of user “ann” appears twice."),
    ],
)
def test_a_mistake_in_a_purchase_is_named_with_its_line(batch: Batch, line: str, sentence: str) -> None:
    batch.buy("ann,0,2025-06-01T20:00:00,5812,B,100,US,online", line)

    assert f"P.csv, line 3: {sentence}" in batch.refuse()


def test_files_that_are_none_are_refused(batch: Batch) -> None:
    batch.buy()
    batch.wallets.write_text('{"users": [\n{"user_id": }]}')
    assert "W.json, line 2: this is not JSON" in batch.refuse()
    batch.wallets.write_text("{}")
    assert 'there is no list "users"' in batch.refuse()
    batch.write(ANN)
    batch.purchases.write_text("a,b\n")
    assert "P.csv, line 1: the header lacks user_id" in batch.refuse()
    batch.purchases.unlink()
    assert "the file cannot be read: No such file" in batch.refuse()


def test_an_earlier_result_stays_where_the_input_is_wrong(batch: Batch) -> None:
    batch.out.write_text("kept")
    batch.buy("eve,1,2025-06-01T20:00:00,5812,B,100,US,online")

    with pytest.raises(CommandError):
        batch.run()
    assert batch.out.read_text() == "kept"
