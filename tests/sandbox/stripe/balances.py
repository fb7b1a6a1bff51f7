"""The account's two balances: payments, which charges fill and payouts empty, and Issuing, which purchases empty.

The Issuing balance has one currency, the world's. What is left of it after holds is what it tells.
"""

from collections import defaultdict

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State
from tests.sandbox.stripe import shapes_funding
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.specs import Spec
from tests.sandbox.wire import Json, unix_now

ISSUING_CURRENCY = "usd"
RETRIEVE: Spec = {}


def retrieve(sandbox: Sandbox, _command: Command) -> Json:
    """Show both balances."""
    with sandbox.state.lock:
        available, pending = _payments(sandbox.state)
        issuing = {"amount": sandbox.state.available_balance, "currency": ISSUING_CURRENCY, "source_types": {}}
        return {
            "object": "balance",
            "available": [_amount(currency, minor) for currency, minor in sorted(available.items())],
            "pending": [_amount(currency, pending[currency]) for currency in sorted(available)],
            "issuing": {"available": [issuing]},
            "livemode": False,
        }


def available_for_payout(state: State, currency: str) -> int:
    """What can be paid out now, in the currency's smallest unit."""
    return _payments(state)[0][currency]


def check_issuing_currency(currency: str) -> None:
    """Raise ApiError for a currency that the account's Issuing balance does not have."""
    if currency != ISSUING_CURRENCY:
        raise ApiError(f"Your Issuing balance does not have the currency {currency}.", param="currency")


def _payments(state: State) -> tuple[defaultdict[str, int], defaultdict[str, int]]:
    available: defaultdict[str, int] = defaultdict(int)
    pending: defaultdict[str, int] = defaultdict(int)
    now = unix_now()
    for entered in map(shapes_funding.shown_balance_transaction, state.objects["balance_transaction"].values()):
        if entered["balance_type"] == "payments":
            available[entered["currency"]] += entered["net"] * (entered["available_on"] <= now)
            pending[entered["currency"]] += entered["net"] * (entered["available_on"] > now)
    return available, pending


def _amount(currency: str, minor: int) -> Json:
    return {"amount": minor, "currency": currency, "source_types": {"card": minor}}
