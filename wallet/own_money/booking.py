"""Books a top-up or payout: its movements from the processor's list, and a payout's arrival (decision 0054).

A payout is In transit from the day it leaves the processor until the processor says that the bank has it. One that
fails afterwards leaves the bank again.
"""

import logging
from typing import Final

from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import require_no_transaction, transaction
from wallet import states
from wallet.accounts import Account
from wallet.fees import book as fees
from wallet.fees.book import BalanceList
from wallet.ledger import postings as ledger
from wallet.models import OwnTransfer, Posting

log = logging.getLogger(__name__)

# They are few, and one that cannot be booked yet is looked at each time.
WORK_S: Final = 30.0

Status = states.OwnTransfer
GAVE_UP = (Status.FAILED, Status.CANCELED, Status.REVERSED)


def book(*, transfer_id: int, lists: BalanceList | None = None) -> bool:
    """Posts what the list and the status say, each once; returns whether the books say what the status says.

    Raises the list's error, and TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    row = OwnTransfer.objects.get(pk=transfer_id)
    if row.is_booked:
        return True
    fees.book_about(row.processor_transfer_id, lists=lists)
    with transaction():
        row = OwnTransfer.objects.select_for_update(no_key=True).get(pk=transfer_id)
        if row.kind == OwnTransfer.Kind.PAYOUT:
            _post_arrival(row)
        if not _agrees(row):
            return False
        OwnTransfer.objects.filter(pk=row.pk).update(is_booked=True)
    return True


def sweep(*, lists: BalanceList | None = None, work_s: float = WORK_S) -> int:
    """Books for a while what had no message, or no movement in the list yet; returns how many it looked at."""
    pks = list(OwnTransfer.objects.filter(is_booked=False).order_by("created_at").values_list("pk", flat=True))
    return each_in_turn(pks, lambda pk: _book_quietly(pk, lists), what="top-up or payout", work_s=work_s)


def _book_quietly(transfer_id: int, lists: BalanceList | None) -> None:
    try:
        book(transfer_id=transfer_id, lists=lists)
    except OneCardError as error:
        log.warning("The top-up or payout %s is not booked: %s", transfer_id, error.message)


def _post_arrival(row: OwnTransfer) -> None:
    """The amounts are those that left the processor, which may be of another currency than the bank's."""
    for currency in _currencies(row):
        left = ledger.balance(Account.IN_TRANSIT, currency=currency, reference=row.reference)
        if row.status == Status.ARRIVED and left > 0:
            _post(row, "arrived", Money(left, currency))
        if row.status in GAVE_UP and left < 0:
            _post(row, "returned", Money(-left, currency), back=True)


def _post(row: OwnTransfer, word: str, money: Money, *, back: bool = False) -> None:
    key = f"payout_{word}:{row.processor_transfer_id}:{money.currency}"
    ledger.post(kind=ledger.Kind.PAYOUT_ARRIVED, key=key, money=money, reference=row.reference, back=back)


def _agrees(row: OwnTransfer) -> bool:
    """Money that is still on its way has left, money that arrived is at its end, and what failed is back."""
    currencies = _currencies(row)
    in_transit = [ledger.balance(Account.IN_TRANSIT, currency=each, reference=row.reference) for each in currencies]
    at_bank = [ledger.balance(Account.BANK, currency=each, reference=row.reference) for each in currencies]
    match row.status:
        case Status.PENDING | Status.IN_TRANSIT:
            return row.kind == OwnTransfer.Kind.TOP_UP or any(in_transit)
        case Status.ARRIVED:
            return any(at_bank) and not any(in_transit)
    return not any(at_bank) and not any(in_transit)


def _currencies(row: OwnTransfer) -> list[str]:
    postings = Posting.objects.filter(reference=row.reference).order_by()
    return list(postings.values_list("currency", flat=True).distinct())
