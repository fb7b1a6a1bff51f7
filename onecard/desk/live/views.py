"""The live page: it asks every three seconds for new decisions and cases, and writes anew only what has changed."""

import hashlib
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from issuing.models import Provider, PurchaseHour
from issuing.operations.control import configured_providers
from onecard.desk.live.rows import MOST_CASES, MOST_SHOWN, Filters, newest_cases, newest_decisions
from onecard.desk.views import for_staff, render
from onecard.kit.amount_field import AmountField
from onecard.kit.confirmation_pages import SelectWidget
from onecard.kit.polled_parts import polled
from onecard.kit.text import clean_text

# Names of the rows that the page shows; more would not be ours.
LONGEST_SHOWN: Final = (MOST_SHOWN + MOST_CASES) * 30
SEE_PURCHASES: Final = "issuing.view_authorization"
SEE_CASES: Final = "wallet.view_case"


class LiveForm(forms.Form):
    """The filters of the page. A filter that means nothing is said, and nothing is filtered by it."""

    provider = forms.ChoiceField(label=gettext_lazy("Issuer"), required=False, widget=SelectWidget)
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=[("", gettext_lazy("All")), *PurchaseHour.Outcome.choices],
        widget=SelectWidget,
    )
    at_least = AmountField(label=gettext_lazy("Amount of at least"), required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="live-%s")
        issuers = [(name, Provider(name).label) for name in configured_providers()]
        self.fields["provider"].choices = [("", _("All")), *issuers]  # type: ignore[attr-defined]
        amount: AmountField = self.fields["at_least"]  # type: ignore[assignment]
        amount.of("USD")
        amount.help_text = _("In the currency of each purchase.")

    def filters(self) -> Filters:
        self.is_valid()
        good = self.cleaned_data
        at_least = good.get("at_least")
        return Filters(
            provider=good.get("provider", ""),
            outcome=good.get("outcome", ""),
            at_least=at_least.major if at_least else None,
        )


@for_staff()
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    _require_something(request)
    form = LiveForm(request.GET)
    return render(request, "live/page", _("Live"), {"form": form, **_found(request, form)})


@polled
@require_safe
def live_rows(request: HttpRequest) -> HttpResponse:
    """Returns what has changed since the page's last answer; 204 when nothing has, so that nothing is written anew."""
    _require_something(request)
    found = _found(request, LiveForm(request.GET))
    if request.GET.get("state") == found["state"]:
        return HttpResponse(status=204)
    found["announcement"] = _announcement(found)
    return HttpResponse(render_to_string("desk/live/rows.html", found, request))


def _require_something(request: HttpRequest) -> None:
    if not (request.user.has_perm(SEE_PURCHASES) or request.user.has_perm(SEE_CASES)):
        raise PermissionDenied


def _found(request: HttpRequest, form: LiveForm) -> dict[str, Any]:
    """Returns the rows that this person may see; `state` stands for all that is shown of them."""
    may_purchases, may_cases = request.user.has_perm(SEE_PURCHASES), request.user.has_perm(SEE_CASES)
    decisions = newest_decisions(form.filters()) if may_purchases else None
    cases = newest_cases() if may_cases else None
    shown = clean_text(request.GET.get("shown", ""), limit=LONGEST_SHOWN).split()
    state = [*(row.name for row in decisions or []), *(f"{case['name']}{case['status']}" for case in cases or [])]
    return {
        "decisions": decisions,
        "cases": cases,
        "shown": [row.name for row in decisions or []] + [case["name"] for case in cases or []],
        "before": shown,
        "state": hashlib.sha256(" ".join(state).encode()).hexdigest()[:32],
        "errors": form.errors.get("at_least", []),
    }


def _announcement(found: dict[str, Any]) -> str:
    """Returns what a screen reader says: how many rows are new, with the newest purchase in words."""
    before = set(found["before"])
    purchases = [row for row in found["decisions"] or [] if row.name not in before]
    cases = [case for case in found["cases"] or [] if case["name"] not in before]
    sentences = []
    if purchases:
        count = ngettext("%(count)s new decision.", "%(count)s new decisions.", len(purchases))
        newest = _("%(outcome)s: %(merchant)s, %(amount)s.") % {
            "outcome": purchases[0].outcome_label,
            "merchant": purchases[0].merchant,
            "amount": purchases[0].amount,
        }
        sentences += [count % {"count": len(purchases)}, newest]
    if cases:
        count = ngettext("%(count)s new case.", "%(count)s new cases.", len(cases))
        sentences.append(count % {"count": len(cases)})
    return " ".join(sentences)
