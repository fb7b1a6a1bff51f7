"""The rewards book: its totals on one page, and every entry. Read-only."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from issuing.admin import monthly_report
from issuing.models import RewardEntry
from issuing.rewards.totals import (
    GROUPS,
    NOT_RANKED,
    RewardValue,
    Total,
    best_cards,
    overall,
    overall_of,
    totals,
    units_in_words,
)
from onecard.kit import clock, display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.admin_filters import MccFilter
from onecard.kit.range_filters import AmountFilter
from onecard.kit.sentences import in_a_sentence
from onecard.kit.separators import localised
from routing import accounts
from wallet.admin.filters import FundingCardFilter
from wallet.models import Cardholder

WORDS = {"month": gettext_lazy("Month"), "method": gettext_lazy("Card"), "category": gettext_lazy("Category")}
KIND_TONE: dict[str, str] = {
    RewardEntry.Kind.CHARGE: "good",
    RewardEntry.Kind.REFUND: "warn",
    RewardEntry.Kind.REFUND_FAILED: "info",
}
# Without a month the page shows the last year, however long the book has become.
MONTHS_SHOWN = 12
# There are very many cards: without a month or a person it shows this month, and so many of them on a page.
CARDS_ON_A_PAGE = 50
MOST_PAGES = 200


class ChosenForm(forms.Form):
    """The parameters that the page's address may have."""

    by = forms.ChoiceField(choices=list(WORDS.items()), required=False)
    month = forms.CharField(
        required=False,
        validators=[RegexValidator(r"^[0-9]{4}-(0[1-9]|1[0-2])$", gettext_lazy("Write the month like 2026-11."))],
    )
    cardholder = forms.CharField(required=False, max_length=150)
    page = forms.IntegerField(required=False, min_value=1, max_value=MOST_PAGES)

    def clean_month(self) -> dt.date | None:
        text = self.cleaned_data["month"]
        if text.startswith("0000"):
            raise forms.ValidationError(_("Write the month like 2026-11."))
        return dt.date.fromisoformat(f"{text}-01") if text else None

    def clean_cardholder(self) -> str | None:
        name = self.cleaned_data["cardholder"]
        if name and not Cardholder.objects.filter(user__username=name).exists():
            raise forms.ValidationError(
                _("No wallet belongs to a login %(name)s. The wallets' page lists them.") % {"name": repr(name)}
            )
        return name or None


@dataclass(frozen=True, slots=True)
class Tile:
    """One sum over the whole table."""

    title: str
    value: str
    note: str
    tone: str = "neutral"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table, as text."""

    label: str
    spent: str
    earned: list[tuple[str, str]]
    low: str
    face: str
    high: str
    baseline: str
    benefit: SafeString


@dataclass(frozen=True, slots=True)
class Shown:
    """The groups of a page, the sums over all of them, how many months they are of, and the pages beside this one."""

    totals: list[Total]
    sums: dict[str, RewardValue]
    months: int
    earlier: int = 0
    later: int = 0


@admin.register(RewardEntry)
class RewardsAdmin(ReadOnlyAdmin):
    """Entries as they were booked; the totals are at totals/."""

    list_display = ("when", "what", "programme", "amount", "units", "value", "rate", "mcc", "method")
    list_display_links = ("when", "what")
    list_filter = (
        "earned_at",
        "local_month",
        AmountFilter,
        FundingCardFilter,
        MccFilter,
        "kind",
        "reward_type",
    )
    list_select_related = ("method",)
    search_ids = (("key",),)
    search_fields = ("programme", "method__last_four", "method__cardholder__name", "key")
    search_help_text = gettext_lazy("Programme, last four, cardholder or key")
    fields = (
        ("what", "programme"),
        ("amount", "rate"),
        ("units", "value"),
        ("low", "high"),
        ("baseline", "reward_type"),
        ("category", "mcc"),
        ("purchase", "method"),
        ("charge", "refund"),
        ("when", "recorded"),
        ("month", "key"),
    )
    nothing_yet = gettext_lazy("They are booked within a minute after a charge has succeeded.")

    def get_urls(self) -> list[URLPattern]:
        page = path("totals/", self.admin_site.admin_view(self.totals), name="issuing_rewardentry_totals")
        monthly = path("monthly/", self.admin_site.admin_view(self.monthly), name="issuing_rewardentry_monthly")
        return [page, monthly, *super().get_urls()]

    def totals(self, request: HttpRequest) -> HttpResponse:
        """Returns the page "Rewards"."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        form = ChosenForm(request.GET)
        good, chosen = form.is_valid(), form.cleaned_data
        by, month = chosen.get("by") or "month", chosen.get("month")
        shown = _found(by, chosen) if good else Shown([], {}, MONTHS_SHOWN)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Rewards"),
            "tabs": _tabs(request, by),
            "by": by,
            "heading": WORDS[by],
            "problems": [error for errors in form.errors.values() for error in errors],
            "asked": {name: request.GET.get(name, "") for name in ("month", "cardholder")},
            "tiles": [tile for currency, value in shown.sums.items() for tile in _tiles(currency, value)],
            "lines": [_line(total) for total in shown.totals],
            "months_shown": 0 if month else shown.months,
            "earlier": _page_address(request, shown.earlier),
            "later": _page_address(request, shown.later),
            "mcc_passed_through": accounts.passes_mcc(),
        }
        return TemplateResponse(request, "admin/issuing/rewardentry/totals.html", context)

    def monthly(self, request: HttpRequest) -> HttpResponse:
        """Returns the page "Monthly report"."""
        return monthly_report.show(self, request)

    @admin.display(description=gettext_lazy("When"), ordering="earned_at")
    def when(self, entry: RewardEntry) -> str:
        return display.moment(entry.earned_at)

    @admin.display(description=gettext_lazy("Recorded"), ordering="recorded_at")
    def recorded(self, entry: RewardEntry) -> str:
        return display.moment(entry.recorded_at)

    @admin.display(description=gettext_lazy("Month in the cardholder's zone"), ordering="local_month")
    def month(self, entry: RewardEntry) -> str:
        return f"{entry.local_month:%Y-%m}"

    @admin.display(description=gettext_lazy("What"), ordering="kind")
    def what(self, entry: RewardEntry) -> SafeString:
        return display.label(entry.get_kind_display(), KIND_TONE.get(entry.kind, "neutral"))

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, entry: RewardEntry) -> str:
        return display.money(entry.amount_minor, entry.currency)

    @admin.display(description=gettext_lazy("Units"), ordering="units_micro")
    def units(self, entry: RewardEntry) -> str:
        return units_in_words(_whole(entry.units_micro), entry.reward_type, entry.currency)

    @admin.display(description=gettext_lazy("Rate"), ordering="rate_milli")
    def rate(self, entry: RewardEntry) -> str:
        return localised(f"{entry.rate.normalize():f}") if entry.reward_type else str(NOT_RANKED)

    @admin.display(description=gettext_lazy("Worth at 1 cent"), ordering="value_face_micro")
    def value(self, entry: RewardEntry) -> str:
        return display.estimate(_whole(entry.value_face_micro), entry.currency)

    @admin.display(description=gettext_lazy("At 0.5 cents"))
    def low(self, entry: RewardEntry) -> str:
        return display.estimate(_whole(entry.value_low_micro), entry.currency)

    @admin.display(description=gettext_lazy("At 1.5 cents"))
    def high(self, entry: RewardEntry) -> str:
        return display.estimate(_whole(entry.value_high_micro), entry.currency)

    @admin.display(description=gettext_lazy("Baseline at 1x"))
    def baseline(self, entry: RewardEntry) -> str:
        return display.estimate(_whole(entry.baseline_micro), entry.currency)


