"""What the home page says of the books: the last reconciliation, booked balances, and rewards against the baseline."""

from decimal import Decimal
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _

from issuing.models import ReconcileRun
from issuing.states import Reconciliation
from onecard.desk import kept_figures
from onecard.kit import display
from onecard.kit.confirmation_pages import change_page
from wallet.accounts import Account

# Where money lies that others hold for us, or that we owe.
SHOWN: Final = (Account.PROCESSOR, Account.ISSUER, Account.CARD_BALANCES, Account.FUNDING_DISPUTES)


def last_reconciliation() -> dict[str, Any] | None:
    """Returns the last one that ended and compared everything, with what it left; None before the first."""
    run = ReconcileRun.objects.filter(is_whole=True).exclude(status=Reconciliation.RUNNING).first()
    if run is None:
        return None
    skipped = run.comparisons - run.compared if run.status == Reconciliation.FINISHED else 0
    is_well = run.status == Reconciliation.FINISHED and not run.left and not skipped
    return {"run": run, "page": change_page(run), "skipped": skipped, "tone": "good" if is_well else "bad"}


def balances() -> dict[str, Any]:
    """Returns the booked balances of the accounts that matter daily, and when they were counted."""
    rows, counted_at = kept_figures.read(kept_figures.BALANCES)
    page = reverse("admin:wallet_posting_changelist")
    shown = [
        {
            "name": account.label,
            "amounts": [
                display.money(row["balance_minor"], row["currency"])
                for row in rows or []
                if row["account"] == account.value
            ]
            or [_("Nothing has moved")],
            "page": f"{page}?account={account.value}",
        }
        for account in SHOWN
    ]
    return {"rows": shown if rows is not None else None, "counted_at": counted_at}


def rewards() -> dict[str, Any]:
    """Returns this month's rewards with what they are worth beyond the baseline, and when they were counted."""
    rows, counted_at = kept_figures.read(kept_figures.REWARDS)
    shown = [
        {
            "currency": row["currency"],
            "charges": row["charges"],
            "face": display.total(_whole(row["face_micro"]), row["currency"]),
            "baseline": display.total(_whole(row["baseline_micro"]), row["currency"]),
            "benefit": display.total(_whole(row["face_micro"] - row["baseline_micro"]), row["currency"]),
            "month": row["month"],
        }
        for row in rows or []
    ]
    page = reverse("admin:issuing_rewardentry_totals")
    return {"rows": shown if rows is not None else None, "counted_at": counted_at, "page": page}


def _whole(micro: int) -> Decimal:
    return Decimal(micro).scaleb(-6)
