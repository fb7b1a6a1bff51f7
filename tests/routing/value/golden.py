"""Reads golden_cases.txt, where the grammar stands; a line that it does not understand fails the test run."""

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from routing.value.catalogue_file import shipped_catalogue
from routing.value.choice import ValueChoice, choose_by_value
from routing.value.earning import Earning
from routing.value.live_spend import LiveSpend
from routing.value.matching import Matcher
from routing.value.prices import Prices
from routing.value.spend import Booking, Bucket, Purchase
from routing.value.terms import Channel, Holding
from routing.value.top_category import Gains
from routing.value.wallet import UNITS, Wallet, to_minor

CATALOGUE = shipped_catalogue()
MATCHER = Matcher(CATALOGUE)
BUY = re.compile(
    r"buy (?P<at>\S+) (?P<mcc>\d{4}) (?P<amount>[\d.]+) (?P<merchant>.*?)"
    r"( in (?P<country>[A-Z]{2}))?( (?P<online>online))?"
)


@dataclass
class Case:
    """One case: a wallet, what happens in order, and the outcome as the file words it."""

    name: str
    holdings: list[Holding] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    expected: str = ""

    def run(self) -> ValueChoice:
        """Plays the events and returns the last choice."""
        world = _World(Wallet(MATCHER, CATALOGUE, self.holdings))
        for event in self.events:
            world.play(event)
        assert world.choice is not None
        return world.choice


class _World:
    def __init__(self, wallet: Wallet) -> None:
        self.wallet, self.live, self.choice = wallet, LiveSpend(), None
        self._before: list[list[str]] = []
        self._space: dict[Bucket, Gains] = {}

    def play(self, event: str) -> None:
        if event == "refund":
            self.live.give_back(self.choice.booking)
        elif found := BUY.fullmatch(event):
            self._buy(_purchase(found))
        else:
            self._before.append(event.split())

    def _buy(self, purchase: Purchase) -> None:
        for word, card, cap, amount in self._before:
            self._prepare(word, *self._bucket(card, cap, purchase.at.date()), Decimal(amount))
        self._before.clear()
        self.choice = choose_by_value(purchase, self.wallet, self.live.spend, Prices(self._space))
        self.live.book(self.choice.booking)

    def _prepare(self, word: str, bucket: Bucket, limit: int, amount: Decimal) -> None:
        if word == "used":
            self.live.book(Booking(((bucket, int(amount * 100)),)))
        elif word == "price":
            self._space[bucket] = Gains((0, limit), (0, int(limit * amount * UNITS)))
        else:
            raise ValueError(f"{word!r} is no event")

    def _bucket(self, card: str, cap: str, day: dt.date) -> tuple[Bucket, int]:
        held = next(each for each in self.wallet.cards if each.holding.card == card)
        found = next(each for each in held.prepared.product.caps if each.key == cap)
        return held.bucket(found, day), found.limit_minor


def read_cases() -> list[Case]:
    cases: list[Case] = []
    for line in (Path(__file__).parent / "golden_cases.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            _read_line(cases[-1], line.strip())
        else:
            cases.append(Case(line))
    return cases


def describe(choice: ValueChoice) -> str:
    """An outcome in the file's words."""
    who = choice.chosen.card.holding.card if choice.chosen else "nobody"
    return f"{who}, {choice.rule}: {', '.join(_earned(each) for each in choice.candidates)}"


def _earned(earning: Earning) -> str:
    text = f"{earning.card.holding.card} {to_minor(earning.earned) / 100:.2f}"
    if len(earning.parts) > 1:
        rates = [
            f"{Decimal(p.amount_minor) / 100:.2f} at {p.value // (100 * earning.card.point)}" for p in earning.parts
        ]
        text += f" ({', '.join(rates)})"
    return text


def _read_line(case: Case, line: str) -> None:
    if line.startswith("=> "):
        case.expected = line.removeprefix("=> ")
    elif line.split(maxsplit=1)[0] in ("used", "price", "buy", "refund"):
        case.events.append(line)
    else:
        card, *notes = (part.strip() for part in line.split("|"))
        holding = Holding(card, CATALOGUE.products[card])
        for note in notes:
            holding = _noted(holding, note)
        case.holdings.append(holding)


def _noted(holding: Holding, note: str) -> Holding:
    match note.split():
        case ["backup"]:
            return replace(holding, is_backup=True)
        case ["activated", quarter]:
            return replace(holding, activations={**holding.activations, quarter: None})
        case ["activated", quarter, "at", time]:
            return replace(holding, activations={**holding.activations, quarter: dt.datetime.fromisoformat(time)})
        case ["picked", key, *tags]:
            return replace(holding, choices={**holding.choices, key: tuple(tags)})
        case ["a", "point", "is", cents]:
            return replace(holding, cents_per_point=Decimal(cents))
        case ["nothing", "passed", "through"]:
            return replace(holding, passed_through=False)
    raise ValueError(f"{note!r} is no note of a card")


def _purchase(found: re.Match[str]) -> Purchase:
    return Purchase(
        at=dt.datetime.fromisoformat(found["at"]),
        mcc=found["mcc"],
        merchant=found["merchant"],
        amount_minor=int(Decimal(found["amount"]) * 100),
        country=found["country"] or "US",
        channel=Channel.ONLINE if found["online"] else Channel.IN_STORE,
    )
