"""Charges whose outcome nobody knows: the person may have paid, and nothing else is charged meanwhile."""

import datetime as dt
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext_lazy

from onecard.alerts.rule import Condition, Rule, counted
from onecard.alerts.states import Severity
from onecard.kit import clock, display
from wallet.models import FundingCharge
from wallet.states import Charge

# The outcome is looked up by itself, and an hour of attempts has asked some ten times.
LATE_AFTER: Final = dt.timedelta(hours=1)


def unknown_charges() -> Iterator[Condition]:
    """The oldest charge with an unknown outcome, through the partial index charge_due."""
    unknown = FundingCharge.objects.filter(status=Charge.UNKNOWN)
    found = unknown.aggregate(count=Count("pk"), since=Min("first_sent_at"))
    if found["since"] is None or clock.now() - found["since"] <= LATE_AFTER:
        return
    yield Condition(
        severity=Severity.CRITICAL,
        summary=f"The outcome of {counted(found['count'], 'charge', 'charges')} is unknown, of the oldest for "
        f"{display.age(found['since'])}.",
        page=f"{reverse('admin:wallet_fundingcharge_changelist')}?{urlencode({'status__exact': Charge.UNKNOWN})}",
    )


RULE: Final = Rule(
    kind="unknown_charges",
    label=gettext_lazy("Charges stay without an outcome"),
    to_do=gettext_lazy(
        "See whether the processor answers. Look for the payments in its dashboard by our charge's number."
    ),
    measure=unknown_charges,
)
