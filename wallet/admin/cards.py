"""Admin pages for wallets and card products."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.edits import AuditedAdmin
from onecard.kit import display, references
from onecard.kit.admin import StackedRows
from wallet.admin.add_card import AddCardAdmin
from wallet.admin.case_by_hand import OpenCaseAdmin
from wallet.admin.filters import CardStateFilter
from wallet.admin.forms import CardholderForm, CardProductForm, FundingMethodForm, FundingMethodFormSet
from wallet.admin.identity import TONE, KycEventInline
from wallet.admin.identity_buttons import IdentityButtons
from wallet.admin.new_card_link import NewCardLinkAdmin
from wallet.admin.new_person import NewPersonAdmin
from wallet.admin.person_link import person_page
from wallet.kyc.fields import FIELDS, in_words, missing
from wallet.models import Cardholder, CardProduct, FundingMethod

if TYPE_CHECKING:
    # Unfold has no types; its list is Django's with more attributes.
    from django.contrib.admin.views.main import ChangeList
else:
    from unfold.views import ChangeList

# What the trail may hold of a person.
PLAIN = ("time_zone", "preference")
NO_BACKUP = gettext_lazy(
    "This wallet has no backup card: a purchase at a merchant without rankings will be declined. "
    "Tick “backup card” on one of its cards."
)
BACKUP_DISABLED = gettext_lazy("The backup card is not active, so it cannot pay. Make another card the backup.")


class FundingMethodInline(StackedRows):
    """The person's own cards, as the processor describes them; the person adds and removes them.

    Charges name a card, so staff disable it and never delete it.
    """

    model = FundingMethod
    form = FundingMethodForm
    formset = FundingMethodFormSet
    extra = 0
    can_delete = False
    verbose_name = gettext_lazy("card")
    verbose_name_plural = gettext_lazy("own cards")
    autocomplete_fields = ("product",)
    fields = (
        ("name", "product"),
        ("network", "last_four", "expires", "kind"),
        ("status", "is_backup", "position"),
        ("statement_day", "opened_on"),
        ("activations", "choices"),
        ("processor_method_id", "currencies"),
        ("cooling_until", "renewed_at"),
    )
    readonly_fields = ("network", "last_four", "expires", "kind", "processor_method_id", "renewed_at")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody types a card in: the wallet's page has a button “Add a funding card”."""
        return False

    @admin.display(description=gettext_lazy("Expires"))
    def expires(self, method: FundingMethod) -> str:
        return f"{method.expiry_month:02d}/{method.expiry_year}" if method.expiry_month else display.NOTHING

    @admin.display(description=gettext_lazy("Kind"))
    def kind(self, method: FundingMethod) -> str:
        return f"{method.get_funding_type_display()} {method.country}".strip()


class PeopleList(ChangeList):
    """The list of wallets, in which a person's name leads to their page; the wallet's form is one click further."""

    def url_for_result(self, result: Any) -> str:
        return person_page(result) or super().url_for_result(result)


