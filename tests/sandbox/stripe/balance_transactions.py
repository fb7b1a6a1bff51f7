"""Balance transactions: what each charge and refund brought to the account, less the fee, in the account's currency.

The fees are the sandbox's own word (see its settings), and so is that a refund costs nothing.
"""

from decimal import ROUND_HALF_UP, Decimal

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.settings import Settings
from tests.sandbox.stripe import exchange, shapes_funding
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.lookup import PAGING, addressed, page
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, text
from tests.sandbox.wire import Json

LIST: Spec = {**PAGING, "currency": text(), "source": text(), "type": text()}
RETRIEVE: Spec = {}


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a balance transaction."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, "balance_transaction", command.id), expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show balance transactions, newest first."""
    with sandbox.state.lock:
        return page(
            sandbox.state,
            command,
            "balance_transaction",
            url="/v1/balance_transactions",
            equal=("currency", "source", "type"),
        )


def enter_charge(sandbox: Sandbox, charge: Json) -> None:
    """Enter what a charge has taken, once it is captured; call it under the state's lock.

    A part that was captured is entered as Stripe does: the whole of what was held, and beside it what was let go
    (docs/issuers/stripe.md, Reporting categories). That the latter is of the charge, and gives its share of the fee
    back, is a guess.
    """
    whole, taken = charge["amount"], charge["amount_captured"]
    fee = _fee(sandbox.settings, _settled(sandbox.settings, charge["currency"], whole)[0])
    entered = _enter(sandbox, charge, amount=whole, fee=fee, kind="charge", category="charge")
    charge["balance_transaction"] = entered["id"]
    if taken < whole:
        back = _fee(sandbox.settings, _settled(sandbox.settings, charge["currency"], taken)[0]) - fee
        _enter(sandbox, charge, amount=taken - whole, fee=back, kind="refund", category="partial_capture_reversal")


def enter_refund(sandbox: Sandbox, refund: Json) -> None:
    """Enter what a refund gives back; call it under the state's lock."""
    entered = _enter(sandbox, refund, amount=-refund["amount"], fee=0, kind="refund", category="refund")
    refund["balance_transaction"] = entered["id"]


def enter_dispute(sandbox: Sandbox, dispute: Json, *, amount: int, fee: int, category: str) -> Json:
    """Enter what a dispute takes, with its fee, or gives back; call it under the state's lock."""
    return _enter(sandbox, dispute, amount=amount, fee=fee, kind="adjustment", category=category)


def _enter(sandbox: Sandbox, source: Json, *, amount: int, fee: int, kind: str, category: str) -> Json:
    settled, currency, rate = _settled(sandbox.settings, source["currency"], amount)
    return sandbox.state.add(
        shapes_funding.balance_transaction(
            amount=settled,
            currency=currency,
            fee=fee,
            kind=kind,
            category=category,
            source=source["id"],
            exchange_rate=rate,
        )
    )


def _settled(settings: Settings, currency: str, amount: int) -> tuple[int, str, Decimal | None]:
    """What an amount is in the account's currency; without a rate for it the account holds it as it is."""
    account = settings.settlement_currency or currency
    rate = exchange.rate(source=currency, target=account) if account != currency else None
    return (amount, currency, None) if rate is None else (_rounded(amount * rate), account, rate)


def _fee(settings: Settings, amount: int) -> int:
    return _rounded(amount * settings.charge_fee_share) + settings.charge_fee_minor


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
