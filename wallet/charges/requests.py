"""The requests to the processor that charges and the captures of their holds share."""

from wallet import cases, states
from wallet.models import Case, FundingCharge, FundingObligation
from wallet.processors import account_refusals
from wallet.processors.attempts import Requests
from wallet.retry_policy import SWEEP_GRACE

ACTOR = "system:funding"


def _open_case(_charge: FundingCharge, obligation: FundingObligation, summary: str) -> None:
    cases.open_obligation_case(kind=Case.Kind.FUNDING_UNKNOWN, obligation=obligation, summary=summary)


CHARGES = Requests(
    model=FundingCharge,
    what="charge",
    statuses=states.DUE_CHARGE,
    grace=SWEEP_GRACE,
    actor=ACTOR,
    operation=account_refusals.Operation.CHARGES,
    open_case=_open_case,
)
