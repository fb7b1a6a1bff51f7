"""The newest decisions and cases, for the live page: a bounded look at the end of the tables, through their keys."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _

from issuing import states
from issuing.admin import decline_labels
from issuing.models import Authorization, Decision, PurchaseHour
from onecard.kit import display
from onecard.kit.confirmation_pages import change_page
from onecard.kit.money import MoneyError, currency_exponent
from wallet.models import Case

# Of the newest decisions so many are looked through for the filters; so many are shown.
LOOKED_THROUGH: Final = 500
MOST_SHOWN: Final = 50
MOST_CASES: Final = 20
Outcome = PurchaseHour.Outcome
COLUMNS: Final = (
    "id",
    "approved",
    "amount_minor",
    "currency",
    "decline_reason",
    "decided_at",
    "timings_ms",
    "authorization__id",
    "authorization__merchant_name",
    "authorization__issuer_authorization_id",
    "authorization__provider",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a person wants to see; empty is everything. `at_least` is in whole units of each purchase's own currency."""

    provider: str = ""
    outcome: str = ""
    at_least: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line; `name` tells it from all others, also from those of an earlier poll."""

    name: str
    at: dt.datetime
    page: str
    merchant: str
    amount_minor: int
    currency: str
    outcome: str
    provider: str
    reason: str = ""
    took_ms: int | None = None

    @property
    def amount(self) -> str:
        return display.money(self.amount_minor, self.currency)

    @property
    def outcome_label(self) -> str:
        return str(Outcome(self.outcome).label)


def newest_decisions(filters: Filters) -> list[Row]:
    """Returns our answers, and what issuers declined by themselves, the newest first."""
    rows = sorted([*_ours(), *_issuers()], key=lambda row: row.at, reverse=True)
    return [row for row in rows if _is_wanted(row, filters)][:MOST_SHOWN]


def newest_cases() -> list[dict[str, Any]]:
    """Returns the cases that were opened last, with what happened and the amount at stake."""
    return [
        {
            "name": f"case-{case.pk}",
            "page": change_page(case),
            "kind": case.get_kind_display(),
            "summary": case.summary,
            "amount": display.money(case.amount_minor, case.currency) if case.amount_minor else display.NOTHING,
            "opened_at": case.opened_at,
            "status": case.status,
            "state": case.get_status_display(),
        }
        for case in Case.objects.order_by("-pk")[:MOST_CASES]
    ]


def _ours() -> Iterable[Row]:
    newest = Decision.objects.select_related("authorization").only(*COLUMNS).order_by("-pk")[:LOOKED_THROUGH]
    for decision in newest:
        purchase = decision.authorization
        yield Row(
            name=f"decision-{decision.pk}",
            at=decision.decided_at,
            page=_page(purchase),
            merchant=purchase.merchant_name or purchase.issuer_authorization_id,
            amount_minor=decision.amount_minor,
            currency=decision.currency,
            outcome=Outcome.APPROVED if decision.approved else Outcome.DECLINED,
            provider=purchase.provider,
            reason="" if decision.approved else decline_labels.label(decision.decline_reason),
            took_ms=_took_ms(decision.timings_ms),
        )


def _issuers() -> Iterable[Row]:
    """Yields declines about which we were not asked, or whose question never had an answer of ours."""
    newest = Authorization.objects.order_by("-pk")[:LOOKED_THROUGH]
    declined = [purchase for purchase in newest if purchase.status == states.Authorization.DECLINED]
    asked = Decision.objects.filter(authorization__in=[purchase.pk for purchase in declined])
    answered = set(asked.order_by().values_list("authorization_id", flat=True))
    for purchase in declined:
        if purchase.pk in answered:
            continue
        yield Row(
            name=f"purchase-{purchase.pk}",
            at=purchase.created_at,
            page=_page(purchase),
            merchant=purchase.merchant_name or purchase.issuer_authorization_id,
            amount_minor=purchase.declined_minor,
            currency=purchase.currency,
            outcome=Outcome.DECLINED_BY_ISSUER,
            provider=purchase.provider,
            reason=decline_labels.label(purchase.issuer_reason) if purchase.issuer_reason else _("No reason was said."),
        )


def _is_wanted(row: Row, filters: Filters) -> bool:
    if filters.provider and row.provider != filters.provider:
        return False
    if filters.outcome and row.outcome != filters.outcome:
        return False
    return filters.at_least is None or _whole(row) >= filters.at_least


def _whole(row: Row) -> Decimal:
    try:
        return Decimal(row.amount_minor).scaleb(-currency_exponent(row.currency))
    except MoneyError:
        return Decimal(row.amount_minor)


def _page(purchase: Authorization) -> str:
    return reverse("admin:issuing_authorization_change", args=[purchase.pk])


def _took_ms(timings_ms: Any) -> int | None:
    if not isinstance(timings_ms, dict) or not timings_ms:
        return None
    return round(sum(each for each in timings_ms.values() if isinstance(each, int | float)))
