"""Two issuers that tell of the same things, each in its own words, for lives of purchases drawn at random."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from issuing.handlers import dispatch
from issuing.models import IssuerEvent
from tests.support import marqeta_events, stripe_events

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Abroad:
    """The currency of a foreign movement; `converted_minor` is None if the issuer does not state it."""

    currency: str
    converted_minor: int | None


@dataclass
class Buy:
    """A purchase as the issuer knows it: its first question, and what merchants moved, by what has been delivered."""

    asked: Event
    amount_minor: int
    ended: str = ""
    rounds: int = 1
    # Not where the issuer approved it by itself.
    was_asked: bool = True
    asked_minor: int = 0
    # What each event moves, and which of them have arrived: positive is taken by the merchant.
    moved: dict[str, int] = field(default_factory=dict)
    arrived: set[str] = field(default_factory=set)
    # Their names, the first one first: a refund may name a capture, and no purchase.
    captures: list[str] = field(default_factory=list)
    # The disputes that were won and not contested yet, with their amounts and whether these are foreign.
    disputes: list[tuple[str, int, bool]] = field(default_factory=list)
    # What was captured abroad, in minor units of the currency there.
    captured_abroad: list[int] = field(default_factory=list)

    @property
    def history(self) -> list[Event]:
        """The approvals so far, in Stripe's words."""
        first = "webhook_approved" if self.was_asked else "network_fallback"
        reasons = [first] + ["webhook_approved"] * (self.rounds - 1)
        return [{"approved": True, "reason": reason} for reason in reasons]

    @property
    def moved_minor(self) -> int:
        return sum(amount for event, amount in self.moved.items() if event in self.arrived)


class Words(Protocol):
    """How one issuer asks and tells. Amounts are minor units of the card's currency, or of the one abroad.

    `stands_in` gives a question that was never asked, and the news of it; `moves` gives its event under the name that
    ends the issuer's id of the movement; it names the purchase, or `of` a capture. `disputed` is what a dispute names,
    a purchase or a capture. `forces` is a capture of nothing, with what stands for its question, and
    `names_nothing` a refund that does not say of what.
    """

    provider: str

    def question(self, amount: int, *, mcc: str, follows: Buy | None, card: str = "") -> Event: ...
    def asked_anew(self, question: Event) -> Event: ...
    def id_reused(self, question: Event, amount: int) -> Event: ...
    def on_card(self, event: Event, card: str) -> Event: ...
    def told_anew(self, event: Event) -> Event: ...
    def ask(self, question: Event) -> bytes: ...
    def approves(self, answer: bytes) -> bool: ...
    def stands_in(self, amount: int) -> tuple[Event, Event]: ...
    def forces(self, amount: int) -> tuple[Event, str, Event]: ...
    def names_nothing(self, amount: int) -> tuple[str, Event]: ...
    def reports(self, buy: Buy, status: str, total: int) -> Event: ...
    def reduces(self, buy: Buy, by: int, left: int) -> Event: ...
    def moves(
        self, buy: Buy, kind: str, amount: int, *, dispute: str = "", abroad: Abroad | None = None, of: str = ""
    ) -> tuple[str, Event]: ...
    def deliver(self, event: Event) -> str: ...
    def authorization_id(self, buy: Buy) -> str: ...
    def disputed(self, buy: Buy) -> str: ...


