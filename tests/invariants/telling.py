"""How random purchases are asked about and told: each event is remembered, with what has arrived of it."""

from typing import Any

from tests.invariants.banks import Told
from tests.invariants.issuers import Abroad, Buy, Event, Words
from tests.invariants.people import ABROAD, People
from wallet.charges import outcomes
from wallet.processors.base import Outcome
from wallet.refunds import records as refunds


class Telling(People):
    """The way between the issuer, the processor and the product."""

    words: Words
    answers: dict[str, bytes]
    events: list[tuple[Event, Buy, str]]

    def ask(self, question: Event) -> bool:
        answer = self.words.ask(question)
        assert self.answers.setdefault(str(question), answer) == answer
        return self.words.approves(answer)

    def move(
        self, buy: Buy, kind: str, amount: int, now: bool, dispute: str = "", *, said: str = "", of: str = ""
    ) -> None:
        """The issuer tells of it, abroad if its worth is `said`; it names the purchase, or `of` a capture of it."""
        converted = self.converted_minor_of(amount) if said else amount
        abroad = Abroad(ABROAD, converted if said == "worth" else None) if said else None
        name, event = self.words.moves(buy, kind, amount, dispute=dispute, abroad=abroad, of=of)
        self.homes.named[name] = of or (self.words.disputed(buy) if dispute else self.words.authorization_id(buy))
        if kind == "capture":
            buy.captures.append(name)
        buy.moved[name] = converted if kind in ("capture", "chargeback_reversal") else -converted
        self.note(event, buy, name, now=now)

    def note(self, event: Event, buy: Buy, name: str = "", *, now: bool = False) -> None:
        told = (event, buy, name or f"event {len(self.events)}")
        self.events.append(told)
        if now:
            self.deliver(*told)

    def not_arrived(self) -> list[tuple[Event, Buy, str]]:
        return [told for told in self.events if told[2] not in told[1].arrived]

    def deliver_all(self, told: list[tuple[Event, Buy, str]]) -> None:
        for each in told:
            self.deliver(*each)

    def deliver(self, event: Event, buy: Buy, name: str) -> None:
        if self.words.deliver(event) in ("handled", "kept"):
            buy.arrived.add(name)

    def hear(self, said: Any) -> None:
        if isinstance(said, Told):
            said.hear()
        elif isinstance(said, Outcome):
            outcomes.apply_update(said)
        else:
            refunds.apply_update(said)
