"""The card networks, played over the sandbox's test helpers and simulations: one life of a purchase, step by step."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from tests.proofs.purchases.http import Json, SandboxHttp
from tests.proofs.purchases.lives import Life, Step
from tests.proofs.purchases.people import CATEGORY, MCC, Shopper

# How the two name what follows a purchase, and what comes without one.
STRIPE_WORDS = {"more": "increment", "reverse": "reverse", "expire": "expire"}
STRIPE_AMOUNTS = {"more": "increment_amount", "reverse": "reverse_amount"}
STRIPE_ALONE = {"refund_unlinked": "create_unlinked_refund", "force_post": "create_force_capture"}
MARQETA_WORDS = {
    "more": "authorization.incremental",
    "reverse": "authorization.reversal",
    "expire": "authorization.reversal.issuerexpiration",
    "refund": "refund",
}
MARQETA_ALONE = {"refund_unlinked": "refund", "force_post": "authorization.clearing"}


class Side(Protocol):
    """One purchase at one issuer."""

    approved: bool

    def take(self, step: Step) -> None: ...


@dataclass(slots=True)
class Purchase:
    """A life that is being lived; it ends early when the card was declined."""

    side: Side
    life: Life
    taken: int = 0

    @property
    def is_over(self) -> bool:
        return self.taken == len(self.life.steps) or (self.taken > 0 and not self.side.approved)

    def go_on(self) -> None:
        """Takes the next step."""
        self.side.take(self.life.steps[self.taken])
        self.taken += 1


def begin(http: SandboxHttp, shopper: Shopper, life: Life, number: int) -> Purchase:
    """A purchase of which nothing has happened yet."""
    side: Side = AtStripe(http, shopper, number) if shopper.provider == "stripe" else AtMarqeta(http, shopper, number)
    return Purchase(side, life)


@dataclass(slots=True)
class AtStripe:
    """Stripe's test helpers."""

    http: SandboxHttp
    shopper: Shopper
    number: int
    approved: bool = True
    authorization: str = ""
    posted: list[str] = field(default_factory=list)

    def take(self, step: Step) -> None:
        place = f"issuing/authorizations/{self.authorization}"
        if step.deed == "buy":
            made = self._help("issuing/authorizations", {**self._card(), "amount": step.minor})
            self.authorization, self.approved = made["id"], made["approved"]
        elif step.deed == "capture":
            params = {"capture_amount": step.minor, "close_authorization": step.final}
            self.posted = [row["id"] for row in self._help(f"{place}/capture", params)["transactions"]]
        elif step.deed == "refund":
            self._help(f"issuing/transactions/{self.posted[-1]}/refund", {"refund_amount": step.minor})
        elif step.deed in STRIPE_ALONE:
            path = f"issuing/transactions/{STRIPE_ALONE[step.deed]}"
            self._help(path, {**self._card(), "amount": step.minor})
        else:
            amount = {STRIPE_AMOUNTS[step.deed]: step.minor} if step.minor else {}
            self._help(f"{place}/{STRIPE_WORDS[step.deed]}", amount)

    def _help(self, path: str, params: Json) -> Json:
        return self.http.stripe("POST", f"test_helpers/{path}", params)

    def _card(self) -> Json:
        merchant = {"name": _name(self.number), "category": CATEGORY, "country": "US", "network_id": "123456789"}
        return {"card": self.shopper.card_id, "merchant_data": merchant}


@dataclass(slots=True)
class AtMarqeta:
    """Marqeta's simulations; its refunds never say of what."""

    http: SandboxHttp
    shopper: Shopper
    number: int
    approved: bool = True
    first: str = ""

    def take(self, step: Step) -> None:
        if step.deed == "buy":
            made = self._simulate("authorization", step, **self._card())
            self.first, self.approved = made["token"], made["state"] != "DECLINED"
        elif step.deed == "capture":
            self._follow("authorization.clearing", step, is_final_clearing=step.final)
        elif step.deed in MARQETA_ALONE:
            self._simulate(MARQETA_ALONE[step.deed], step, **self._card())
        else:
            self._follow(MARQETA_WORDS[step.deed], step)

    def _follow(self, kind: str, step: Step, **more: Any) -> None:
        self._simulate(kind, step, preceding_related_transaction_token=self.first, **more)

    def _simulate(self, kind: str, step: Step, **body: Any) -> Json:
        # Whole units with two decimals; a float of so few digits is written as the decimal that it came from.
        amount = {"amount": float(Decimal(step.minor) / 100)} if step.minor else {}
        made: Json = self.http.marqeta("POST", f"simulations/cardtransactions/{kind}", {**body, **amount})
        transaction: Json = made["transaction"]
        return transaction

    def _card(self) -> Json:
        merchant = {"name": _name(self.number), "city": "Seattle", "state": "WA", "country_code": "USA"}
        acceptor = {**merchant, "mcc": MCC, "mid": "123456789"}
        return {"card_token": self.shopper.card_id, "network": "VISA", "card_acceptor": acceptor}


def _name(number: int) -> str:
    return f"Bistro {number % 97}"
