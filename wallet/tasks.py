"""The queue's doors into the wallet. Ids only, and unknown arguments are ignored: old workers meet new messages."""

from typing import Any

from celery import shared_task

from wallet import funding


@shared_task(name="wallet.tasks.charge_funding")
def charge_funding(*, charge_id: int, **_newer: Any) -> None:
    """Makes a try at a charge that a decision intended."""
    funding.charge(charge_id=charge_id)


@shared_task(name="wallet.tasks.sweep_funding")
def sweep_funding(**_newer: Any) -> None:
    """Tries what the queue forgot."""
    funding.sweep()
