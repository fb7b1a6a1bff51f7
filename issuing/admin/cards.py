"""Virtual cards: limits are edited in whole currency units; the buttons on the page do everything else."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from audit.edits import AuditedAdmin, VersionedForm
from issuing import entered_amounts, states
from issuing.admin.card_actions import CardActionsAdmin
from issuing.admin.new_card import NewCardAdmin
from issuing.admin.reveal import RevealAdmin
from issuing.admin.top_up import PutMoneyAdmin
from issuing.cards import service as cards
from issuing.cards.flags import flags_of
from issuing.issuers.base import Limits
from issuing.limits.cardholder_limits import why_out_of_order
from issuing.models import VirtualCard
from issuing.operations import availability
from onecard.kit import display, references
from onecard.kit.admin import row_of
from onecard.kit.amount_field import parse_typed
from onecard.kit.confirmation_pages import actor_of
from onecard.kit.money import Money, MoneyError
from wallet.admin.person_link import person_link
from wallet.admin.second_person import show_result
from wallet.entered.amounts import EnteredRefusedError, Kind, is_too_much_alone, two_person_notice

LIMITS = {
    "per_transaction_limit": gettext_lazy("Limit for one purchase"),
    "daily_limit": gettext_lazy("Limit a day"),
    "monthly_limit": gettext_lazy("Limit a month"),
}
TONE: dict[str, str] = {
    states.Card.ACTIVE: "good",
    states.Card.PENDING: "info",
    states.Card.FROZEN: "warn",
    states.Card.SUSPENDED: "warn",
    states.Card.CLOSED: "neutral",
}


class VirtualCardForm(VersionedForm):
    """Limits as people write them: 500.00, in the card's own currency."""

    per_transaction_limit = forms.CharField(max_length=30, widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}))
    daily_limit = forms.CharField(max_length=30, widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}))
    monthly_limit = forms.CharField(max_length=30, widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}))

    # The reason why nothing can be changed now, or "". It is read before the form's transaction, since it asks Redis.
    refusal = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = {name: getattr(self.instance, f"{name}_minor") for name in LIMITS}
        # The limits that a second person must approve, in minor units.
        self.raised: dict[str, int] = {}
        for name, title in LIMITS.items():
            money = Money(getattr(self.instance, f"{name}_minor"), self.instance.currency)
            self.initial[name] = str(money.major)
            self.fields[name].label = _("%(title)s, in %(currency)s") % {
                "title": title,
                "currency": self.instance.currency,
            }
        self.fields["monthly_limit"].help_text = two_person_notice(Kind.LIMITS, self.instance.currency)

    def clean(self) -> dict[str, Any] | None:
        """Puts the limits on the card, exact to the minor unit, without rounding."""
        cleaned = super().clean()
        if self.refusal and set(LIMITS) & set(self.changed_data):
            raise forms.ValidationError(self.refusal, code="read_only")
        for name in LIMITS:
            if name in self.cleaned_data:
                self._set_limit(name, self.cleaned_data[name])
        if not self.errors and set(LIMITS) & set(self.changed_data):
            self._refuse_out_of_order()
        return cleaned

    def _refuse_out_of_order(self) -> None:
        """Both the limits that hold at once and those that hold once a second person agrees have to be in order."""
        now = {name: getattr(self.instance, f"{name}_minor") for name in LIMITS}
        if why_not := why_out_of_order(Limits(*(now | self.raised).values())):
            raise forms.ValidationError(why_not, code="out_of_order")
        if why_not := why_out_of_order(Limits(*now.values())):
            raise forms.ValidationError(
                _("%(why_not)s The higher one waits for a second person: raise this one after that.")
                % {"why_not": why_not},
                code="out_of_order",
            )

    def _set_limit(self, name: str, text: str) -> None:
        """A lower limit holds at once; a much higher one waits for a second person."""
        try:
            money = parse_typed(text, self.instance.currency)
        except MoneyError as error:
            self.add_error(name, f"{error.message}.")
            return
        if money.minor < 0:
            self.add_error(name, _("A limit is not negative; 0 allows nothing."))
            return
        if why_not := entered_amounts.why_not_limit(money):
            self.add_error(name, why_not)
            return
        if money.minor > self.stored[name] and is_too_much_alone(Kind.LIMITS, money):
            self.raised[name] = money.minor
            return
        setattr(self.instance, f"{name}_minor", money.minor)


