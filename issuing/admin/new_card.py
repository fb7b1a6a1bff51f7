"""The page on which staff order a virtual card for a cardholder."""

from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.admin.card_actions import latest_change, show_change_result
from issuing.cards import service as cards
from issuing.entered_amounts import why_not_limit
from issuing.issuers.base import Limits
from issuing.models import CardChange, VirtualCard
from onecard.kit.admin import BaseAdmin
from onecard.kit.amount_field import parse_typed, typed
from onecard.kit.confirmation_pages import (
    Confirmation,
    SelectWidget,
    TextWidget,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
    way_back,
)
from onecard.kit.money import Money, MoneyError
from wallet.entered.amounts import Kind, is_too_much_alone, two_person_notice
from wallet.models import Cardholder

if TYPE_CHECKING:
    HolderField = forms.ModelChoiceField[Cardholder]
else:
    HolderField = forms.ModelChoiceField

AMOUNTS = {
    "per_transaction": gettext_lazy("Limit for one purchase"),
    "daily": gettext_lazy("Limit a day"),
    "monthly": gettext_lazy("Limit a month"),
}


TWO_PEOPLE = gettext_lazy("So high a limit takes a second person.")


class NewCardForm(forms.Form):
    """The cardholder, the card's currency, and limits in whole units of it."""

    cardholder: Any = HolderField(Cardholder.objects.all(), label=gettext_lazy("Cardholder"))
    card_type = forms.ChoiceField(
        label=gettext_lazy("Card type"), choices=VirtualCard.CardType.choices, widget=SelectWidget
    )
    currency = forms.CharField(label=gettext_lazy("Currency"), max_length=3, initial="USD", widget=TextWidget)
    per_transaction = forms.CharField(label=AMOUNTS["per_transaction"], max_length=30, widget=TextWidget)
    daily = forms.CharField(label=AMOUNTS["daily"], max_length=30, widget=TextWidget)
    monthly = forms.CharField(label=AMOUNTS["monthly"], max_length=30, widget=TextWidget)

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean(self) -> dict[str, Any] | None:
        """Reads amounts exactly to the minor unit, without rounding."""
        cleaned = super().clean()
        for name in AMOUNTS:
            if name in self.cleaned_data and "currency" in self.cleaned_data:
                self._read_amount(name)
        return cleaned

    def _read_amount(self, name: str) -> None:
        try:
            limit = parse_typed(self.cleaned_data[name], self.cleaned_data["currency"])
        except MoneyError as error:
            self.add_error(name, f"{error.message}.")
            return
        self.cleaned_data[name] = limit.minor
        if limit.minor > 0 and (why_not := why_not_limit(limit)):
            self.add_error(name, why_not)
        elif limit.minor > 0 and is_too_much_alone(Kind.LIMITS, limit):
            self.add_error(
                name,
                _("%(two_people)s Make the card with less, and raise it on the card's page.")
                % {"two_people": TWO_PEOPLE},
            )

    def limits(self) -> Limits:
        return Limits(*(self.cleaned_data[name] for name in AMOUNTS))


class NewCardAdmin(BaseAdmin):
    """Gives the list of virtual cards its button “New virtual card”."""

    actions_list = ("new_card",)
    autocomplete_fields = ("cardholder",)

    def has_make_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Named “make” because Django's “add” permission belongs to a plain form, which does not exist here."""
        return request.user.has_perm("issuing.add_virtualcard")

    @page_action(description=gettext_lazy("New virtual card"), url_path="new", permissions=["make"], icon="add_card")
    def new_card(self, request: HttpRequest) -> HttpResponse:
        form = NewCardForm(posted(request), initial=_first_values(request))
        field = VirtualCard._meta.get_field("cardholder")
        form.fields["cardholder"].widget = self.formfield_for_foreignkey(field, request).widget  # type: ignore[union-attr]
        form.fields["cardholder"].widget.choices = form.fields["cardholder"].choices  # type: ignore[attr-defined]
        return ask_or_do(
            request,
            _confirmation(),
            form,
            partial(_make, form, actor_of(request)),
            done=partial(_show, request),
            refusals=(cards.CardRefusedError,),
        )


def _make(form: NewCardForm, actor: str, **asked: Any) -> VirtualCard:
    return cards.create_virtual_card(
        cardholder=asked["cardholder"],
        card_type=asked["card_type"],
        currency=asked["currency"],
        limits=form.limits(),
        requested_by=actor,
    )


def _show(request: HttpRequest, card: VirtualCard) -> HttpResponse:
    made = latest_change(card, CardChange.Kind.CREATE)
    show_change_result(request, made, done=_("The card is made; it waits to be activated."))
    return redirect(way_back(request, change_page(card)))


def _confirmation() -> Confirmation:
    return Confirmation(
        title=_("New virtual card"),
        words=_(
            "The card is made at the issuer that the rollout gives this person, and waits to be "
            "activated. %(two_person_notice)s Such a limit is raised on the card's page, once the "
            "card is made."
        )
        % {"two_person_notice": two_person_notice(Kind.LIMITS, "USD")},
        button=_("Make the card"),
        back=reverse("admin:issuing_virtualcard_changelist"),
    )


def _first_values(request: HttpRequest) -> dict[str, Any]:
    limits = cards.DEFAULT_LIMITS
    amounts = (limits.per_transaction_minor, limits.daily_minor, limits.monthly_minor)
    shown = {name: typed(Money(minor, "USD")) for name, minor in zip(AMOUNTS, amounts, strict=True)}
    return {**shown, "cardholder": request.GET.get("cardholder")}