@dataclass
class StripeWords:
    """Stripe Issuing."""

    card: str
    currency: str
    provider: str = "stripe"

    def question(self, amount: int, *, mcc: str, follows: Buy | None, card: str = "") -> Event:
        more: dict[str, Any] = {}
        if follows is not None:
            more = {
                "authorization": follows.asked["data"]["object"]["id"],
                "approved_before": follows.amount_minor,
                "history": follows.history,
            }
        return stripe_events.authorization_request(
            card=card or self.card, amount=amount, mcc=mcc, currency=self.currency.lower(), **more
        )

    def asked_anew(self, question: Event) -> Event:
        return question | {"id": stripe_events.unique("evt")}

    def on_card(self, event: Event, card: str) -> Event:
        content = event["data"]["object"]
        named = content["card"] | {"id": card} if isinstance(content["card"], dict) else card
        return event | {"data": {"object": content | {"card": named}}}

    def told_anew(self, event: Event) -> Event:
        return event | {"id": stripe_events.unique("evt")}

    def id_reused(self, question: Event, amount: int) -> Event:
        return self.question(amount, mcc="5812", follows=None) | {"id": question["id"]}

    def ask(self, question: Event) -> bytes:
        response = stripe_events.post(question)
        assert response.status_code == 200
        return bytes(response.content)

    def approves(self, answer: bytes) -> bool:
        return b'"approved": true' in answer

    def authorization_id(self, buy: Buy) -> str:
        return str(buy.asked["data"]["object"]["id"])

    def disputed(self, buy: Buy) -> str:
        return buy.captures[0]

    def reports(self, buy: Buy, status: str, total: int) -> Event:
        said = {"approved": "pending", "settled": "closed"}.get(status, status)
        return stripe_events.authorization_update(
            buy.asked, kind="updated", status=said, amount=total, request_history=buy.history
        )

    def stands_in(self, amount: int) -> tuple[Event, Event]:
        asked = self.question(amount, mcc="5812", follows=None)
        history = [{"approved": True, "reason": "network_fallback"}]
        return asked, stripe_events.authorization_update(asked, amount=amount, request_history=history)

    def reduces(self, buy: Buy, by: int, left: int) -> Event:
        return self.reports(buy, "approved", left)

    def moves(
        self, buy: Buy, kind: str, amount: int, *, dispute: str = "", abroad: Abroad | None = None, of: str = ""
    ) -> tuple[str, Event]:
        if dispute:
            return self._disputes(buy, kind, amount, dispute, (abroad.currency if abroad else self.currency).lower())
        return self._moves(kind, amount, of=of or self.authorization_id(buy), abroad=abroad)

    def forces(self, amount: int) -> tuple[Event, str, Event]:
        name, event = self._moves("capture", amount, of=None)
        return {"data": {"object": {"id": name}}}, name, event

    def names_nothing(self, amount: int) -> tuple[str, Event]:
        return self._moves("refund", amount, of=None)

    def deliver(self, event: Event) -> str:
        stripe_events.post(event)
        return dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)

    def _moves(self, kind: str, amount: int, *, of: str | None, abroad: Abroad | None = None) -> tuple[str, Event]:
        content = {
            "id": stripe_events.unique("ipi"),
            "type": kind,
            "amount": -amount if kind == "capture" else amount,
            "currency": (abroad.currency if abroad else self.currency).lower(),
            "card": self.card,
            "authorization": of,
            "created": 1_790_000_000,
            "merchant_data": {"category_code": "5812", "name": "Bistro"},
        }
        if abroad and abroad.converted_minor is not None:
            content |= {"merchant_amount": abroad.converted_minor, "merchant_currency": self.currency.lower()}
        return str(content["id"]), stripe_events.event("issuing_transaction.created", content)

    def _disputes(self, buy: Buy, kind: str, amount: int, dispute: str, currency: str) -> tuple[str, Event]:
        name, is_won = stripe_events.unique("txn"), kind == "chargeback"
        content = {
            "id": dispute,
            "object": "issuing.dispute",
            "amount": amount,
            "currency": currency,
            "status": "won" if is_won else "lost",
            "transaction": self.disputed(buy),
            "created": 1_790_000_000,
            "balance_transactions": [{"id": name, "amount": amount if is_won else -amount, "currency": currency}],
        }
        word = "funds_reinstated" if is_won else "funds_rescinded"
        return name, stripe_events.event(f"issuing_dispute.{word}", content)


KINDS = {
    "capture": "authorization.clearing",
    "refund": "refund",
    "chargeback": "authorization.clearing.chargeback",
    "chargeback_reversal": "authorization.clearing.chargeback.reversal",
}
STATES = {"reversed": "authorization.reversal", "expired": "authorization.reversal.issuerexpiration"}


