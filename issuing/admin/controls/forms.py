"""The small forms about a control: whom it is for, the days of its preview, which version, whom it leaves out."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.admin.controls.editor import ControlForm
from issuing.backtest.controls import asking
from issuing.models import Control, ControlVersion, Provider, VirtualCard
from onecard.kit.confirmation_pages import ReasonForm, SelectWidget, TextWidget
from onecard.users import people
from onecard.users.models import User
from wallet.models import Cardholder

if TYPE_CHECKING:
    RowsField = forms.ModelMultipleChoiceField[Any]
else:
    RowsField = forms.ModelMultipleChoiceField


class CardField(forms.CharField):
    """One virtual card, by an id that its page shows."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        of_issuer = VirtualCard.objects.filter(issuer_provider__in=Provider.values, issuer_card_id=text)
        found = _by_public_id(VirtualCard, text) or (of_issuer.first() if text else None)
        return _found(found, text, _("No card has this id: copy it from the card's page."))


class CardholderField(forms.CharField):
    """One cardholder, by their mail address, login or id."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        login = (people.find(text) or User.objects.filter(username=text).first()) if text else None
        found = _by_public_id(Cardholder, text) or (Cardholder.objects.filter(user=login).first() if login else None)
        nobody = _("Nobody has this address, login or id: copy one from the person's page.")
        return _found(found, text, nobody)


def _by_public_id(model: Any, text: str) -> Any:
    try:
        return model.objects.filter(public_id=uuid.UUID(text)).first()
    except ValueError:
        return None


def _found(row: Any, text: str, nothing: str) -> Any:
    """Returns the row that a text names; None for no text."""
    if text and row is None:
        raise forms.ValidationError(nothing)
    return row


class NewControlForm(ControlForm):
    """The editor with the control's name and whom it is for."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, widget=TextWidget)
    applies_to = forms.ChoiceField(label=gettext_lazy("Applies to"), choices=Control.Scope.choices, widget=SelectWidget)
    cardholder = CardholderField(
        label=gettext_lazy("Cardholder"), required=False, max_length=254, widget=TextWidget,
        help_text=gettext_lazy("For a control of one cardholder: their mail address, login or id."),
    )  # fmt: skip
    card = CardField(
        label=gettext_lazy("Card"), required=False, max_length=80, widget=TextWidget,
        help_text=gettext_lazy("For a control of one card: an id that its page shows."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any] | None:
        """Takes the one row that the choice names, and says where it is missing."""
        found = self.cleaned_data
        self.scope = found.get("applies_to") or Control.Scope.PROGRAMME
        for name in ("cardholder", "card"):
            if name != self.scope:
                found[name] = None
            elif not found.get(name) and name not in self.errors:
                self.add_error(name, _("Choose it, or have the control apply to all cards."))
        return super().clean()


class PreviewForm(forms.Form):
    """Over how many days."""

    days = forms.IntegerField(
        label=gettext_lazy("Purchases of the last days"), min_value=1, max_value=asking.MOST_DAYS,
        initial=asking.DEFAULT_DAYS, widget=TextWidget({"inputmode": "numeric"}),
    )  # fmt: skip


class PublishForm(forms.Form):
    """Publishes the version that the page shows."""

    shown_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class SwitchOffForm(ReasonForm):
    """Which version ends, and why."""

    field_order = ("version", "reason")

    def __init__(self, living: Mapping[str, ControlVersion], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        named = [
            (key, _("Version %(number)s: %(state)s") % {"number": each.number, "state": each.get_state_display()})
            for key, each in living.items()
        ]
        self.fields["version"] = forms.ChoiceField(label=gettext_lazy("Version"), choices=named, widget=SelectWidget)
        self.order_fields(self.field_order)


class ExclusionsForm(ReasonForm):
    """Whom a control leaves out: those of now can be taken in again, and a card and a cardholder be added."""

    field_order = ("take_in_cards", "take_in_cardholders", "add_card", "add_cardholder", "reason")
    add_card = CardField(
        label=gettext_lazy("Leave out a card"), required=False, max_length=80, widget=TextWidget,
        help_text=gettext_lazy("An id that its page shows."),
    )  # fmt: skip
    add_cardholder = CardholderField(
        label=gettext_lazy("Leave out a person"), required=False, max_length=254, widget=TextWidget,
        help_text=gettext_lazy("Their mail address, login or id."),
    )  # fmt: skip

    def __init__(self, control: Control, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.control = control
        of_now = (
            ("take_in_cards", _("Take in again: cards"), VirtualCard.objects, control.excluded_card_ids),
            ("take_in_cardholders", _("Take in again: people"), Cardholder.objects, control.excluded_cardholder_ids),
        )
        for name, label, manager, keys in of_now:
            if keys:
                rows: Any = manager.filter(pk__in=keys)
                self.fields[name] = RowsField(rows, label=label, required=False, widget=forms.CheckboxSelectMultiple)
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors and self.after() == self._before():
            raise forms.ValidationError(_("This changes nothing: choose a card or a person."))
        return cleaned

    def after(self) -> tuple[set[int], set[int]]:
        """Returns the keys of the cards and cardholders that the control leaves out then."""
        cards, holders = self._before()
        return (
            self._changed(cards, "take_in_cards", "add_card"),
            self._changed(holders, "take_in_cardholders", "add_cardholder"),
        )

    def _before(self) -> tuple[set[int], set[int]]:
        return set(self.control.excluded_card_ids), set(self.control.excluded_cardholder_ids)

    def _changed(self, keys: set[int], taken_in: str, added: str) -> set[int]:
        kept = keys - {row.pk for row in self.cleaned_data.get(taken_in) or ()}
        row = self.cleaned_data.get(added)
        return kept | {row.pk} if row is not None else kept
