"""Our bank, played: top-ups and payouts at the sandbox, and what the books say of them."""

from typing import Any

from tests.sandbox.running import RunningSandbox
from tests.wallet.processors.balance_lists import in_books
from wallet.accounts import Account
from wallet.models import OwnTransfer, Posting
from wallet.own_money import booking, reading
from wallet.processors.stripe.client import stripe_client

# The order of the books of this file: processor, issuer, bank, in transit.
ACCOUNTS = (Account.PROCESSOR, Account.ISSUER, Account.BANK, Account.IN_TRANSIT)


def top_up(amount: int = 70_000, **more: Any) -> str:
    wanted: Any = {"amount": amount, "currency": "usd", "destination_balance": "issuing", **more}
    return str(stripe_client().v1.topups.create(wanted).id)


def pay_out(sandbox: RunningSandbox, amount: int = 1000) -> str:
    """What was charged is available at once, as if days had passed."""
    for row in sandbox.state.objects["balance_transaction"].values():
        if row["type"] == "charge":
            row["created"] -= 3 * 86_400
    return str(stripe_client().v1.payouts.create({"amount": amount, "currency": "usd"}).id)


def played(path: str) -> None:
    stripe_client().raw_request("post", f"/v1/test_helpers/{path}")


def follow() -> None:
    """As the clock does."""
    reading.read()
    booking.sweep()


def stand() -> dict[str, int]:
    """What our accounts hold in US dollars, without those at zero."""
    return {str(account): minor for account in ACCOUNTS if (minor := in_books(account).get("USD", 0))}


def state_of(name: str) -> tuple[str, bool]:
    row = OwnTransfer.objects.get(processor_transfer_id=name)
    return row.status, row.is_booked


def posted(name: str) -> list[tuple[str, int]]:
    rows = Posting.objects.filter(reference=f"own_transfer:{name}").order_by("pk")
    return [(each.kind, each.amount_minor) for each in rows]
