"""All purchases of a person with filters, and one purchase from the tap to its settlement."""

import datetime as dt
from typing import Any, Final

from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from issuing import states
from issuing.activity import disputes, reasons, timeline
from issuing.activity.purchases import of_cardholder, views
from issuing.controls import passes
from issuing.disputes import requests
from issuing.models import Authorization
from onecard.api.access import own
from onecard.kit import display
from onecard.kit.time_zones import zone_of
from onecard.person import shown
from onecard.person.page import PersonPage

PAGE: Final = 25
STATUSES: Final = {
    "open": ("Not settled yet", (states.Authorization.APPROVED,)),
    "settled": ("Settled", (states.Authorization.SETTLED,)),
    "declined": ("Declined", (states.Authorization.DECLINED,)),
    "cancelled": ("Cancelled or expired", (states.Authorization.REVERSED, states.Authorization.EXPIRED)),
}


class _Day(forms.DateInput):
    input_type = "date"


class FilterForm(forms.Form):
    """Which purchases; days are those of the person's own zone, both included."""

    merchant = forms.CharField(label="Shop or category", max_length=80, required=False)
    since = forms.DateField(label="From", required=False, widget=_Day)
    until = forms.DateField(label="To", required=False, widget=_Day)
    status = forms.ChoiceField(
        label="Status", required=False, choices=[("", "All"), *((key, words) for key, (words, _) in STATUSES.items())]
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first one.")
        return cleaned

    def chosen(self, rows: QuerySet[Authorization], time_zone: str) -> QuerySet[Authorization]:
        """Returns the rows that the form asks for; none while the form has errors."""
        if not self.is_valid():
            return rows.none()
        asked = self.cleaned_data
        if asked["merchant"]:
            words = asked["merchant"]
            rows = rows.filter(
                Q(merchant_name__icontains=words)
                | Q(merchant_category__icontains=words.replace(" ", "_"))
                | Q(mcc=words)
            )
        if asked["since"]:
            rows = rows.filter(created_at__gte=_midnight(asked["since"], time_zone))
        if asked["until"]:
            rows = rows.filter(created_at__lt=_midnight(asked["until"] + dt.timedelta(days=1), time_zone))
        return rows.filter(status__in=STATUSES[asked["status"]][1]) if asked["status"] else rows


class Purchases(PersonPage):
    """The newest first, in pages."""

    menu = "purchases"

    def get(self, request: HttpRequest) -> HttpResponse:
        form, query = FilterForm(request.GET), request.GET.copy()
        mine = of_cardholder(self.holder)
        rows = form.chosen(mine, self.holder.time_zone)
        before = (query.pop("before", None) or [""])[-1]
        newest = query.urlencode()
        if before:
            rows = rows.filter(pk__lt=own(mine, issuer_authorization_id=before).pk)
        found = list(rows.order_by("-pk")[: PAGE + 1])
        if len(found) > PAGE:
            query["before"] = found[PAGE - 1].issuer_authorization_id
        return self.render(
            request,
            "purchases",
            form=form,
            purchases=[shown.purchase(each, time_zone=self.holder.time_zone) for each in views(found[:PAGE])],
            is_filtered=any(request.GET.get(name) for name in form.fields),
            is_later_page=bool(before),
            newest=newest,
            older=query.urlencode() if len(found) > PAGE else "",
        )


class Purchase(PersonPage):
    """One purchase: its steps, and why the card that pays was chosen."""

    menu = "purchases"

    def get(self, request: HttpRequest, purchase_id: str) -> HttpResponse:
        row = own(of_cardholder(self.holder), issuer_authorization_id=purchase_id)
        (view,) = views([row])
        reason = reasons.of_decision(view.decision)
        return self.render(
            request,
            "purchase",
            shown=shown.purchase(view, time_zone=self.holder.time_zone),
            steps=[(each, _after(each.after_ms)) for each in timeline.build(row, time_zone=self.holder.time_zone)],
            reason=reason,
            benefit=_benefit(reason),
            cards=shown.cards(reason.explanation, reason.amount) if reason else [],
            can_dispute=bool(requests.captures_of(row)),
            can_answer=view.decision is not None and passes.is_offered(view.decision),
            pass_min=settings.CONTROL_PASS_MIN,
            dispute=disputes.of_cardholder(self.holder).filter(authorization=row).order_by("-pk").first(),
        )


def _benefit(reason: reasons.Reason | None) -> str:
    chosen = reason.explanation.chosen if reason else None
    if reason is None or chosen is None or chosen.reward is None:
        return ""
    return display.estimate(chosen.reward.benefit, reason.amount.currency)


def _after(after_ms: int) -> str:
    """The time since the tap: 0.3 s, 2 h 5 min."""
    return f"{after_ms / 1000:.1f} s" if after_ms < 60_000 else display.span(after_ms / 1000)


def _midnight(day: dt.date, time_zone: str) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min, zone_of(time_zone))
