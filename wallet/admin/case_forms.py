"""The forms of a case's buttons: each knows the facts of its case."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.amount_field import AmountField
from onecard.kit.confirmation_pages import AreaWidget, ReasonForm, SelectWidget
from wallet.admin import second_person
from wallet.casework import desk as case_desk
from wallet.casework import rules as case_rules
from wallet.casework.rules import CaseFacts
from wallet.models import FundingMethod


class CaseForm(forms.Form):
    """A form that knows the facts of its case."""

    def __init__(self, data: Any, facts: CaseFacts) -> None:
        super().__init__(data)
        self.facts = facts


class WhyForm(CaseForm, ReasonForm):
    """A form that asks only for a reason."""


class NoteForm(CaseForm):
    """A form for a note."""

    text = forms.CharField(
        label=gettext_lazy("Note"), max_length=case_desk.LONGEST_NOTE, widget=AreaWidget({"rows": 5})
    )


class AnotherCardForm(WhyForm):
    """A form that chooses another card of the cardholder."""

    method = forms.TypedChoiceField(label=gettext_lazy("Card"), widget=SelectWidget)
    field_order = ("method", "reason")

    def __init__(self, data: Any, facts: CaseFacts) -> None:
        super().__init__(data, facts)
        self.known = {str(each.pk): each for each in case_rules.other_methods(facts)}
        self.fields["method"].choices = [(key, str(each)) for key, each in self.known.items()]  # type: ignore[attr-defined]

    def clean_method(self) -> FundingMethod:
        return self.known[self.cleaned_data["method"]]


class RefundForm(WhyForm):
    """A form for the amount of a refund.

    `shown_minor` is what the page showed as refunded so far: after a second click it no longer matches.
    """

    amount = AmountField(label=gettext_lazy("Amount"))
    shown_minor = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    field_order = ("amount", "reason", "shown_minor")

    def __init__(self, data: Any, facts: CaseFacts) -> None:
        super().__init__(data, facts)
        left = facts.left_to_give_back
        amount: AmountField = self.fields["amount"]  # type: ignore[assignment]
        amount.of(
            left.currency,
            hint=_("At most %(left)s.") % {"left": left},
        )
        self.fields["shown_minor"].initial = facts.given_back_minor


class AgreeForm(CaseForm, second_person.AgreeForm):
    """A form that agrees to the proposal as the page shows it."""

    def __init__(self, data: Any, facts: CaseFacts) -> None:
        super().__init__(data, facts)
        self.fields["shown_minor"].initial = facts.case.proposed_minor