@admin.register(Cardholder)
class WalletAdmin(OpenCaseAdmin, AddCardAdmin, NewCardLinkAdmin, IdentityButtons, NewPersonAdmin, AuditedAdmin):
    """A person with their cards. Every save raises the wallet's version; the identity's status moves by buttons."""

    form = CardholderForm
    version_field = "wallet_version"
    # Personal data is not for the trail, which nobody can erase: it names the changed fields.
    secret_fields = tuple(field.column for field in FIELDS.values() if field.column not in PLAIN)
    inlines = (FundingMethodInline, KycEventInline)
    actions_detail = ("add_card", "new_card", "open_case", *IdentityButtons.actions_detail)
    readonly_fields = ("identity", "verified_until", "flags", "lacking", "terms")
    list_display = ("name", "identity", "preference", "usable_cards", "backup_card", "time_zone")
    list_filter = ("kyc_status", "preference", CardStateFilter)
    list_select_related = ("user",)
    search_ids = (("processor_customer_id",),)
    search_fields = ("name", "user__username", "user__email", "processor_customer_id", "funding_methods__last_four")
    search_help_text = gettext_lazy("Name, login, customer id, or last four of a card")
    autocomplete_fields = ("user",)
    nothing_yet = gettext_lazy("Add one with the plus sign, or run make demo for the demo world.")
    fields = (
        ("name", "user"),
        ("legal_first_name", "legal_last_name", "birth_date"),
        ("phone", "address_line1", "address_line2"),
        ("address_city", "address_state", "address_postal_code", "address_country"),
        ("preference", "time_zone"),
        ("identity", "verified_until", "flags"),
        ("lacking", "terms"),
        ("processor_customer_id", "issuer_cardholder_id"),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PeopleList]:
        return PeopleList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cardholder]:
        return super().get_queryset(request).prefetch_related("funding_methods")

    def lock(self, obj: Model) -> None:
        """Locks the person and then the cards, in the order of wallet.methods.usable.lock_wallet."""
        super().lock(obj)
        methods = FundingMethod.objects.select_for_update(no_key=True, of=("self",)).filter(cardholder=obj.pk)
        list(methods.order_by("pk").values_list("pk"))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        super().save_related(request, form, formsets, change)
        warning = backup_warning(form.instance)
        if warning:
            messages.warning(request, warning)

    @admin.display(description=gettext_lazy("Identity"), ordering="kyc_status")
    def identity(self, holder: Cardholder) -> SafeString:
        return display.label(holder.get_kyc_status_display(), TONE.get(holder.kyc_status, "neutral"))

    @admin.display(description=gettext_lazy("Verified until"))
    def verified_until(self, holder: Cardholder) -> str:
        return display.moment(holder.kyc_due_at)

    @admin.display(description=gettext_lazy("Compliance flags"))
    def flags(self, holder: Cardholder) -> str:
        return ", ".join(holder.compliance_flags) or display.NOTHING

    @admin.display(description=gettext_lazy("A card still needs"))
    def lacking(self, holder: Cardholder) -> str:
        return (in_words(missing(holder)) if holder.pk else "") or display.NOTHING

    @admin.display(description=gettext_lazy("Terms accepted"))
    def terms(self, holder: Cardholder) -> str:
        return f"{holder.terms_version}, {display.moment(holder.terms_accepted_at)}" if holder.terms_version else "-"

    @admin.display(description=gettext_lazy("Active cards"))
    def usable_cards(self, holder: Cardholder) -> str:
        methods = list(holder.funding_methods.all())
        active = [method for method in methods if method.status == FundingMethod.Status.ACTIVE]
        return _("%(active)s of %(all)s") % {"active": len(active), "all": len(methods)}

    @admin.display(description=gettext_lazy("Backup card"))
    def backup_card(self, holder: Cardholder) -> str | SafeString:
        backup = next((method for method in holder.funding_methods.all() if method.is_backup), None)
        return str(backup) if backup else display.label(_("None"), "warn")


@admin.register(CardProduct)
class CardProductAdmin(AuditedAdmin):
    """Kinds of cards. Imports and rankings identify a product by its key, so the key cannot be edited."""

    form = CardProductForm
    list_display = ("name", "key", "issuer", "network", "fee", "in_wallets")
    list_filter = ("network",)
    search_fields = ("name", "key", "issuer")
    fields = (("name", "key"), ("issuer", "network"), ("annual_fee_minor", "fee_currency"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[CardProduct]:
        rows: QuerySet[CardProduct] = super().get_queryset(request)
        return rows.annotate(wallet_count=Count("fundingmethod__cardholder", distinct=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("key",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody may delete a product: that would delete its rankings."""
        return False

    @admin.display(description=gettext_lazy("Annual fee"), ordering="annual_fee_minor")
    def fee(self, product: CardProduct) -> str:
        return display.money(product.annual_fee_minor, product.fee_currency)

    @admin.display(description=gettext_lazy("Wallets"))
    def in_wallets(self, product: CardProduct) -> int:
        return int(getattr(product, "wallet_count", 0))


def backup_warning(holder: Cardholder) -> str:
    """Returns what is wrong with the wallet's backup card, or ""."""
    backup = FundingMethod.objects.filter(Q(cardholder=holder), is_backup=True).first()
    if backup is None:
        return str(NO_BACKUP)
    return "" if backup.status == FundingMethod.Status.ACTIVE else str(BACKUP_DISABLED)


references.register("cardholder", lambda key: reverse("desk:person-of-key", args=[key]))
references.register("cardproduct", lambda key: reverse("admin:wallet_cardproduct_change", args=[key]))
