"""A person's own rules: listed in their order with what contradicts, added, changed and removed."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import formats
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from onecard.api.access import own
from onecard.kit.money import Money
from onecard.person.form_page import FormPage
from onecard.person.funding.rule_form import RuleForm, currency_of
from onecard.person.page import PersonPage
from routing import personal_rules, strategy
from routing.models import PersonalRule
from wallet.methods import changes
from wallet.models import Cardholder

Action = PersonalRule.Action


class RulePage(PersonPage):
    """A page about the person's rules, in the browser's language."""

    menu = "account"
    is_translated = True


class OwnRules(RulePage):
    """The rules in their order; they come before all that we work out ourselves."""

    def get(self, request: HttpRequest) -> HttpResponse:
        rules = personal_rules.rules_of_person(self.holder)
        return self.render(
            request,
            "funding/rules",
            rules=[(each, in_words(each, currency_of(self.holder))) for each in rules],
            overlaps=[_contradiction(*pair) for pair in personal_rules.overlaps(rules)],
            is_by_value=strategy.is_by_value(self.holder.preference),
            has_cards=bool(changes.cards_of(self.holder)),
        )


class AddOwnRule(FormPage, RulePage):
    """Behind the others, unless a place is given."""

    title = gettext_lazy("Add a rule")
    button = gettext_lazy("Add it")
    back = "person:own-rules"
    template = "funding/rule"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> RuleForm:
        return RuleForm(data, self.holder, None)

    def save(self, request: HttpRequest, form: RuleForm) -> HttpResponse:
        personal_rules.add(self.holder, actor=f"user:{self.person.pk}", **form.values())
        messages.success(request, _("Added. It counts from your next purchase on."))
        return redirect("person:own-rules")


class ChangeOwnRule(FormPage, RulePage):
    """One rule, or its place."""

    title = gettext_lazy("Change the rule")
    button = gettext_lazy("Save")
    back = "person:own-rules"
    template = "funding/rule"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> RuleForm:
        self.rule = own_rule(self.holder, self.kwargs["public_id"])
        return RuleForm(data, self.holder, self.rule)

    def save(self, request: HttpRequest, form: RuleForm) -> HttpResponse:
        personal_rules.change(self.rule, actor=f"user:{self.person.pk}", **form.values())
        messages.success(request, _("Saved. It counts from your next purchase on."))
        return redirect("person:own-rules")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"rule": self.rule}


class RemoveOwnRule(FormPage, RulePage):
    title = gettext_lazy("Remove the rule")
    button = gettext_lazy("Remove it")
    is_for_good = True
    back = "person:own-rules"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> forms.Form:
        self.rule = own_rule(self.holder, self.kwargs["public_id"])
        return forms.Form(data)

    def save(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        personal_rules.remove(self.rule, actor=f"user:{self.person.pk}")
        messages.success(request, _("The rule is removed."))
        return redirect("person:own-rules")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"words": in_words(self.rule, currency_of(self.holder))}


def own_rule(holder: Cardholder, public_id: uuid.UUID) -> PersonalRule:
    """Returns a rule of the person; raises NotFound."""
    return own(PersonalRule.objects.filter(cardholder=holder).select_related("method"), public_id=public_id)


def in_words(rule: PersonalRule, currency: str) -> str:
    """Returns a rule as a sentence: Use Gold at Costco, above 10.00 USD, only abroad."""
    parts = [_first_words(rule, currency)]
    above = Money(rule.above_minor, currency) if rule.above_minor is not None else None
    parts += [_("above %(amount)s") % {"amount": above}] if above else []
    parts += [] if rule.is_foreign is None else [_("only abroad") if rule.is_foreign else _("only at home")]
    parts += [_("from %(day)s on") % {"day": _day(rule.counts_from)}] if rule.counts_from else []
    parts += [_("until %(day)s") % {"day": _day(rule.until)}] if rule.until else []
    return ", ".join(parts) + "."


def _first_words(rule: PersonalRule, currency: str) -> str:
    sentences = {
        Action.USE: _("Use %(card)s"),
        Action.NEVER: _("Never use %(card)s"),
        Action.TARGET: _("Use %(card)s until %(amount)s are spent on it"),
    }
    said = sentences[Action(rule.action)] % {"card": rule.method.name, "amount": Money(rule.target_minor, currency)}
    if not rule.merchants:
        return said
    either = _("or")
    return _("%(what)s at %(shops)s") % {"what": said, "shops": f" {either} ".join(rule.merchants)}


def _contradiction(first: PersonalRule, second: PersonalRule) -> str:
    values = {"first": first.position, "second": second.position}
    if Action.NEVER in (first.action, second.action):
        words = _(
            "Rules %(first)s and %(second)s may meet at one purchase and contradict each other; then the one that "
            "forbids a card holds."
        )
    else:
        words = _(
            "Rules %(first)s and %(second)s may meet at one purchase and contradict each other; then rule %(first)s "
            "decides."
        )
    return words % values


def _day(day: Any) -> str:
    return formats.date_format(day, "j. F Y" if get_language() == "de" else "j F Y")
