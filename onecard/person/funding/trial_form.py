"""The form in which a rule is tried: the rule, how far to look back, and a purchase that one may leave out."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.backtest.rule_trial import Bought
from onecard.kit.amount_field import AmountField
from onecard.person.funding.rule_form import RuleForm
from onecard.person.preview import kinds_of_shop
from routing.models import PersonalRule
from wallet.models import Cardholder

DAYS: Final = ((7, gettext_lazy("7 days")), (30, gettext_lazy("30 days")), (90, gettext_lazy("90 days")))
USUAL_DAYS: Final = 30
OF_A_PURCHASE: Final = ("what", "shop", "amount")


class TrialForm(RuleForm):
    """A rule as it would be, how far to look back, and a purchase that one may leave out."""

    days = forms.TypedChoiceField(
        label=gettext_lazy("How far back"), choices=DAYS, coerce=int, initial=USUAL_DAYS
    )  # fmt: skip
    what = forms.CharField(
        label=gettext_lazy("Kind of shop"), required=False, max_length=80,
        help_text=gettext_lazy("Such as grocery, or its MCC, such as 5411."),
    )  # fmt: skip
    shop = forms.CharField(label=gettext_lazy("Name of the shop"), required=False, max_length=120)
    amount = AmountField(
        label=gettext_lazy("Amount"), required=False, widget=forms.TextInput({"inputmode": "decimal"})
    )  # fmt: skip

    def __init__(self, data: Any, holder: Cardholder, rule: PersonalRule | None) -> None:
        # The page that adds or changes a rule leads here and knows no days; what counts must be what is shown.
        if data is not None and not data.get("days"):
            data = data.copy()
            data["days"] = str(USUAL_DAYS)
        super().__init__(data, holder, rule)
        self.of_currency("amount")

    def clean_what(self) -> str:
        typed = str(self.cleaned_data["what"]).strip()
        code, found = kinds_of_shop(typed) if typed else ("", [])
        if typed and not code:
            listed = ", ".join(f"{each.code} {each.description}" for each in found[:5])
            words = _("Several kinds of shop fit. Write the MCC of one: %(kinds)s.")
            raise forms.ValidationError(words % {"kinds": listed})
        return code

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if "what" in given and "amount" in given and bool(given["what"]) != bool(given["amount"]):
            lacking = "amount" if given["what"] else "what"
            self.add_error(lacking, _("Give both, the kind of shop and the amount, or neither."))
        return given

    def clean_amount(self) -> Any:
        amount = self.cleaned_data["amount"]
        if amount and amount.minor <= 0:
            raise forms.ValidationError(_("It must be more than zero."))
        return amount

    def groups(self) -> list[tuple[str, str, list[Any]]]:
        """Returns the fields as the page groups them, each group with its name and a sentence."""
        rule = [self[name] for name in RuleForm.base_fields]
        hint = _("It is also tried on your purchases of the last days.")
        return [
            (_("The rule"), "", rule),
            (_("A purchase to try it on"), _("You may leave this out."), [self[name] for name in OF_A_PURCHASE]),
            (_("Your purchases until now"), hint, [self["days"]]),
        ]

    def bought(self) -> Bought | None:
        """Returns the purchase to try the rule on, if one was given."""
        given = self.cleaned_data
        return Bought(given["what"], given["shop"], given["amount"]) if given["what"] else None