@admin.register(VirtualCard)
class VirtualCardAdmin(CardActionsAdmin, PutMoneyAdmin, RevealAdmin, NewCardAdmin, AuditedAdmin):
    """Virtual cards. The issuer makes them, so Django's own pages neither add nor delete any."""

    form = VirtualCardForm
    version_field = "version"
    list_display = ("card", "holder", "state", "one_purchase", "a_day", "a_month", "balance", "issuer_card_id")
    list_filter = ("status", "issuer_provider", "card_type")
    list_select_related = ("cardholder",)
    search_ids = (("issuer_provider", "issuer_card_id"),)
    search_fields = ("last_four", "issuer_card_id", "cardholder__name")
    search_help_text = gettext_lazy("Last four, issuer's card id or cardholder")
    readonly_fields = (
        "cardholder",
        "state",
        "balance",
        "card_type",
        "last_four",
        "expiry",
        "issuer_provider",
        "issuer_card_id",
        "synced",
        "flags",
    )
    fieldsets = (
        (gettext_lazy("Limits, counted in the cardholder's own days"), {"fields": (tuple(LIMITS),)}),
        (gettext_lazy("Money on the card"), {"fields": (("balance", "spends_balance"),)}),
        (
            gettext_lazy("The card"),
            {"fields": (("cardholder", "state"), ("card_type", "last_four", "expiry"), "flags")},
        ),
        (gettext_lazy("At the issuer"), {"fields": (("issuer_provider", "issuer_card_id", "synced"),)}),
    )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Reads before the transaction whether the issuer accepts changes."""
        request.limits_refusal = _why_not_now(self, request, object_id) if request.method == "POST" else ""  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.refusal = getattr(request, "limits_refusal", "")
        return form

    def save_model(self, request: HttpRequest, obj: VirtualCard, form: Any, change: bool) -> None:  # noqa: FBT001
        """New limits hold here at once; a worker sends them to the issuer."""
        super().save_model(request, obj, form, change)
        if any(getattr(obj, f"{name}_minor") != minor for name, minor in form.stored.items()):
            cards.request_limits_push(card=obj, requested_by=actor_of(request))
        if form.raised:
            self._propose(request, obj, form)

    def _propose(self, request: HttpRequest, card: VirtualCard, form: Any) -> None:
        now = {name: getattr(card, f"{name}_minor") for name in LIMITS}
        before, after = Limits(*now.values()), Limits(*(now | form.raised).values())
        user: Any = request.user
        try:
            entered = entered_amounts.propose_limits(card=card, before=before, after=after, user=user)
        except EnteredRefusedError as error:
            messages.error(request, error.message)
        else:
            show_result(request, entered)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """People who may only view see the limits as amounts."""
        if obj is not None and self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        return ((_("Limits"), {"fields": (("one_purchase", "a_day", "a_month"),)}), *self.fieldsets[1:])

    @admin.display(description=gettext_lazy("Card"), ordering="last_four")
    def card(self, card: VirtualCard) -> str:
        return str(card)

    @admin.display(description=gettext_lazy("Cardholder"), ordering="cardholder__name")
    def holder(self, card: VirtualCard) -> str | SafeString:
        return person_link(card.cardholder)

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def state(self, card: VirtualCard) -> SafeString:
        return display.label(card.get_status_display(), TONE.get(card.status, "neutral"))

    @admin.display(description=gettext_lazy("One purchase"), ordering="per_transaction_limit_minor")
    def one_purchase(self, card: VirtualCard) -> str:
        return display.money(card.per_transaction_limit_minor, card.currency)

    @admin.display(description=gettext_lazy("A day"), ordering="daily_limit_minor")
    def a_day(self, card: VirtualCard) -> str:
        return display.money(card.daily_limit_minor, card.currency)

    @admin.display(description=gettext_lazy("A month"), ordering="monthly_limit_minor")
    def a_month(self, card: VirtualCard) -> str:
        return display.money(card.monthly_limit_minor, card.currency)

    @admin.display(description=gettext_lazy("Balance"), ordering="balance_minor")
    def balance(self, card: VirtualCard) -> str:
        return display.money(card.balance_minor, card.currency)

    @admin.display(description=gettext_lazy("Expires"))
    def expiry(self, card: VirtualCard) -> str:
        return f"{card.expiry_month:02d}/{card.expiry_year}" if card.expiry_month else display.NOTHING

    @admin.display(description=gettext_lazy("Compliance flags"))
    def flags(self, card: VirtualCard) -> str:
        return ", ".join(flags_of(card)) or display.NOTHING

    @admin.display(description=gettext_lazy("Last synced"))
    def synced(self, card: VirtualCard) -> str:
        return display.moment(card.last_synced_at)


def _why_not_now(model_admin: AuditedAdmin, request: HttpRequest, object_id: str | None) -> str:
    """Returns why this card's limits cannot be changed now, as a sentence, or ""."""
    card = row_of(model_admin, request, object_id)
    if card is None:
        return ""
    if card.status == states.Card.CLOSED:
        return _("This card is closed; its limits can no longer be changed.")
    try:
        availability.refuse_when_read_only(card.issuer_provider)
    except cards.ReadOnlyError as error:
        return error.message
    return ""


references.register("virtualcard", lambda key: reverse("admin:issuing_virtualcard_change", args=[key]))
