"""The form of a person's own rule, and the currency of its amounts."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy

from issuing import states
from onecard.kit.amount_field import AmountField, typed
from onecard.kit.money import Money
from routing.models import PersonalRule
from wallet.methods import changes
from wallet.models import Cardholder, FundingMethod

Action = PersonalRule.Action
ACTIONS: Final = (
    ("", gettext_lazy("Choose one")),
    (Action.USE.value, gettext_lazy("Use this card")),
    (Action.NEVER.value, gettext_lazy("Never use this card")),
    (Action.TARGET.value, gettext_lazy("Use this card until its target is spent")),
)
PLACES: Final = (
    ("", gettext_lazy("At home and abroad")),
    ("true", gettext_lazy("Only abroad")),
    ("false", gettext_lazy("Only at home")),
)
ABROAD: Final = {"": None, "true": True, "false": False}


class DayInput(forms.DateInput):
    """A day as browsers read and write it, whatever the page's language."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class RuleForm(forms.Form):
    """A rule about one card. What is left empty covers every purchase."""

    action = forms.ChoiceField(label=gettext_lazy("What to do"), choices=ACTIONS)
    method = forms.ModelChoiceField(
        label=gettext_lazy("Card"), queryset=FundingMethod.objects.none(), empty_label=gettext_lazy("Choose one")
    )  # fmt: skip
    merchants = forms.CharField(
        label=gettext_lazy("Shops"), required=False, max_length=5000, widget=forms.Textarea({"rows": 3}),
        help_text=gettext_lazy("The beginnings of their names, one a line. Empty: everywhere."),
    )  # fmt: skip
    above = AmountField(
        label=gettext_lazy("Only above"), required=False, widget=forms.TextInput({"inputmode": "decimal"})
    )  # fmt: skip
    where = forms.ChoiceField(label=gettext_lazy("Where"), choices=PLACES, required=False)
    counts_from = forms.DateField(label=gettext_lazy("First day"), required=False, widget=DayInput)
    until = forms.DateField(label=gettext_lazy("Last day"), required=False, widget=DayInput)
    target = AmountField(
        label=gettext_lazy("To be spent on the card between these days, for a welcome bonus"), required=False,
        widget=forms.TextInput({"inputmode": "decimal"}),
    )  # fmt: skip
    position = forms.IntegerField(
        label=gettext_lazy("Place in the list"), required=False, min_value=1, max_value=1000,
        help_text=gettext_lazy("The first rule that can decide does."),
    )  # fmt: skip

    def __init__(self, data: Any, holder: Cardholder, rule: PersonalRule | None) -> None:
        self.currency = currency_of(holder)
        super().__init__(data, initial=_initial(rule, self.currency) if rule else None)
        cards = changes.cards_of(holder)
        rows = holder.funding_methods.filter(pk__in=[each.pk for each in cards]).order_by("position", "pk")
        self.fields["method"].queryset = rows  # type: ignore[attr-defined]
        self.of_currency("above", "target")

    def of_currency(self, *names: str) -> None:
        """Has these amounts read in the currency of the person's card."""
        for name in names:
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


def currency_of(holder: Cardholder) -> str:
    """The currency of the person's newest living card; US dollars before they have one."""
    living = holder.virtual_cards.exclude(status=states.Card.CLOSED)
    return living.order_by("-pk").values_list("currency", flat=True).first() or "USD"


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
