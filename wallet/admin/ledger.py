"""Read-only pages of the ledger: its postings, and the meaning and balance of each account."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.range_filters import AmountFilter
from wallet import accounts
from wallet.ledger import balances
from wallet.models import Posting


class AccountFilter(SimpleListFilter):
    """Filters postings by an account on either side."""

    title = gettext_lazy("Account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, str(each.label)) for each in accounts.Account]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Posting]) -> QuerySet[Posting]:
        account = self.value()
        return queryset.filter(Q(debit=account) | Q(credit=account)) if account else queryset


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
    """Postings, newest first. None is ever changed: a posting the other way corrects it."""

    list_display = ("when", "what", "amount", "from_", "to", "about", "recorded")
    list_filter = ("occurred_at", "recorded_at", AmountFilter, "kind", AccountFilter, "currency")
    rises_with_key = ("recorded_at",)
    search_ids = (("reference",), ("key",))
    search_fields = ("reference", "key")
    search_help_text = gettext_lazy("What it belongs to, such as authorization:1, or the movement's own key")
    nothing_yet = gettext_lazy(
        "A posting is written when a card is charged, a merchant takes money, or money goes back."
    )
    fields = (("what", "amount"), ("from_", "to"), "about", "key", ("when", "recorded"))

    def get_urls(self) -> list[URLPattern]:
        accounts = path("accounts/", self.admin_site.admin_view(self.accounts), name="wallet_posting_accounts")
        return [accounts, *super().get_urls()]

    def accounts(self, request: HttpRequest) -> HttpResponse:
        """Returns the page of the chart of accounts, with each account's balance by currency."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "title": _("Accounts"), "accounts": accounts_in_words()}
        return TemplateResponse(request, "admin/wallet/posting/accounts.html", context)

    @admin.display(description=gettext_lazy("When"), ordering="occurred_at")
    def when(self, posting: Posting) -> str:
        return display.moment(posting.occurred_at)

    @admin.display(description=gettext_lazy("Recorded"), ordering="recorded_at")
    def recorded(self, posting: Posting) -> str:
        return display.moment(posting.recorded_at)

    @admin.display(description=gettext_lazy("What"), ordering="kind")
    def what(self, posting: Posting) -> str:
        return posting.get_kind_display()

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, posting: Posting) -> str:
        return display.money(posting.amount_minor, posting.currency)

    @admin.display(description=gettext_lazy("From"), ordering="credit")
    def from_(self, posting: Posting) -> str:
        return posting.get_credit_display()

    @admin.display(description=gettext_lazy("To"), ordering="debit")
    def to(self, posting: Posting) -> str:
        return posting.get_debit_display()

    @admin.display(description=gettext_lazy("Belongs to"), ordering="reference")
    def about(self, posting: Posting) -> str:
        return references.link(posting.reference)


def accounts_in_words() -> list[dict[str, Any]]:
    """Returns for each account its meaning, whether it must return to zero, its balances and its postings' page."""
    held: dict[str, list[str]] = {}
    for each in balances.balances():
        held.setdefault(each.account, []).append(display.money(each.minor, each.currency))
    postings = reverse("admin:wallet_posting_changelist")
    return [
        {
            "name": account.label,
            "meaning": accounts.MEANING[account],
            "returns": account in accounts.RETURNS_TO_ZERO,
            "balances": held.get(account, [_("Nothing has moved")]),
            "page": f"{postings}?account={account.value}",
        }
        for account in accounts.Account
    ]


references.register("posting", lambda key: reverse("admin:wallet_posting_change", args=[key]))
