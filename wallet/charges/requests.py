"""The requests to the processor that charges and the captures of their holds share."""

import datetime as dt

from django.db.models import Q

from onecard.kit import clock
from wallet import cases, states
from wallet.models import Case, FundingCharge, FundingObligation
from wallet.processors import account_refusals
from wallet.processors.attempts import Requests
from wallet.retry_policy import SWEEP_GRACE

ACTOR = "system:funding"


def _open_case(_charge: FundingCharge, obligation: FundingObligation, summary: str) -> None:
    cases.open_obligation_case(kind=Case.Kind.FUNDING_UNKNOWN, obligation=obligation, summary=summary)


def _proves_account() -> Q:
    """Charges that ask for money at their next attempt, and holds that are captured within the longest pause.

    A charge that the processor works on, or that nobody owes any more, is only looked up.
    """
    soon = clock.now() + dt.timedelta(seconds=account_refusals.PROBE_AFTER[-1])
    asks = Q(status__in=(states.Charge.INTENDED, states.Charge.SENDING, states.Charge.UNKNOWN))
    captures = Q(status=states.Charge.CAPTURING) | Q(status=states.Charge.HELD, next_attempt_at__lte=soon)
    return asks & ~Q(obligation__status=states.Obligation.RELEASED) | captures


CHARGES = Requests(
    model=FundingCharge,
    what="charge",
    statuses=states.DUE_CHARGE,
    grace=SWEEP_GRACE,
    actor=ACTOR,
    operation=account_refusals.Operation.CHARGES,
    open_case=_open_case,
    proves_account=_proves_account,
)
