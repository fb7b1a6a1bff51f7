"""A person's own rules: listed in their order with what contradicts, added, changed and removed."""

import uuid
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing import states
from onecard.api.access import own
from onecard.kit.amount_field import AmountField, typed
from onecard.kit.money import Money
from onecard.person.form_page import FormPage, to_choose
from onecard.person.page import PersonPage
from routing import personal_rules
from routing.models import PersonalRule
from wallet.methods import changes
from wallet.models import Cardholder, FundingMethod

Action = PersonalRule.Action
ACTIONS: Final = (
    (Action.USE.value, "Use this card"),
    (Action.NEVER.value, "Never use this card"),
    (Action.TARGET.value, "Use this card until its target is spent"),
)
PLACES: Final = (("", "At home and abroad"), ("true", "Only abroad"), ("false", "Only at home"))
ABROAD: Final = {"": None, "true": True, "false": False}


class OwnRules(PersonPage):
    """The rules in their order; they come before all that we work out ourselves."""

    menu = "account"

    def get(self, request: HttpRequest) -> HttpResponse:
        rules = personal_rules.rules_of_person(self.holder)
        return self.render(
            request,
            "funding/rules",
            rules=[(each, in_words(each, currency_of(self.holder))) for each in rules],
            overlaps=personal_rules.overlaps(rules),
            is_by_value=self.holder.preference == "value",
            has_cards=bool(changes.cards_of(self.holder)),
        )


class RuleForm(forms.Form):
    """A rule about one card. What is left empty covers every purchase."""

    action = forms.ChoiceField(label="What to do", choices=to_choose(ACTIONS))
    method = forms.ModelChoiceField(label="Card", queryset=FundingMethod.objects.none(), empty_label="Choose one")
    merchants = forms.CharField(
        label="Shops", required=False, max_length=5000, widget=forms.Textarea({"rows": 3}),
        help_text="The beginnings of their names, one a line. Empty: everywhere.",
    )  # fmt: skip
    above = AmountField(label="Only above", required=False, widget=forms.TextInput({"inputmode": "decimal"}))
    where = forms.ChoiceField(label="Where", choices=PLACES, required=False)
    counts_from = forms.DateField(label="First day", required=False, widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(label="Last day", required=False, widget=forms.DateInput({"type": "date"}))
    target = AmountField(
        label="To be spent on the card between these days, for a welcome bonus", required=False,
        widget=forms.TextInput({"inputmode": "decimal"}),
    )  # fmt: skip
    position = forms.IntegerField(
        label="Place", required=False, min_value=1, max_value=1000, help_text="The first rule that can decide does."
    )

    def __init__(self, data: Any, holder: Cardholder, rule: PersonalRule | None) -> None:
        self.currency = currency_of(holder)
        super().__init__(data, initial=_initial(rule, self.currency) if rule else None)
        cards = changes.cards_of(holder)
        rows = holder.funding_methods.filter(pk__in=[each.pk for each in cards]).order_by("position", "pk")
        self.fields["method"].queryset = rows  # type: ignore[attr-defined]
        for name in ("above", "target"):
            field = self.fields[name]
            assert isinstance(field, AmountField)  # noqa: S101  (for the type checker)
            field.of(self.currency)

    def values(self) -> dict[str, Any]:
        """Returns the rule as `personal_rules` takes it."""
        given = self.cleaned_data
        lines = [" ".join(line.split()) for line in given["merchants"].splitlines()]
        found = {
            "action": given["action"],
            "method": given["method"],
            "merchants": [line for line in lines if line],
            "above_minor": given["above"].minor if given["above"] else None,
            "is_foreign": ABROAD[given["where"]],
            "counts_from": given["counts_from"],
            "until": given["until"],
            "target_minor": given["target"].minor if given["target"] else 0,
        }
        return found | ({"position": given["position"]} if given["position"] else {})


class AddOwnRule(FormPage, PersonPage):
    """Behind the others, unless a place is given."""

    menu = "account"
    title = "Add a rule"
    button = "Add it"
    back = "person:own-rules"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> RuleForm:
        return RuleForm(data, self.holder, None)

    def save(self, request: HttpRequest, form: RuleForm) -> HttpResponse:
        personal_rules.add(self.holder, actor=f"user:{self.person.pk}", **form.values())
        messages.success(request, "Added. It counts from your next purchase on.")
        return redirect("person:own-rules")


class ChangeOwnRule(FormPage, PersonPage):
    """One rule, or its place."""

    menu = "account"
    title = "Change the rule"
    back = "person:own-rules"
    template = "funding/rule"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> RuleForm:
        self.rule = own_rule(self.holder, self.kwargs["public_id"])
        return RuleForm(data, self.holder, self.rule)

    def save(self, request: HttpRequest, form: RuleForm) -> HttpResponse:
        personal_rules.change(self.rule, actor=f"user:{self.person.pk}", **form.values())
        messages.success(request, "Saved. It counts from your next purchase on.")
        return redirect("person:own-rules")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"rule": self.rule}


class RemoveOwnRule(FormPage, PersonPage):
    menu = "account"
    title = "Remove the rule"
    button = "Remove it"
    is_for_good = True
    back = "person:own-rules"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> forms.Form:
        self.rule = own_rule(self.holder, self.kwargs["public_id"])
        return forms.Form(data)

    def save(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        personal_rules.remove(self.rule, actor=f"user:{self.person.pk}")
        messages.success(request, "The rule is removed.")
        return redirect("person:own-rules")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"words": in_words(self.rule, currency_of(self.holder))}


def own_rule(holder: Cardholder, public_id: uuid.UUID) -> PersonalRule:
    """Returns a rule of the person; raises NotFound."""
    return own(PersonalRule.objects.filter(cardholder=holder).select_related("method"), public_id=public_id)


def in_words(rule: PersonalRule, currency: str) -> str:
    """Returns a rule as a sentence: Use Gold at Costco, above 10.00 USD, only abroad."""
    verbs = {Action.USE: "Use", Action.NEVER: "Never use", Action.TARGET: "Use"}
    said = f"{verbs[Action(rule.action)]} {rule.method.name}"
    if rule.action == Action.TARGET:
        said += f" until {Money(rule.target_minor, currency)} are spent on it"
    parts = [said + (f" at {' or '.join(rule.merchants)}" if rule.merchants else "")]
    parts += [f"above {Money(rule.above_minor, currency)}"] if rule.above_minor is not None else []
    parts += [] if rule.is_foreign is None else ["only abroad" if rule.is_foreign else "only at home"]
    parts += [f"from {_day(rule.counts_from)} on"] if rule.counts_from else []
    parts += [f"until {_day(rule.until)}"] if rule.until else []
    return ", ".join(parts) + "."


def currency_of(holder: Cardholder) -> str:
    """The currency of the person's newest living card; US dollars before they have one."""
    living = holder.virtual_cards.exclude(status=states.Card.CLOSED)
    return living.order_by("-pk").values_list("currency", flat=True).first() or "USD"


def _day(day: Any) -> str:
    return f"{day.day} {day:%B %Y}"


def _initial(rule: PersonalRule, currency: str) -> dict[str, Any]:
    def amount(minor: int | None) -> str:
        return typed(Money(minor, currency)) if minor else ""

    return {
        "action": rule.action,
        "method": rule.method_id,
        "merchants": "\n".join(rule.merchants),
        "above": amount(rule.above_minor),
        "where": {None: "", True: "true", False: "false"}[rule.is_foreign],
        "counts_from": rule.counts_from,
        "until": rule.until,
        "target": amount(rule.target_minor),
        "position": rule.position,
    }
