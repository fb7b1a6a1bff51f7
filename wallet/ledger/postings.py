"""The only module that writes money: each posting once, in the transaction of what it records (money-safety I1).

wallet/accounts.py says what each account means. Balances are not stored: they are sums of postings.
"""

import datetime as dt

from django.db.models import Case, F, Q, Sum, Value, When

from onecard.kit import clock
from onecard.kit.insert_once import insert_once
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction
from wallet.accounts import Account
from wallet.models import FundingCharge, FundingRefund, Posting

Kind = Posting.Kind
# The accounts of each kind, as (debit, credit).
MOVES: dict[str, tuple[str, str]] = {
    Kind.CHARGE: (Account.PROCESSOR, Account.PURCHASES),
    Kind.CHARGE_REFUND: (Account.PURCHASES, Account.PROCESSOR),
    Kind.CAPTURE: (Account.PURCHASES, Account.ISSUER),
    Kind.MERCHANT_REFUND: (Account.ISSUER, Account.PURCHASES),
    Kind.CHARGEBACK: (Account.ISSUER, Account.PURCHASES),
    Kind.TOP_UP: (Account.PROCESSOR, Account.CARD_BALANCES),
    Kind.BALANCE_SPENT: (Account.CARD_BALANCES, Account.PURCHASES),
    Kind.WRITE_OFF: (Account.WRITE_OFFS, Account.PURCHASES),
    Kind.GOODWILL: (Account.GOODWILL, Account.PURCHASES),
    Kind.OUTSIDE: (Account.OUTSIDE, Account.PURCHASES),
    Kind.PROVISIONAL_CREDIT: (Account.ISSUER, Account.DISPUTES),
    Kind.CARRIED: (Account.CARRIED, Account.PURCHASES),
    Kind.CARRIED_PAID: (Account.PROCESSOR, Account.CARRIED),
    Kind.CARRIED_WRITTEN_OFF: (Account.WRITE_OFFS, Account.CARRIED),
    Kind.CHARGE_DISPUTED: (Account.FUNDING_DISPUTES, Account.PROCESSOR),
    Kind.CHARGE_LOST: (Account.PURCHASES, Account.FUNDING_DISPUTES),
    Kind.FEE: (Account.FEES, Account.PROCESSOR),
    # The two postings of an exchange: what was given in one currency, and in reverse what was received in the other.
    Kind.PAYOUT_EXCHANGE: (Account.EXCHANGE, Account.PROCESSOR),
    Kind.ISSUER_FUNDED: (Account.ISSUER, Account.BANK),
    Kind.PROCESSOR_FUNDED: (Account.PROCESSOR, Account.BANK),
    # In reverse: a payout that came back, or the side of a transfer between two balances that receives.
    Kind.PAYOUT: (Account.IN_TRANSIT, Account.PROCESSOR),
    Kind.ISSUER_PAYOUT: (Account.IN_TRANSIT, Account.ISSUER),
    Kind.PAYOUT_ARRIVED: (Account.BANK, Account.IN_TRANSIT),
    Kind.ISSUER_FEE: (Account.FEES, Account.ISSUER),
    Kind.CARD_EXCHANGE: (Account.EXCHANGE, Account.PURCHASES),
}


def post(
    *, kind: str, key: str, money: Money, reference: str, occurred_at: dt.datetime | None = None, back: bool = False
) -> bool:
    """Writes a posting once, whoever writes it and how often; returns False when it exists. `back` reverses it.

    Raises TransactionError outside a transaction, and ValueError for an amount that is not positive.
    """
    require_transaction(f"The posting {key}")
    if money.minor <= 0:
        raise ValueError(f"A posting moves more than nothing, and {key} would move {money}.")
    debit, credit = MOVES[kind][::-1] if back else MOVES[kind]
    now = clock.now()
    posting = Posting(
        key=key,
        kind=kind,
        debit=debit,
        credit=credit,
        amount_minor=money.minor,
        currency=money.currency,
        reference=reference,
        occurred_at=occurred_at or now,
        recorded_at=now,
    )
    return insert_once(posting, unique=("key",))


def post_charge(charge: FundingCharge) -> bool:
    """Posts a successful charge: for a purchase, or onto a card."""
    obligation = charge.obligation
    kind = Kind.TOP_UP if obligation.is_top_up else Kind.CHARGE
    return post(kind=kind, key=f"charge:{charge.public_id}", money=obligation.payable, reference=reference_of(charge))


def post_refund(refund: FundingRefund, charge: FundingCharge) -> bool:
    """Posts money that went back to a funding card."""
    top_up = charge.obligation.is_top_up
    return post(
        kind=Kind.TOP_UP if top_up else Kind.CHARGE_REFUND,
        key=f"refund:{refund.public_id}",
        money=refund.money,
        reference=reference_of(charge),
        back=top_up,
    )


def post_refund_failure(refund: FundingRefund, charge: FundingCharge) -> bool:
    """Posts the reverse of a refund that was returned."""
    top_up = charge.obligation.is_top_up
    return post(
        kind=Kind.TOP_UP if top_up else Kind.CHARGE_REFUND,
        key=f"refund_failed:{refund.public_id}",
        money=refund.money,
        reference=reference_of(charge),
        back=not top_up,
    )


def balance(account: str, *, currency: str, reference: str | None = None) -> int:
    """Returns an account's debits less credits in minor units: of all postings, or of one reference."""
    rows = Posting.objects.filter(currency=currency).filter(Q(debit=account) | Q(credit=account))
    if reference is not None:
        rows = rows.filter(reference=reference)
    signed = Case(When(debit=account, then=F("amount_minor")), default=-F("amount_minor"))
    total: int = rows.aggregate(total=Sum(signed, default=Value(0)))["total"]
    return total


def reference_of(charge: FundingCharge) -> str:
    """Returns the reference of a charge's money: its purchase or card, otherwise its obligation."""
    return charge.obligation.purchase or charge.obligation.reference