def _found(by: str, chosen: dict[str, Any]) -> Shown:
    month, cardholder = chosen.get("month"), chosen.get("cardholder")
    months = 1 if by == "method" and cardholder is None else MONTHS_SHOWN
    period: dict[str, Any] = {"cardholder": cardholder, "since": month or _months_ago(months - 1), "until": month}
    if by != "method":
        found = totals(by=by, **period)
        return Shown(found, overall(found), months)
    page = chosen.get("page") or 1
    cards, has_more = best_cards(first=(page - 1) * CARDS_ON_A_PAGE, count=CARDS_ON_A_PAGE, **period)
    later = page + 1 if has_more and page < MOST_PAGES else 0
    return Shown(cards, overall_of(**period), months, earlier=page - 1, later=later)


def _page_address(request: HttpRequest, page: int) -> str:
    """Returns the address of a page with the other choices kept, or "" for page 0."""
    query = request.GET.copy()
    query["page"] = str(page)
    return f"?{query.urlencode()}" if page else ""


def _months_ago(count: int) -> dt.date:
    today = clock.now().date()
    months = today.year * 12 + today.month - 1 - count
    return dt.date(months // 12, months % 12 + 1, 1)


def _tabs(request: HttpRequest, current: str) -> list[tuple[str, str, bool]]:
    """Returns the three groupings, each with the other choices kept."""
    pages = []
    for name in GROUPS:
        query = request.GET.copy()
        query["by"] = name
        query.pop("page", None)
        pages.append(
            (_("By %(words)s") % {"words": in_a_sentence(WORDS[name])}, f"?{query.urlencode()}", name == current)
        )
    return pages


def _tiles(currency: str, value: RewardValue) -> list[Tile]:
    percent = value.benefit_percent
    over = _("No baseline to compare with")
    if percent is not None:
        over = _("%(percent)s %% over 1x everywhere") % {"percent": localised(f"{percent:+,.0f}")}
    return [
        Tile(
            _("Spent, less refunds"),
            display.money(value.spent_minor, currency),
            ngettext("%(count)s charge", "%(count)s charges", value.charges) % {"count": value.charges},
        ),
        Tile(
            _("Rewards at face value"),
            _two(value.face, currency),
            _("%(low)s to %(high)s at 0.5 to 1.5 cents a point")
            % {"low": localised(f"{value.low:,.2f}"), "high": localised(f"{value.high:,.2f}")},
            "info",
        ),
        Tile(_("Baseline"), _two(value.baseline, currency), _("What a card with 1 point a unit would have earned")),
        Tile(
            _("Benefit of routing"), f"{value.benefit:+,.2f} {currency}", over, "good" if value.benefit >= 0 else "bad"
        ),
    ]


def _line(total: Total) -> Line:
    value, percent = total.value, total.value.benefit_percent
    share = f" ({percent:+,.0f} %)" if percent is not None else ""
    return Line(
        label=total.label,
        spent=display.money(value.spent_minor, total.currency),
        earned=[(str(earned), earned.programme) for earned in total.earned],
        low=_two(value.low, total.currency),
        face=_two(value.face, total.currency),
        high=_two(value.high, total.currency),
        baseline=_two(value.baseline, total.currency),
        benefit=display.label(
            f"{value.benefit:+,.2f} {total.currency}{share}", "good" if value.benefit >= 0 else "bad"
        ),
    )


def _two(amount: Decimal, currency: str) -> str:
    return f"{localised(f'{amount:,.2f}')} {currency}"


def _whole(micro: int) -> Decimal:
    return Decimal(micro).scaleb(-6)


references.register("rewardentry", lambda key: reverse("admin:issuing_rewardentry_change", args=[key]))
