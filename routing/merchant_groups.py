"""The groups of merchant category codes, by the ranges of ISO 18245."""

import functools
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class MerchantGroup:
    """A range of MCCs with its name; both bounds are included."""

    name: Any
    bounds: tuple[str, str]


GROUPS: Final = {
    "agriculture": MerchantGroup(_("Agriculture"), ("0001", "1499")),
    "contractors": MerchantGroup(_("Contractors"), ("1500", "2999")),
    "airlines": MerchantGroup(_("Airlines"), ("3000", "3299")),
    "car-rental": MerchantGroup(_("Car rental"), ("3300", "3499")),
    "lodging": MerchantGroup(_("Lodging"), ("3500", "3999")),
    "transport": MerchantGroup(_("Transport and travel"), ("4000", "4799")),
    "utilities": MerchantGroup(_("Utilities and telecommunication"), ("4800", "4999")),
    "retail": MerchantGroup(_("Retail, groceries and fuel"), ("5000", "5599")),
    "clothing": MerchantGroup(_("Clothing"), ("5600", "5699")),
    "stores": MerchantGroup(_("Restaurants and other stores"), ("5700", "5999")),
    "finance": MerchantGroup(_("Banks and insurance"), ("6000", "6999")),
    "services": MerchantGroup(_("Hotels and personal services"), ("7000", "7299")),
    "business": MerchantGroup(_("Business services and leisure"), ("7300", "7999")),
    "professional": MerchantGroup(_("Health, education and memberships"), ("8000", "8999")),
    "government": MerchantGroup(_("Government"), ("9000", "9999")),
}


@functools.lru_cache(maxsize=4096)
def group_of(mcc: str) -> str | None:
    """Returns the key of the group that an MCC is in; None for one that is in none."""
    return next((key for key, group in GROUPS.items() if group.bounds[0] <= mcc <= group.bounds[1]), None)
