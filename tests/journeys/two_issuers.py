"""The same deeds of a merchant at either issuer, over its own API, and what our side made of them, in one shape."""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

import requests
from django.db.models import Model, Q, QuerySet

from issuing.handlers import dispatch
from issuing.models import (
    Authorization,
    CardTransaction,
    Decision,
    Dispute,
    Hold,
    IssuerEvent,
    SpendWindow,
    VirtualCard,
)
from onecard.kit import clock, exact_json
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund, Posting
from wallet.processors.stripe.client import stripe_client

MERCHANT = {"name": "Starbucks Coffee", "city": "Seattle", "state": "WA"}
UNDER_WAY = ("intended", "sending", "processing", "unknown")
Row = dict[str, Any]


class Side(Protocol):
    """One issuer's network: amounts in cents; every deed is about the purchase that `buy` began."""

    card: VirtualCard

    def buy(self, cents: int) -> None: ...
    def ask_for_more(self, cents: int) -> None: ...
    def reverse(self, cents: int) -> None: ...
    def expire(self) -> None: ...
    def capture(self, cents: int, *, final: bool) -> None: ...
    def refund(self, cents: int) -> None: ...
    def force_post(self, cents: int) -> None: ...
    def dispute(self, cents: int) -> None: ...
    def win(self, cents: int) -> None: ...
    def lose(self, cents: int) -> None: ...


@dataclass
class AtStripe:
    """Stripe's test helpers."""

    card: VirtualCard
    authorization: str = ""

    def buy(self, cents: int) -> None:
        made = self._authorizations.create({"card": self.card.issuer_card_id, **self._place(cents)})
        self.authorization = made.id

    def ask_for_more(self, cents: int) -> None:
        self._authorizations.increment(self.authorization, {"increment_amount": cents})

    def reverse(self, cents: int) -> None:
        self._authorizations.reverse(self.authorization, {"reverse_amount": cents})

    def expire(self) -> None:
        self._authorizations.expire(self.authorization)

    def capture(self, cents: int, *, final: bool) -> None:
        self._authorizations.capture(self.authorization, {"capture_amount": cents, "close_authorization": final})

    def refund(self, cents: int) -> None:
        posted = stripe_client().v1.issuing.transactions.list({"card": self.card.issuer_card_id, "type": "capture"})
        self._transactions.refund(posted.data[0].id, {"refund_amount": cents})

    def force_post(self, cents: int) -> None:
        self._transactions.create_force_capture({"card": self.card.issuer_card_id, **self._place(cents)})

    def dispute(self, cents: int) -> None:
        captured = stripe_client().v1.issuing.transactions.list({"card": self.card.issuer_card_id, "type": "capture"})
        made = self._disputes.create(
            {"transaction": captured.data[0].id, "amount": cents, "evidence": {"reason": "not_received"}}
        )
        self._disputes.submit(made.id)

    def win(self, cents: int) -> None:
        self._decide("win")

    def lose(self, cents: int) -> None:
        self._decide("lose")

    def _decide(self, deed: str) -> None:
        found = self._disputes.list().data[0].id
        stripe_client().raw_request("post", f"/v1/test_helpers/issuing/disputes/{found}/{deed}")

    @property
    def _disputes(self) -> Any:
        return stripe_client().v1.issuing.disputes

    @property
    def _authorizations(self) -> Any:
        return stripe_client().v1.test_helpers.issuing.authorizations

    @property
    def _transactions(self) -> Any:
        return stripe_client().v1.test_helpers.issuing.transactions

    def _place(self, cents: int) -> Row:
        merchant = {**MERCHANT, "country": "US", "category": "eating_places_restaurants", "network_id": "123456789"}
        return {"amount": cents, "currency": "usd", "merchant_data": merchant}


@dataclass
class AtMarqeta:
    """Marqeta's simulations."""

    card: VirtualCard
    sandbox: RunningSandbox
    tokens: list[str] = field(default_factory=list)

    def buy(self, cents: int) -> None:
        self._simulate("authorization", cents, **self._place())

    def ask_for_more(self, cents: int) -> None:
        self._follow("authorization.incremental", cents)

    def reverse(self, cents: int) -> None:
        self._follow("authorization.reversal", cents)

    def expire(self) -> None:
        self._follow("authorization.reversal.issuerexpiration", 0)

    def capture(self, cents: int, *, final: bool) -> None:
        self._follow("authorization.clearing", cents, is_final_clearing=final)

    def refund(self, cents: int) -> None:
        self._follow("refund", cents)

    def force_post(self, cents: int) -> None:
        self._simulate("authorization.clearing", cents, **self._place())

    def dispute(self, cents: int) -> None:
        self._about_the_clearing("authorization.clearing.chargeback", cents)

    def win(self, cents: int) -> None:
        self._about_the_clearing("authorization.clearing.chargeback.completed", cents)

    def lose(self, cents: int) -> None:
        self._about_the_clearing("authorization.clearing.chargeback.reversal", cents)

    def _about_the_clearing(self, kind: str, cents: int) -> None:
        self._simulate(kind, cents, preceding_related_transaction_token=self.tokens[1])

    def _follow(self, kind: str, cents: int, **more: Any) -> None:
        self._simulate(kind, cents, preceding_related_transaction_token=self.tokens[0], **more)

    def _place(self) -> Row:
        merchant = {**MERCHANT, "country_code": "USA", "mcc": "5812", "mid": "123456789"}
        return {"card_token": self.card.issuer_card_id, "network": "VISA", "card_acceptor": merchant}

    def _simulate(self, kind: str, cents: int, **body: Any) -> None:
        program = self.sandbox.marqeta.settings
        amount = {"amount": Decimal(cents) / 100} if cents else {}
        answer = requests.post(
            f"{self.sandbox.url}/v3/simulations/cardtransactions/{kind}",
            data=exact_json.dumps({**body, **amount}),
            headers={"Content-Type": "application/json"},
            auth=(program.application_token, program.admin_access_token),
            timeout=10,
        )
        assert answer.status_code == 201, answer.text
        self.tokens.append(answer.json()["transaction"]["token"])


