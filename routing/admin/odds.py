"""How likely funding cards are to pay, for staff to read: counted from charges, edited by nobody."""

from django.contrib import admin
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.separators import localised
from routing.models import MethodOdds


@admin.register(MethodOdds)
class MethodOddsAdmin(ReadOnlyAdmin):
    """The least likely cards first."""

    list_display = ("card", "person", "likelihood", "outcomes", "prior", "counted")
    list_display_links = ("likelihood",)
    list_filter = ("method__network",)
    list_select_related = ("method__cardholder",)
    nothing_yet = gettext_lazy(
        "With ROUTING_ODDS=on they are counted every hour, from the charges of the last 90 days."
    )
    fields = (("card", "person"), ("likelihood", "prior"), ("outcomes", "counted"))

    @admin.display(description=gettext_lazy("Funding card"))
    def card(self, odds: MethodOdds) -> str:
        return str(odds.method)

    @admin.display(description=gettext_lazy("Cardholder"))
    def person(self, odds: MethodOdds) -> SafeString:
        page = reverse("admin:wallet_cardholder_change", args=[odds.method.cardholder_id])
        return SafeString(display.link(page, odds.method.cardholder))

    @admin.display(description=gettext_lazy("Likelihood"), ordering="approved_ppm")
    def likelihood(self, odds: MethodOdds) -> str:
        return _percent(odds.approved_ppm)

    @admin.display(description=gettext_lazy("Approved"))
    def outcomes(self, odds: MethodOdds) -> str:
        return f"{odds.approvals} / {odds.attempts}"

    @admin.display(description=gettext_lazy("Of its network and issuer"))
    def prior(self, odds: MethodOdds) -> str:
        return _percent(odds.prior_ppm)

    @admin.display(description=gettext_lazy("Counted"))
    def counted(self, odds: MethodOdds) -> str:
        return display.moment(odds.counted_at)


def _percent(ppm: int) -> str:
    return f"{localised(f'{ppm / 10_000:.1f}')} %"


references.register("methododds", lambda key: reverse("admin:routing_methododds_change", args=[key]))
