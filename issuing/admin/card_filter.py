"""The filter of lists by a virtual card."""

from django.utils.translation import gettext_lazy

from issuing.models import VirtualCard
from onecard.kit.admin_filters import CardFilter


class VirtualCardFilter(CardFilter):
    """By the card that its holder carries: its last four digits, the issuer's id, or its public id."""

    title = gettext_lazy("virtual card")
    parameter_name = "virtual_card"
    path = "card"
    cards = VirtualCard
    ids = (("issuer_provider", "issuer_card_id"), ("public_id",))
    hint = gettext_lazy("Last four, or the issuer's id")
