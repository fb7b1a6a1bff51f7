"""The checks of the wallet's admin forms, with messages for staff."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextInputWidget

from audit.edits import VersionedForm
from onecard.kit import clock
from onecard.kit.money import MoneyError, currency_exponent
from wallet.kyc.fields import FIELDS, ProfileError, checked
from wallet.methods import earning
from wallet.models import Cardholder, CardProduct, FundingMethod

if TYPE_CHECKING:
    AnyModelForm = forms.ModelForm[FundingMethod]
    AnyProductForm = forms.ModelForm[CardProduct]
    AnyInlineFormSet = forms.BaseInlineFormSet[FundingMethod, Cardholder, forms.ModelForm[FundingMethod]]
else:
    AnyModelForm = AnyProductForm = forms.ModelForm
    # Unfold's inline templates read attributes that only its own formset has.
    AnyInlineFormSet = PaginationInlineFormSet


class CardholderForm(VersionedForm):
    """The form of a cardholder. An edit of any of their cards counts as an edit of the wallet."""

    version_field = "wallet_version"

    def clean(self) -> dict[str, Any] | None:
        """Checks what was changed of the profile as it is checked when the person gives it."""
        cleaned = super().clean()
        columns = {field.column: name for name, field in FIELDS.items() if field.column in self.cleaned_data}
        values = {name: self.cleaned_data[column] for column, name in columns.items()}
        changed = {name: values[name] for column, name in columns.items() if column in self.changed_data}
        try:
            self.cleaned_data.update(checked(changed, known=values, today=clock.now().date()))
        except ProfileError as error:
            for name, words in error.by_name.items():
                self.add_error(FIELDS[name].column, words)
        return cleaned

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields.get("user")
        if login is not None and self.instance.pk is not None:
            login.disabled = True
            login.help_text = _("Fixed: whoever logs in with it sees the numbers of this wallet's cards.")

    def clean_user(self) -> Any:
        """Refuses a staff user as the owner of a wallet.

        Otherwise a member of staff could read a person's card numbers as the cardholder.
        """
        user = self.cleaned_data["user"]
        if self.instance.pk is None and (user.is_staff or user.is_superuser):
            raise forms.ValidationError(_("This login belongs to staff. A wallet needs a login of its own."))
        return user


class CardProductForm(AnyProductForm):
    """Says in which currency the fee is."""

    class Meta:
        labels = {"annual_fee_minor": gettext_lazy("Annual fee, in minor units (9500 is 95.00)")}


class QuartersField(forms.CharField):
    """Activated quarters as a comma list; a new one is activated from now on."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(sorted(value)) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        quarters = [each for each in str(value or "").replace(" ", "").split(",") if each]
        try:
            return earning.activated(quarters, known={})
        except earning.EarningRefusedError as error:
            raise forms.ValidationError(error.message) from error


class ChoicesField(forms.CharField):
    """Chosen categories as `bonus: category, category`, several bonuses with a semicolon between them."""

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return "; ".join(f"{bonus}: {', '.join(tags)}" for bonus, tags in sorted(value.items()))

    def to_python(self, value: Any) -> Any:
        pairs = [each.partition(":") for each in str(value or "").replace(" ", "").split(";") if each]
        try:
            return earning.chosen({bonus: filter(None, tags.split(",")) for bonus, _colon, tags in pairs})
        except earning.EarningRefusedError as error:
            raise forms.ValidationError(error.message) from error


class FundingMethodForm(AnyModelForm):
    """The form of one card in a wallet."""

    activations = QuartersField(
        label=gettext_lazy("activated quarters"), required=False, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Such as 2026Q3, 2026Q4."),
    )  # fmt: skip
    choices = ChoicesField(
        label=gettext_lazy("chosen categories"), required=False, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Such as choice_5: utilities, fitness; choice_2: gas. The terms of the card name them."),
    )  # fmt: skip

    class Meta:
        widgets = {"currencies": UnfoldAdminTextInputWidget}

    def _post_clean(self) -> None:
        """What staff say of the status is not what the card's date says."""
        super()._post_clean()  # type: ignore[misc]
        if "status" in self.changed_data:
            self.instance.disabled_because = ""

    def clean_activations(self) -> dict[str, str | None]:
        """Keeps the moments of quarters that were activated before."""
        return earning.activated(self.cleaned_data["activations"], known=self.instance.activations)

    def clean_currencies(self) -> list[str]:
        """Accepts only known currency codes, in upper case: routing would skip the card for any other code."""
        codes = [str(code).strip().upper() for code in self.cleaned_data["currencies"]]
        for code in codes:
            try:
                currency_exponent(code)
            except MoneyError as error:
                raise forms.ValidationError(f"{error.message}.") from None
        return codes


class FundingMethodFormSet(AnyInlineFormSet):
    """The cards of a wallet. One save can move the backup from one card to another."""

    def clean(self) -> None:
        """Checks the whole wallet, including cards that another page added in the meantime."""
        super().clean()
        shown = [form.instance.pk for form in self.forms if form.instance.pk is not None]
        others = FundingMethod.objects.filter(cardholder=self.instance.pk, is_backup=True).exclude(pk__in=shown)
        backups = [form.instance for form in self.forms if form.is_valid() and form.cleaned_data.get("is_backup")]
        if len(backups) + len(others) > 1:
            names = ", ".join(str(method) for method in [*backups, *others])
            raise forms.ValidationError(
                _("A wallet has one backup card. Choose one of: %(names)s.") % {"names": names}, code="two_backups"
            )

    def save_existing_objects(self, commit: bool = True) -> list[FundingMethod]:  # noqa: FBT001, FBT002
        """Saves the card that stops being the backup before the card that becomes it."""
        leaving = [form.instance.pk for form in self.initial_forms if not form.cleaned_data.get("is_backup")]
        if commit:
            FundingMethod.objects.filter(pk__in=leaving, is_backup=True).update(is_backup=False)
        return super().save_existing_objects(commit)
