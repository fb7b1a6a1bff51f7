"""One line of a list of purchases: what was asked for, who pays, and why it was declined; the same on every list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from issuing import states
from issuing.admin import decline_words
from issuing.models import Authorization, BalanceUse, Decision
from onecard.kit import display
from wallet.admin import payer_words
from wallet.casework import payers
from wallet.casework.payers import Payers

# Nobody is asked for these, or what was asked for was called off.
NOBODY_PAYS: Final = (states.Authorization.DECLINED, states.Authorization.REVERSED, states.Authorization.EXPIRED)


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """What a list shows of a purchase beside its own columns; `asked_minor` is the last amount asked for."""

    asked_minor: int
    paid_by: SafeString
    why_declined: str

    @property
    def paid_or_why_not(self) -> str | SafeString:
        """Both, where a later request for more was declined."""
        if not self.why_declined or self.paid_by == display.NOTHING:
            return self.why_declined or self.paid_by
        return format_html("{}; {}", self.paid_by, self.why_declined)


def of(rows: Iterable[Authorization]) -> dict[int, PurchaseLine]:
    """Returns the lines of purchases by their keys; the number of statements does not grow with the purchases."""
    purchases = list(rows)
    last = _last_decisions(purchases)
    uses = BalanceUse.objects.filter(authorization__in=purchases, amount_minor__gt=0)
    by_balance = set(uses.values_list("authorization_id", flat=True))
    paid = payers.of(each.reference for each in purchases if each.status != states.Authorization.DECLINED)
    return {
        each.pk: line(each, last.get(each.pk), paid.get(each.reference, Payers()), from_balance=each.pk in by_balance)
        for each in purchases
    }


def line(purchase: Authorization, last: Decision | None, found: Payers, *, from_balance: bool) -> PurchaseLine:
    """Returns the line of one purchase from its last decision and its payers."""
    return PurchaseLine(
        asked_minor=purchase.approved_minor or (last.amount_minor if last else 0) or purchase.declined_minor,
        paid_by=_paid_by(purchase, found, from_balance=from_balance),
        why_declined=why_declined(purchase, last),
    )


def attach(rows: "Sequence[Authorization] | QuerySet[Authorization]") -> None:
    """Gives each purchase of a page its line as the attribute `line`; a query set keeps what it read."""
    found = of(rows)
    for each in rows:
        each.__dict__["line"] = found[each.pk]


def line_of(purchase: Authorization) -> PurchaseLine:
    """Returns the line that `attach` gave, or reads it."""
    known = purchase.__dict__.get("line")
    return known if isinstance(known, PurchaseLine) else of([purchase])[purchase.pk]


def why_declined(purchase: Authorization, last: Decision | None) -> str:
    """Returns why a purchase, or its last request for more, was declined; "" for one that was not."""
    if last is not None and not last.approved:
        return decline_words.ours(last)
    return decline_words.by_issuer(purchase) if purchase.status == states.Authorization.DECLINED else ""


def _last_decisions(purchases: list[Authorization]) -> dict[int, Decision]:
    rows = Decision.objects.filter(authorization__in=purchases).defer("response").order_by("pk")
    return {each.authorization_id: each for each in rows}


def _paid_by(purchase: Authorization, found: Payers, *, from_balance: bool) -> SafeString:
    nothing = purchase.status in NOBODY_PAYS and not found.unpaid and found.case is None
    if nothing and not from_balance and purchase.approved_minor == 0:
        return SafeString(display.NOTHING)
    return payer_words.payers(found, from_balance=from_balance)
