"""What cardholders said with “it was me”: which control lets one retry pass, for whom, until when, and if it did."""

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.models import ControlPass
from onecard.kit import clock, display
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.confirmation_pages import change_page
from wallet.admin.person_link import person_link


@admin.register(ControlPass)
class ControlPassAdmin(ReadOnlyAdmin):
    """Read-only: a pass is opened by the cardholder, and used by the decision that it let pass."""

    list_display = ("merchant", "control_of", "who", "up_to", "state", "opened")
    list_filter = ("created_at",)
    list_select_related = ("control", "card__cardholder", "decision__authorization")
    search_fields = ("merchant_name",)
    search_help_text = gettext_lazy("Merchant")
    nothing_yet = gettext_lazy("A cardholder opens one in their app, for a purchase that a control declined.")
    fields = (
        ("merchant", "control_of"),
        ("who", "which_card"),
        ("up_to", "declined"),
        ("opened", "ends"),
        ("state", "let_pass"),
    )

    @admin.display(description=gettext_lazy("Merchant"), ordering="id")
    def merchant(self, row: ControlPass) -> str:
        return row.merchant_name or row.merchant_network_id or display.NOTHING

    @admin.display(description=gettext_lazy("Control"))
    def control_of(self, row: ControlPass) -> SafeString:
        return display.link(change_page(row.control), row.control)

    @admin.display(description=gettext_lazy("Cardholder"))
    def who(self, row: ControlPass) -> Any:
        return person_link(row.card.cardholder)

    @admin.display(description=gettext_lazy("Card"))
    def which_card(self, row: ControlPass) -> SafeString:
        return display.link(change_page(row.card), row.card)

    @admin.display(description=gettext_lazy("At most"))
    def up_to(self, row: ControlPass) -> str:
        return display.money(row.most_minor, row.card.currency)

    @admin.display(description=gettext_lazy("Purchase"))
    def declined(self, row: ControlPass) -> SafeString:
        purchase = row.decision.authorization
        return display.link(change_page(purchase), purchase)

    @admin.display(description=gettext_lazy("State"))
    def state(self, row: ControlPass) -> SafeString:
        if row.used_at is not None:
            return display.label(_("Used %(when)s") % {"when": display.moment(row.used_at)}, "good")
        is_open = row.until > clock.now()
        return display.label(_("Open") if is_open else _("Ended, not used"), "info" if is_open else "neutral")

    @admin.display(description=gettext_lazy("Decision that it let pass"))
    def let_pass(self, row: ControlPass) -> str:
        return str(row.used_by or display.NOTHING)

    @admin.display(description=gettext_lazy("Opened"))
    def opened(self, row: ControlPass) -> str:
        return display.moment(row.created_at)

    @admin.display(description=gettext_lazy("Ends"))
    def ends(self, row: ControlPass) -> str:
        return display.moment(row.until)
