"""The money of one purchase for an admin page: what is owed, charges, refunds, postings and what is in clearing.

Only reads. The number of queries does not grow with the number of rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from onecard.kit import display, references
from onecard.kit.money import Money
from wallet.accounts import Account
from wallet.admin import labels
from wallet.models import FundingCharge, FundingObligation, FundingRefund, Posting
from wallet.states import Charge, Refund

REFUND_TONE: dict[str, str] = {
    Refund.INTENDED: "info",
    Refund.SENDING: "info",
    Refund.UNKNOWN: "warn",
    Refund.SUCCEEDED: "good",
    Refund.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: its link, then the other columns as (name, value)."""

    link: str
    columns: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class MoneyPage:
    """Everything that a page shows of a purchase's money."""

    owed: list[Line]
    charges: list[Line]
    refunds: list[Line]
    postings: list[Line]
    clearing: str
    # What the trail calls the rows behind it: kind to ids.
    subjects: dict[str, set[int]]
    obligations: list[FundingObligation]
    charge_rows: list[FundingCharge]
    refund_rows: list[FundingRefund]

    @property
    def tables(self) -> list[tuple[str, list[Line], str]]:
        """Each table with its heading and with the text for an empty table."""
        return [
            (_("What is owed"), self.owed, _("Nothing: no card was chosen to pay it.")),
            (_("Charges"), self.charges, _("No card was charged.")),
            (_("Given back to cards"), self.refunds, _("Nothing.")),
            (_("Postings"), self.postings, _("Nothing has moved yet.")),
        ]


def build(reference: str) -> MoneyPage:
    """Reads the money under a reference of the ledger, such as authorization:1."""
    obligations = list(FundingObligation.objects.filter(Q(purchase=reference) | Q(reference=reference)).order_by("pk"))
    of_them = {"obligation__in": obligations}
    charges = list(FundingCharge.objects.filter(**of_them).select_related("obligation", "method").order_by("pk"))
    refunds = list(
        FundingRefund.objects.filter(**of_them).select_related("obligation", "charge__method").order_by("pk")
    )
    postings = list(Posting.objects.filter(reference=reference).order_by("pk"))
    return MoneyPage(
        owed=[_owed(each) for each in obligations],
        charges=[_charge(each) for each in charges],
        refunds=[_refund(each) for each in refunds],
        postings=[_posting(each) for each in postings],
        clearing=clearing_in_words(postings),
        subjects={
            "fundingobligation": {each.pk for each in obligations},
            "fundingcharge": {each.pk for each in charges},
            "fundingrefund": {each.pk for each in refunds},
        },
        obligations=obligations,
        charge_rows=charges,
        refund_rows=refunds,
    )


def clearing_in_words(postings: Sequence[Posting]) -> str:
    """Returns what a purchase's postings leave in clearing, by currency."""
    left: dict[str, int] = {}
    for each in postings:
        moved = (each.debit == Account.PURCHASES) - (each.credit == Account.PURCHASES)
        left[each.currency] = left.get(each.currency, 0) + moved * each.amount_minor
    said = [_left_in_words(Money(minor, currency)) for currency, minor in left.items() if minor]
    return " ".join(said) or _("0: what merchants took and what was paid for it are the same.")


def refund_state(refund: FundingRefund) -> SafeString:
    return display.label(refund.get_status_display(), REFUND_TONE.get(refund.status, "neutral"))


def refund_problem(refund: FundingRefund) -> str:
    return refund.failure_message or refund.failure_code or display.NOTHING


def obligation_state(obligation: FundingObligation) -> SafeString:
    return display.label(obligation.get_status_display(), labels.OBLIGATION_TONE.get(obligation.status, "neutral"))


def charge_amount(charge: FundingCharge) -> Money:
    """Returns the amount that was taken, or else the amount that the card is asked for."""
    return charge.obligation.payable if charge.status == Charge.SUCCEEDED else charge.money


def charge_state(charge: FundingCharge) -> SafeString:
    return display.label(charge.get_status_display(), labels.CHARGE_TONE.get(charge.status, "neutral"))


def _left_in_words(left: Money) -> str:
    amount = Money(abs(left.minor), left.currency)
    return (
        _("%(amount)s taken and not paid.") % {"amount": amount}
        if left.minor > 0
        else _("%(amount)s paid and not taken by a merchant yet.") % {"amount": amount}
    )


def _owed(row: FundingObligation) -> Line:
    return Line(
        _link("fundingobligation", row.pk, row.money),
        [
            (_("State"), obligation_state(row)),
            (_("In words"), str(labels.OBLIGATION_MEANING.get(row.status, ""))),
            (_("When"), display.moment(row.created_at)),
        ],
    )


def _charge(row: FundingCharge) -> Line:
    return Line(
        _link("fundingcharge", row.pk, _("Charge %(sequence)s") % {"sequence": row.sequence}),
        [
            (_("Amount"), str(charge_amount(row))),
            (_("Card"), str(row.method)),
            (_("State"), charge_state(row)),
            (_("Problem"), labels.failure(row)),
            (_("Next try"), labels.next_try(row)),
            (_("When"), display.moment(row.created_at)),
        ],
    )


def _refund(row: FundingRefund) -> Line:
    return Line(
        _link("fundingrefund", row.pk, row.money),
        [
            (_("Card"), str(row.charge.method) if row.charge else _("Waits until it is paid")),
            (_("State"), refund_state(row)),
            (_("Why"), row.reason),
            (_("Problem"), refund_problem(row)),
            (_("When"), display.moment(row.created_at)),
        ],
    )


def _posting(row: Posting) -> Line:
    return Line(
        _link("posting", row.pk, row.get_kind_display()),
        [
            (_("Amount"), str(row.money)),
            (_("From"), row.get_credit_display()),
            (_("To"), row.get_debit_display()),
            (_("When"), display.moment(row.occurred_at)),
        ],
    )


def _link(kind: str, key: int, text: object) -> str:
    return display.link(references.page_of(f"{kind}:{key}"), text)
