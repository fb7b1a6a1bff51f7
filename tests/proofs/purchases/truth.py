"""What the other sides hold, read from the sandbox's own lists: what merchants took, and what funding cards paid.

None of our rows and none of the product's readers is used here, so that an error in them cannot hide itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tests.proofs.purchases.http import Json, SandboxHttp

# The words of Marqeta's network for what moves money.
CLEARING, REFUND = "authorization.clearing", "refund"
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Movement:
    """What a merchant took, or gave back when it is negative; without a purchase it names none."""

    name: Name
    purchase: Name | None
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment intent that took money, or a refund that gave some back, with the id that we had put on it."""

    id: str
    ours: str
    intent: str
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that the issuers approved and moved, and everything that the processor took and gave back."""

    approved: set[Name]
    movements: list[Movement]
    charges: list[Paid]
    refunds: list[Paid]


def read_truth(http: SandboxHttp) -> Truth:
    """Reads all lists to their ends."""
    approved, movements = _stripe(http)
    more_approved, more_movements = _marqeta(http)
    charges = [_charge(intent) for intent in http.all_of_stripe("payment_intents") if intent["amount_received"]]
    refunds = [_refund(refund) for refund in http.all_of_stripe("refunds") if refund["status"] == "succeeded"]
    return Truth(approved | more_approved, movements + more_movements, charges, refunds)


def _stripe(http: SandboxHttp) -> tuple[set[Name], list[Movement]]:
    approved: set[Name] = {
        ("stripe", row["id"]) for row in http.all_of_stripe("issuing/authorizations") if row["approved"]
    }
    return approved, [_posted(row) for row in http.all_of_stripe("issuing/transactions")]


def _posted(row: Json) -> Movement:
    # The sign is the balance's: a capture takes from it. A force capture is a purchase by itself.
    purchase = row["authorization"] or (row["id"] if row["type"] == "capture" else None)
    named = ("stripe", purchase) if purchase else None
    return Movement(("stripe", row["id"]), named, -row["amount"], row["currency"].upper())


def _marqeta(http: SandboxHttp) -> tuple[set[Name], list[Movement]]:
    approved: set[Name] = set()
    movements: list[Movement] = []
    for row in http.all_transactions_of_marqeta():
        if row["type"] == "authorization" and row["state"] != "DECLINED":
            approved.add(("marqeta", row["token"]))
        elif row["type"] in (CLEARING, REFUND):
            movements.extend(_cleared(row))
    return approved, movements


def _cleared(row: Json) -> Iterator[Movement]:
    minor = int(Decimal(str(row["amount"])) * 100)
    if row["type"] == REFUND:
        yield Movement(("marqeta", row["token"]), None, -minor, row["currency_code"])
    else:
        purchase = row.get("preceding_related_transaction_token") or row["token"]
        yield Movement(("marqeta", row["token"]), ("marqeta", purchase), minor, row["currency_code"])


def _charge(intent: Json) -> Paid:
    ours = intent["metadata"].get("funding_charge", "")
    return Paid(intent["id"], ours, intent["id"], intent["amount_received"], intent["currency"].upper())


def _refund(refund: Json) -> Paid:
    ours = refund["metadata"].get("funding_refund", "")
    return Paid(refund["id"], ours, refund["payment_intent"], refund["amount"], refund["currency"].upper())
