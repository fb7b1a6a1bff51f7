"""The queue's doors into the wallet. Ids only, and unknown arguments are ignored: old workers meet new messages."""

from typing import Any

from celery import shared_task

from wallet import carried_amounts, receivable_notice
from wallet.charges import cascade
from wallet.charges import charge as charges
from wallet.fees import book as fees
from wallet.methods import nightly_check
from wallet.refunds import send as refund_sending


@shared_task(name="wallet.tasks.charge_funding")
def charge_funding(*, charge_id: int, **_newer: Any) -> None:
    """Makes a try at a charge that a decision intended."""
    charges.charge(charge_id=charge_id)


@shared_task(name="wallet.tasks.sweep_funding")
def sweep_funding(**_newer: Any) -> None:
    """Tries what the queue forgot."""
    charges.sweep()


@shared_task(name="wallet.tasks.refund_funding")
def refund_funding(*, refund_id: int, **_newer: Any) -> None:
    """Makes a try at giving money back."""
    refund_sending.refund(refund_id=refund_id)


@shared_task(name="wallet.tasks.sweep_refunds")
def sweep_refunds(**_newer: Any) -> None:
    """Tries the refunds that the queue forgot."""
    refund_sending.sweep()


@shared_task(name="wallet.tasks.sweep_cascade")
def sweep_cascade(**_newer: Any) -> None:
    """Goes on with the failed charges, and the letters, that the queue forgot."""
    cascade.sweep()
    receivable_notice.sweep()


@shared_task(name="wallet.tasks.check_methods")
def check_methods(*, after_id: int = 0, **_newer: Any) -> None:
    """Checks saved cards for a while and leaves the rest to the next task."""
    nightly_check.check_and_go_on(after_id=after_id)


# An hour of the list is booked as a whole, so this may take longer than other tasks.
@shared_task(name="wallet.tasks.book_fees", soft_time_limit=300, time_limit=330)
def book_fees(*, since: str = "", until: str = "", **_newer: Any) -> None:
    """Books fees and exchanges for a while and leaves the rest to the next task."""
    fees.book_and_go_on(since=since, until=until)


@shared_task(name="wallet.tasks.sweep_carried")
def sweep_carried(**_newer: Any) -> None:
    """Writes off what was too small to be charged and has waited for long."""
    carried_amounts.sweep()