def settle(sandbox: RunningSandbox, *, ahead: dt.timedelta = dt.timedelta(seconds=30)) -> None:
    """Until every event that was sent has been taken and handled, and every charge has an outcome.

    What waits for something else waits as if so much time had passed.
    """
    until = time.monotonic() + 20
    while waiting := _waiting(sandbox):
        assert time.monotonic() < until, waiting
        dispatch.sweep(now=clock.now() + ahead)
        time.sleep(0.02)


def _waiting(sandbox: RunningSandbox) -> str:
    """What is still under way, or ""; in the order in which one leads to the next."""
    with sandbox.sandbox.outgoing.events() as events:
        sent = {*events, *sandbox.marqeta.outgoing.sent_tokens()}
    taken = {delivery.event_id for delivery in sandbox.deliveries.find() if delivery.accepted}
    stages: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("events are on their way", lambda: bool(sent - taken)),
        ("messages are in the outbox", Message.objects.filter(published_at=None).exists),
        ("events wait in the inbox", IssuerEvent.objects.filter(status="received").exists),
        ("charges are under way", FundingCharge.objects.filter(status__in=UNDER_WAY).exists),
        ("refunds are under way", FundingRefund.objects.filter(status__in=UNDER_WAY).exists),
    )
    return next((what for what, holds in stages if holds()), "")


def snapshot(card: VirtualCard) -> dict[str, list[Row]]:
    """Everything that our side holds about a card's purchases, without ids, times and the issuer's name."""
    purchases = Authorization.objects.filter(card=card).order_by("pk")
    names = [f"authorization:{row.pk}" for row in purchases]
    owed = FundingObligation.objects.filter(purchase__in=names).order_by("pk")
    refunds = FundingRefund.objects.filter(obligation__in=owed).order_by("pk")
    postings = Posting.objects.filter(reference__in=names).order_by("kind", "amount_minor", "debit", "currency")
    posted = CardTransaction.objects.filter(card=card).order_by("pk")
    disputed = Dispute.objects.filter(authorization__in=purchases).order_by("pk")
    about = [
        *names,
        *(f"card_transaction:{row.pk}" for row in posted),
        *(f"dispute:{row.pk}" for row in disputed),
    ]
    cases = Case.objects.filter(reference__in=about) | Case.objects.filter(obligation__in=owed)
    # What counted for a while before its approval was reported is told in another order by each issuer.
    of_a_while = Q(decision=None, status="released")
    holds = Hold.objects.filter(authorization__in=purchases).exclude(of_a_while).order_by("pk")
    charges = FundingCharge.objects.filter(obligation__in=owed).order_by("pk")
    return {
        "cards": _rows(VirtualCard.objects.filter(pk=card.pk), leave=("cardholder", "last_four", "version")),
        "purchases": _rows(purchases, leave=("card",), said=("authorization_code",)),
        "decisions": _rows(
            Decision.objects.filter(authorization__in=purchases).order_by("pk"),
            leave=("event", "round_key", "trace", "timings_ms", "response"),
            linked=("authorization", "obligation", "corrects"),
        ),
        "holds": _rows(holds, leave=("decision", "day", "month"), linked=("authorization", "counter_ids")),
        "windows": _rows(SpendWindow.objects.filter(card=card).order_by("kind"), leave=("card",)),
        "owed": _rows(owed, leave=("cardholder", "reference", "purchase")),
        "charges": _rows(
            charges,
            leave=("idempotency_key", "processor_charge_id", "attempts"),
            linked=("obligation",),
            keep=("method",),
        ),
        "refunds": _rows(
            refunds,
            leave=("idempotency_key", "processor_refund_id", "attempts"),
            linked=("obligation", "charge"),
        ),
        "postings": _rows(postings, leave=("key", "reference")),
        "transactions": _rows(
            posted,
            leave=("card", "issuer_event_type"),
            linked=("authorization",),
            said=("authorization_code",),
        ),
        "disputes": _rows(disputed, leave=(), linked=("transaction", "authorization")),
        "cases": _rows(cases.order_by("pk"), leave=("reference", "summary"), linked=("obligation",)),
        "kept events": [{"unfinished": IssuerEvent.objects.filter(status__in=("received", "rejected")).count()}],
    }


def _rows(
    rows: QuerySet[Any],
    *,
    leave: tuple[str, ...],
    linked: tuple[str, ...] = (),
    said: tuple[str, ...] = (),
    keep: tuple[str, ...] = (),
) -> list[Row]:
    """Each row's columns: of those `linked` or `said` only whether there is anything; times and ids are left out."""
    return [_facts(row, leave, (*linked, *said), keep) for row in rows]


def _facts(row: Model, leave: tuple[str, ...], presence: tuple[str, ...], keep: tuple[str, ...]) -> Row:
    facts: Row = {}
    for column in row._meta.concrete_fields:
        name, value = column.name, getattr(row, column.attname)
        if name in presence:
            facts[name] = bool(value)
        elif name in keep:
            facts[name] = str(getattr(row, name))
        elif name not in leave and not _is_id_or_time(name):
            facts[name] = value
    return facts


def _is_id_or_time(name: str) -> bool:
    is_id = name in ("id", "public_id", "provider") or name.startswith("issuer_")
    return is_id or name.endswith(("_at", "_until"))
