"""The wallet's Celery tasks. They take ids only and ignore unknown arguments, for messages of newer versions."""

import logging
from typing import Any

from celery import shared_task

from onecard.kit.errors import OneCardError
from wallet import carried_amounts, receivable_notice
from wallet.charges import cascade
from wallet.charges import charge as charges
from wallet.fees import book as fees
from wallet.kyc import expiry
from wallet.methods import detachment, nightly_check, setups
from wallet.own_money import booking as own_money_booking
from wallet.own_money import reading as own_money_reading
from wallet.refunds import send as refund_sending

log = logging.getLogger(__name__)


@shared_task(name="wallet.tasks.charge_funding")
def charge_funding(*, charge_id: int, **_newer: Any) -> None:
    """Makes one attempt at a charge."""
    charges.charge(charge_id=charge_id)


@shared_task(name="wallet.tasks.sweep_funding")
def sweep_funding(**_newer: Any) -> None:
    """Tries the due charges whose messages were lost."""
    charges.sweep()


@shared_task(name="wallet.tasks.refund_funding")
def refund_funding(*, refund_id: int, **_newer: Any) -> None:
    """Makes one attempt at a refund."""
    refund_sending.refund(refund_id=refund_id)


@shared_task(name="wallet.tasks.sweep_refunds")
def sweep_refunds(**_newer: Any) -> None:
    """Tries the due refunds whose messages were lost."""
    refund_sending.sweep()


@shared_task(name="wallet.tasks.sweep_cascade")
def sweep_cascade(**_newer: Any) -> None:
    """Continues failed charges and sends notices whose messages were lost."""
    cascade.sweep()
    receivable_notice.sweep()


@shared_task(name="wallet.tasks.check_methods")
def check_methods(*, after_id: int = 0, **_newer: Any) -> None:
    """Checks saved cards for a while and leaves the rest to the next task."""
    nightly_check.check_and_go_on(after_id=after_id)


@shared_task(name="wallet.tasks.complete_setup")
def complete_setup(*, setup_id: int, **_newer: Any) -> None:
    """Takes a card that the processor reports as saved into its wallet."""
    setups.complete_reported(setup_id=setup_id)


@shared_task(name="wallet.tasks.detach_card")
def detach_card(*, detachment_id: int, **_newer: Any) -> None:
    """Makes one attempt to detach a removed card at the processor."""
    detachment.detach(detachment_id=detachment_id)


@shared_task(name="wallet.tasks.sweep_saved_cards")
def sweep_saved_cards(**_newer: Any) -> None:
    """Makes attempts at the saved and removed cards whose messages were lost."""
    setups.sweep()
    detachment.sweep()


# An hour of the list is booked as a whole, so this task may take longer than others.
@shared_task(name="wallet.tasks.book_fees", soft_time_limit=300, time_limit=330)
def book_fees(*, since: str = "", until: str = "", **_newer: Any) -> None:
    """Books fees and exchanges for a while and leaves the rest to the next task."""
    fees.book_and_go_on(since=since, until=until)


@shared_task(name="wallet.tasks.book_own_money")
def book_own_money(*, transfer_id: int, **_newer: Any) -> None:
    """Books a top-up or payout of which there is news."""
    own_money_booking.book(transfer_id=transfer_id)


@shared_task(name="wallet.tasks.read_own_money")
def read_own_money(**_newer: Any) -> None:
    """Reads the lists of top-ups and payouts, and books what has no booking yet."""
    try:
        own_money_reading.read()
    except OneCardError as error:
        log.warning("Top-ups and payouts were not read: %s", error.message)
    own_money_booking.sweep()


@shared_task(name="wallet.tasks.sweep_carried")
def sweep_carried(**_newer: Any) -> None:
    """Writes off carried amounts that waited too long."""
    carried_amounts.sweep()


@shared_task(name="wallet.tasks.expire_verifications")
def expire_verifications(**_newer: Any) -> None:
    """Ends the identity verifications whose time is over."""
    expiry.sweep()