@dataclass
class MarqetaWords:
    """Marqeta: the gateway asks, the webhook tells, each message a transaction of its own."""

    card: str
    currency: str
    provider: str = "marqeta"

    def question(self, amount: int, *, mcc: str, follows: Buy | None, card: str = "") -> Event:
        whole = Decimal(amount) / 100
        if follows is not None:
            more = {"card_token": card} if card else {}
            return marqeta_events.increment(follows.asked, amount=whole, currency=self.currency, **more)
        if not amount:
            method = "pgfs.authorization.account_verification"
            return marqeta_events.gateway_request(
                card=self.card, amount=whole, mcc=mcc, currency=self.currency, method=method
            )
        return marqeta_events.gateway_request(card=self.card, amount=whole, mcc=mcc, currency=self.currency)

    def asked_anew(self, question: Event) -> Event:
        return self._with_jit(question, token=marqeta_events.token())

    def on_card(self, event: Event, card: str) -> Event:
        return event | {"card_token": card}

    def told_anew(self, event: Event) -> Event:
        # The id is of the message's own token and state, so there is no other.
        return dict(event)

    def id_reused(self, question: Event, amount: int) -> Event:
        return self._with_jit(question, amount=Decimal(amount) / 100)

    def _with_jit(self, question: Event, **changes: Any) -> Event:
        order = question["gpa_order"]
        return question | {"gpa_order": order | {"jit_funding": order["jit_funding"] | changes}}

    def ask(self, question: Event) -> bytes:
        response = marqeta_events.ask(question)
        assert response.status_code in (200, 402)
        return bytes(response.content)

    def approves(self, answer: bytes) -> bool:
        return b"decline_reason" not in answer

    def authorization_id(self, buy: Buy) -> str:
        return str(buy.asked["token"])

    def disputed(self, buy: Buy) -> str:
        return self.authorization_id(buy)

    def stands_in(self, amount: int) -> tuple[Event, Event]:
        event = marqeta_events.standin(card=self.card, amount=Decimal(amount) / 100, currency=self.currency)
        return event, event

    def reports(self, buy: Buy, status: str, total: int) -> Event:
        if status == "approved":
            return marqeta_events.outcome(buy.asked)
        if status == "settled":
            # There is no word for it but a last clearing, here of nothing.
            return marqeta_events.later(buy.asked, KINDS["capture"], amount=Decimal(0), is_final_clearing=True)
        return marqeta_events.later(
            buy.asked, STATES[status], amount=buy.asked["amount"], state="CLEARED", method="pgfs.authorization.reversal"
        )

    def reduces(self, buy: Buy, by: int, left: int) -> Event:
        part = Decimal(by) / 100
        return marqeta_events.later(
            buy.asked, STATES["reversed"], amount=part, state="PENDING", method="pgfs.authorization.reversal"
        )

    def moves(
        self, buy: Buy, kind: str, amount: int, *, dispute: str = "", abroad: Abroad | None = None, of: str = ""
    ) -> tuple[str, Event]:
        more: dict[str, Any] = {"is_final_clearing": False} if kind == "capture" else {}
        if abroad:
            more["currency_code"] = abroad.currency
        if abroad and abroad.converted_minor is not None:
            original = {
                "original_amount": Decimal(abroad.converted_minor) / 100,
                "original_currency_code": self.currency,
            }
            more["currency_conversion"] = {"network": original}
        if dispute:
            more["chargeback"] = {"token": dispute, "transaction_token": self.disputed(buy)}
        if of:
            more["preceding_related_transaction_token"] = of
        event = marqeta_events.later(buy.asked, KINDS[kind], amount=Decimal(amount) / 100, **more)
        return str(event["token"]), event

    def forces(self, amount: int) -> tuple[Event, str, Event]:
        event = self._alone(KINDS["capture"], amount)
        return event, str(event["token"]), event

    def names_nothing(self, amount: int) -> tuple[str, Event]:
        event = self._alone(KINDS["refund"], amount)
        return str(event["token"]), event

    def _alone(self, kind: str, amount: int) -> Event:
        asked = self.question(amount, mcc="5812", follows=None)
        event = marqeta_events.later(asked, kind, amount=Decimal(amount) / 100)
        del event["preceding_related_transaction_token"]
        return event

    def deliver(self, event: Event) -> str:
        assert marqeta_events.report({"transactions": [event]}).status_code == 200
        name = f"transaction:{event['token']}:{event['state']}"
        return dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=name).pk)
