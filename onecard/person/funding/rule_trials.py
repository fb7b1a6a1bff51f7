"""A rule tried before it counts: what it would do to one purchase, and to those of the last days. Nothing is stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from issuing.backtest import rule_trial
from issuing.backtest.money import ALL, Backtest, Changed
from issuing.backtest.rule_trial import Trial
from onecard.kit import display
from onecard.kit.clock import local_day
from onecard.person.form_page import FormPage
from onecard.person.funding.rules import RulePage, own_rule
from onecard.person.funding.trial_form import TrialForm
from routing import personal_rules, strategy
from routing.explanation import Explanation
from routing.models import PersonalRule
from wallet.models import Cardholder

MICRO_PLACES: Final = 6


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A purchase that the rule would change, as the page shows it."""

    merchant: str
    day: str
    amount: str
    before: str
    after: str
    difference: str


class TryOwnRule(FormPage, RulePage):
    """A new rule, tried where it would stand: behind the others, unless a place is given."""

    title = gettext_lazy("Try a rule")
    words = gettext_lazy("See what it would do before it counts. Nothing is changed or stored.")
    back = "person:own-rules"
    template = "funding/try_rule"
    throttle_scope = "preview"
    rule: PersonalRule | None = None
    trial: Trial | None = None

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> TrialForm:
        return TrialForm(data, self.holder, self.rule)

    def save(self, request: HttpRequest, form: TrialForm) -> HttpResponse:
        """Shows what the rule would do above the form, which keeps what was typed."""
        values = form.values()
        place = values.pop("position", None) or self.usual_place()
        self.trial = rule_trial.try_rule(
            self.holder, values=values, instead_of=self.rule, place=place, days=form.cleaned_data["days"],
            bought=form.bought(),
        )  # fmt: skip
        return self.show(request, form)

    def more(self, request: HttpRequest) -> dict[str, Any]:
        shown = {
            "keep_at": reverse("person:own-rule-add"), "keep": _("Add this rule"), "trial": self.trial,
            "is_by_value": strategy.is_by_value(self.holder.preference),
        }  # fmt: skip
        return shown | (_shown(self.trial, self.holder) if self.trial else {})

    def usual_place(self) -> int:
        """Where the rule would stand if no place is given."""
        return len(personal_rules.rules_of_person(self.holder)) + 1


class TryChange(TryOwnRule):
    """A change of one rule, tried in its place, unless another is given."""

    title = gettext_lazy("Try a change of the rule")

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> TrialForm:
        self.rule = own_rule(self.holder, self.kwargs["public_id"])
        return super().form(request, data, files)

    def more(self, request: HttpRequest) -> dict[str, Any]:
        keep_at = reverse("person:own-rule", args=[self.kwargs["public_id"]])
        return super().more(request) | {"keep_at": keep_at, "keep": _("Save the change"), "back_to": keep_at}

    def usual_place(self) -> int:
        rules = personal_rules.rules_of_person(self.holder)
        return next((place for place, each in enumerate(rules, start=1) if each == self.rule), len(rules) + 1)


def _shown(trial: Trial, holder: Cardholder) -> dict[str, Any]:
    """Returns what the page says of a trial."""
    past = trial.past
    lines = [_line(each, holder) for each in past.largest]
    changed = sum(each.changed for _of, _in, each in past.of(ALL))
    more = _("These are the %(count)s that would change the most.") % {"count": len(lines)}
    return {
        "answer": _answer(trial), "sums": [*_sums(past)], "changed": lines,
        "more": more if changed > len(lines) else "",
    }  # fmt: skip


def _answer(trial: Trial) -> str:
    values = {"before": _card(trial.without), "after": _card(trial.with_rule)}
    if not trial.another_card_pays:
        return _("This purchase would be paid as without the rule: %(after)s.") % values
    return _("This purchase would be paid by another card. Without the rule: %(before)s. With it: %(after)s.") % values


def _card(found: Explanation | None) -> str:
    if found is None or found.chosen is None:
        return _("no card, so it would be declined")
    return f"{found.chosen.name} •••• {found.chosen.last_four}"


def _sums(past: Backtest) -> Iterator[str]:
    """Yields how many purchases another card would have paid, and what that would have earned, by currency."""
    if not past.purchases:
        yield _("No purchase of these days was paid by a funding card, so there is nothing to try it on.")
        return
    count = {"changed": past.another_card, "count": past.purchases}
    words = ngettext(
        "Another card would have paid %(changed)s of your %(count)s purchase of these days.",
        "Another card would have paid %(changed)s of your %(count)s purchases of these days.",
        past.purchases,
    )
    yield words % count
    for _of, currency, each in past.of(ALL):
        difference = _major(each.after_micro - each.before_micro)
        amount = display.total(abs(difference), currency)
        if difference > 0:
            yield _("Together they would have earned %(amount)s more.") % {"amount": amount}
        elif difference < 0:
            yield _("Together they would have earned %(amount)s less.") % {"amount": amount}


def _line(changed: Changed, holder: Cardholder) -> ChangedLine:
    decision, difference = changed.decision, _major(changed.difference_micro)
    sign = "+" if difference > 0 else "-" if difference < 0 else ""
    nobody = _("Declined")
    return ChangedLine(
        merchant=decision.merchant_name or decision.mcc,
        day=formats.date_format(local_day(decision.decided_at, holder.time_zone)),
        amount=str(decision.paid),
        before=changed.before.card or nobody,
        after=changed.after.card or nobody,
        difference=sign + display.estimate(abs(difference), decision.paid.currency),
    )


def _major(micro: int) -> Decimal:
    return Decimal(micro).scaleb(-MICRO_PLACES)
