"""The processor accounts: the pass-through switch and the fees, which staff change with a reason."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    SelectWidget,
    TextWidget,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.separators import localised
from wallet.models import Network, ProcessorAccount, ProcessorFee
from wallet.processors import accounts

ON, OFF = "on", "off"
LIST = "admin:wallet_processoraccount_changelist"


class SwitchForm(ReasonForm):
    """Which of the two it is, and why."""

    passes = forms.ChoiceField(
        label=gettext_lazy("The card's bank sees"),
        choices=[(OFF, gettext_lazy("our merchant category")), (ON, gettext_lazy("the merchant's category"))],
        widget=SelectWidget,
    )
    shown_version = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("passes", "reason", "shown_version")


class FeeForm(ReasonForm):
    """A network's fee in percent."""

    network = forms.ChoiceField(label=gettext_lazy("Network"), choices=Network.choices, widget=SelectWidget)
    percent = forms.DecimalField(
        label=gettext_lazy("Fee in percent"), min_value=0, max_value=20, decimal_places=2,
        widget=TextWidget({"inputmode": "decimal"}),
    )  # fmt: skip
    field_order = ("network", "percent", "reason")


class AccountForm(ReasonForm):
    """The id of an account that charges, or will charge, funding cards."""

    account_id = forms.CharField(
        label=gettext_lazy("Account"), max_length=64, widget=TextWidget,
        validators=[RegexValidator(r"^acct_[A-Za-z0-9]+$", gettext_lazy("An account's id begins with acct_."))],
    )  # fmt: skip
    field_order = ("account_id", "reason")


class FeesInline(ReadOnlyInline):
    """The fees of an account; the button changes them."""

    model = ProcessorFee
    fields = ("network", "percentage", "version", "updated_at")
    readonly_fields = fields

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("wallet.view_processoraccount")

    @admin.display(description=gettext_lazy("Fee in percent"))
    def percentage(self, fee: ProcessorFee) -> str:
        return localised(f"{fee.percent:.2f}")


@admin.register(ProcessorAccount)
class ProcessorAccountAdmin(ReadOnlyAdmin):
    """Accounts change only through their buttons: each asks for a reason."""

    actions_list = ("add_account",)
    actions_detail = ("switch", "set_fee")
    inlines = (FeesInline,)
    list_display = ("account", "is_charging", "passes", "said_by", "fee_list", "version", "updated_at")
    fields = (("account", "is_charging"), ("passes", "said_by"), ("version", "updated_at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProcessorAccount]:
        rows: QuerySet[ProcessorAccount] = super().get_queryset(request)
        return rows.prefetch_related("fees")

    def has_edit_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm("wallet.change_processoraccount")

    @page_action(description=gettext_lazy("Add an account"), url_path="add-account", permissions=["edit"], icon="add")
    def add_account(self, request: HttpRequest) -> HttpResponse:
        confirmation = Confirmation(
            title=_("Add an account"),
            words=_("It passes nothing through until you say so. STRIPE_ACCOUNT_ID names the account that charges."),
            button=_("Add"),
            back=reverse(LIST),
            needs_fresh_code=True,
        )
        call = partial(accounts.add, actor=actor_of(request))
        return ask_or_do(request, confirmation, AccountForm(posted(request)), call, done=_("Added."))

    @page_action(
        description=gettext_lazy("Change pass-through"), url_path="switch", permissions=["edit"], icon="swap_horiz"
    )
    def switch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        account = row_or_404(self, request, object_id)
        now = ON if accounts.passes_mcc(account) else OFF
        confirmation = Confirmation(
            title=_("Change pass-through: %(account)s") % {"account": account},
            words=_(
                "Where the card's bank sees our category, a choice by value counts base rates only, and says so. "
                "It holds from the next purchase on."
            ),
            button=_("Change"),
            back=change_page(account),
            facts=[(_("Now"), _words(account))],
            needs_fresh_code=True,
        )
        initial = {"passes": OFF if now == ON else ON, "shown_version": account.version}
        call = partial(_switch, account=account, actor=actor_of(request))
        form = SwitchForm(posted(request), initial=initial)
        return ask_or_do(request, confirmation, form, call, done=_("Changed."), row=account)

    @page_action(description=gettext_lazy("Set a fee"), url_path="fee", permissions=["edit"], icon="percent")
    def set_fee(self, request: HttpRequest, object_id: str) -> HttpResponse:
        account = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Set a fee: %(account)s") % {"account": account},
            words=_("What the processor takes of a charge to a card of this network. Only ROUTING_ODDS uses it."),
            button=_("Set it"),
            back=change_page(account),
            needs_fresh_code=True,
        )
        call = partial(accounts.set_fee, account=account, actor=actor_of(request))
        return ask_or_do(request, confirmation, FeeForm(posted(request)), call, done=_("Set."), row=account)

    @admin.display(description=gettext_lazy("Account"), ordering="account_id")
    def account(self, row: ProcessorAccount) -> str:
        return str(row)

    @admin.display(description=gettext_lazy("Charges funding cards"), boolean=True)
    def is_charging(self, row: ProcessorAccount) -> bool:
        used = accounts.charging()
        return used is not None and used.pk == row.pk

    @admin.display(description=gettext_lazy("The card's bank sees"))
    def passes(self, row: ProcessorAccount) -> SafeString:
        return display.label(_sees(row), "good" if accounts.passes_mcc(row) else "warn")

    @admin.display(description=gettext_lazy("Who says so"))
    def said_by(self, row: ProcessorAccount) -> str:
        return "MERCHANT_MCC_PASSED_THROUGH" if row.passes_mcc is None else _("Staff")

    @admin.display(description=gettext_lazy("Fees"))
    def fee_list(self, row: ProcessorAccount) -> str:
        return ", ".join(str(fee) for fee in row.fees.all()) or display.NOTHING


def _switch(*, passes: str, **more: Any) -> None:
    accounts.switch(passes=passes == ON, **more)


def _words(row: ProcessorAccount) -> str:
    if row.passes_mcc is not None:
        return _sees(row)
    return _("%(sees)s, as MERCHANT_MCC_PASSED_THROUGH says") % {"sees": _sees(row)}


def _sees(row: ProcessorAccount) -> str:
    return _("the merchant's category") if accounts.passes_mcc(row) else _("our merchant category")


references.register("processoraccount", lambda key: reverse("admin:wallet_processoraccount_change", args=[key]))
