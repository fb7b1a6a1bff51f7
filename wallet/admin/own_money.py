"""Top-ups and payouts, with the button that enters what no issuer or processor lists."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.amount_field import parse_typed
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    SelectWidget,
    TextWidget,
    ask_or_do,
    page_action,
    posted,
)
from onecard.kit.money import MoneyError, currency_exponent
from onecard.kit.range_filters import AmountFilter
from onecard.kit.words import Words
from wallet.admin.second_person import announced, show_result
from wallet.models import EnteredAmount, OwnTransfer
from wallet.own_money import by_hand
from wallet.states import OwnTransfer as Status

LIST = "admin:wallet_owntransfer_changelist"
TONE: dict[str, str] = {
    Status.PENDING: "info",
    Status.IN_TRANSIT: "info",
    Status.ARRIVED: "good",
    Status.FAILED: "bad",
    Status.CANCELED: "neutral",
    Status.REVERSED: "bad",
}
SENT, RECEIVED = "sent", "received"
WAYS: list[tuple[str, Words]] = [
    (SENT, gettext_lazy("It left our bank")),
    (RECEIVED, gettext_lazy("It came to our bank")),
]


class OwnMoneyForm(ReasonForm):
    """What the bank's statement says."""

    place = forms.ChoiceField(
        label=gettext_lazy("The other side"),
        choices=[(name, place.label) for name, place in by_hand.PLACES.items()],
        widget=SelectWidget,
    )
    way = forms.ChoiceField(label=gettext_lazy("Which way"), choices=WAYS, widget=SelectWidget)
    currency = forms.CharField(label=gettext_lazy("Currency"), max_length=3, initial="USD", widget=TextWidget)
    amount = forms.CharField(label=gettext_lazy("Amount"), max_length=20, widget=TextWidget({"inputmode": "decimal"}))
    moved_on = forms.DateField(label=gettext_lazy("Day of the statement"), widget=TextWidget({"type": "date"}))

    field_order = ("place", "way", "amount", "currency", "moved_on", "reason")

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).upper()
        try:
            currency_exponent(code)
        except MoneyError as error:
            raise forms.ValidationError(f"{error.message}.") from None
        return code

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if "currency" in found and "amount" in found:
            try:
                found["amount"] = parse_typed(found["amount"], found["currency"])
            except MoneyError as error:
                self.add_error("amount", f"{error.message}.")
        return found


@admin.register(OwnTransfer)
class OwnTransferAdmin(ReadOnlyAdmin):
    """Our own money between our bank, the processor and the issuer, newest first."""

    list_display = ("made", "what", "amount", "state", "expected", "is_booked", "failure")
    list_filter = ("created_at", AmountFilter, "kind", "status")
    search_ids = (("processor_transfer_id",),)
    search_fields = ("processor_transfer_id",)
    search_help_text = gettext_lazy("The processor's id, such as po_… or tu_…")
    nothing_yet = gettext_lazy(
        "They appear here by themselves, within ten minutes of being made in the processor's dashboard."
    )
    actions_list = ("enter_own_money",)
    fields = (("what", "state"), ("amount", "balance"), "failure", ("made", "expected"), ("is_booked", "postings"),
              "processor_transfer_id")  # fmt: skip

    def has_enter_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm("wallet.add_owntransfer")

    @page_action(
        description=gettext_lazy("Enter from the bank's statement"),
        url_path="enter",
        permissions=["enter"],
        icon="account_balance",
    )
    def enter_own_money(self, request: HttpRequest) -> HttpResponse:
        return ask_or_do(
            request,
            _confirmation(request),
            OwnMoneyForm(posted(request)),
            partial(_enter, user=request.user),
            done=partial(show_result, request, done=_("It is posted.")),
        )

    @admin.display(description=gettext_lazy("Made"), ordering="created_at")
    def made(self, row: OwnTransfer) -> str:
        return display.moment(row.created_at)

    @admin.display(description=gettext_lazy("What"), ordering="kind")
    def what(self, row: OwnTransfer) -> str:
        return row.get_kind_display()

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, row: OwnTransfer) -> str:
        return display.money(row.amount_minor, row.currency)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, row: OwnTransfer) -> SafeString:
        return display.label(row.get_status_display(), TONE.get(row.status, "neutral"))

    @admin.display(description=gettext_lazy("Expected"), ordering="expected_at")
    def expected(self, row: OwnTransfer) -> str:
        is_open = row.status in (Status.PENDING, Status.IN_TRANSIT)
        return display.moment(row.expected_at) if is_open else display.NOTHING

    @admin.display(description=gettext_lazy("Postings"))
    def postings(self, row: OwnTransfer) -> SafeString:
        page = reverse("admin:wallet_posting_changelist")
        return SafeString(display.link(f"{page}?q={row.reference}", row.reference))


def _enter(*, place: str, way: str, amount: Any, moved_on: Any, reason: str, user: Any, **_more: Any) -> EnteredAmount:
    return by_hand.enter(place=place, sent=way == SENT, amount=amount, moved_on=moved_on, reason=reason, user=user)


def _confirmation(request: HttpRequest) -> Confirmation:
    return Confirmation(
        title=_("Enter from the bank's statement"),
        words=_(
            "Only for what is in no list of theirs: the settlement of Marqeta's program, or what an account held "
            "before the books began. Stripe's top-ups and payouts are read by themselves; entered here they count "
            "twice."
        ),
        button=_("Post it"),
        back=reverse(LIST),
        needs_fresh_code=True,
        second_person=announced(EnteredAmount.Kind.OWN_MONEY, "USD", request.user),
    )


def _of(name: str) -> str:
    found = OwnTransfer.objects.filter(processor_transfer_id=name).values_list("pk", flat=True).first()
    return reverse("admin:wallet_owntransfer_change", args=[found]) if found else ""


references.register("own_transfer", _of)
references.register("owntransfer", lambda key: reverse("admin:wallet_owntransfer_change", args=[key]))
