"""The program's reserve: empty, as it usually is where a gateway funds each purchase."""

from decimal import Decimal

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.program import Program
from tests.sandbox.wire import Json

_CURRENCY = "USD"


def retrieve(_program: Program, _command: Command) -> Json:
    """Show the reserve, as a whole and by currency."""
    nothing = Decimal("0.00")
    amounts = {"available_balance": nothing, "ledger_balance": nothing, "pending_credits": nothing}
    shown: Json = {"currency_code": _CURRENCY, **amounts}
    return {**shown, "balances": {_CURRENCY: dict(shown)}}
