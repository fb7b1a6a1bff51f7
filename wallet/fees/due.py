"""What each movement of the processor's list asks the ledger to have: fees, exchanges, and our own money."""

from dataclasses import dataclass

from onecard.kit.money import Money
from wallet.ledger import postings as ledger
from wallet.processors.stripe.balance import OWN_MONEY, Balance, BalanceMovement, Kind
from wallet.references import Subject

# The reference of what belongs to no charge.
NOBODYS = "processor:stripe"


@dataclass(frozen=True, slots=True)
class Due:
    """A posting that a movement requires."""

    kind: str
    key: str
    money: Money
    back: bool = False


def postings_of(movement: BalanceMovement) -> list[Due]:
    """Returns what a movement requires: its fee, both sides of an exchange, and what moved of our own money.

    After them, the processor's account in each currency equals what the processor holds, and the issuer's account what
    it holds apart from purchases, which are posted when the issuer reports them.
    """
    return [*_fee(movement), *_exchange(movement), *_own_money(movement)]


def reference_of(movement: BalanceMovement) -> str:
    """Returns the reference of a movement that is about no charge of ours."""
    if movement.kind in OWN_MONEY:
        return Subject.OWN_TRANSFER.reference(movement.source_id or movement.id)
    return NOBODYS


def _fee(movement: BalanceMovement) -> list[Due]:
    if not movement.fee_minor:
        return []
    kind = ledger.Kind.ISSUER_FEE if movement.balance == Balance.ISSUING else ledger.Kind.FEE
    fee = Money(abs(movement.fee_minor), movement.currency)
    return [Due(kind, f"fee:{movement.id}", fee, back=movement.fee_minor < 0)]


def _exchange(movement: BalanceMovement) -> list[Due]:
    if not (movement.is_exchanged and movement.amount_minor and movement.source_minor):
        return []
    theirs = Money(movement.source_minor, movement.source_currency)
    ours = Money(abs(movement.amount_minor), movement.currency)
    # Money in: given in the cardholder's currency and received in ours. Money out: the other way round.
    given, got = (theirs, ours) if movement.amount_minor > 0 else (ours, theirs)
    return [
        Due(ledger.Kind.PAYOUT_EXCHANGE, f"exchange:{movement.id}:out", given),
        Due(ledger.Kind.PAYOUT_EXCHANGE, f"exchange:{movement.id}:in", got, back=True),
    ]


def _own_money(movement: BalanceMovement) -> list[Due]:
    """A transfer between two balances goes by way of In transit, since each side is a movement of its own."""
    if movement.kind not in OWN_MONEY or not movement.amount_minor:
        return []
    money, comes_in = Money(abs(movement.amount_minor), movement.currency), movement.amount_minor > 0
    at_issuer, key = movement.balance == Balance.ISSUING, f"own_money:{movement.id}"
    if movement.kind == Kind.TOP_UP:
        kind = ledger.Kind.ISSUER_FUNDED if at_issuer else ledger.Kind.PROCESSOR_FUNDED
        return [Due(kind, key, money, back=not comes_in)]
    return [Due(ledger.Kind.ISSUER_PAYOUT if at_issuer else ledger.Kind.PAYOUT, key, money, back=comes_in)]
