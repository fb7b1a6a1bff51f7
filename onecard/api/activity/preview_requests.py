"""What one asks of a preview: a purchase, and what may be different about it and about the wallet."""

import datetime as dt
from typing import Any, Final

from rest_framework import serializers

from onecard.api.fields import CurrencyField, MoneySerializer, WholeNumberField
from onecard.kit import clock
from onecard.kit.countries import is_country
from onecard.kit.money import MAX_AMOUNT_MINOR
from routing.models import MerchantCategory
from wallet.models import CardProduct

MOST_CARDS: Final = 20
FIRST_DAY: Final = dt.date(2000, 1, 1)
YEARS_AHEAD: Final = 5


class MerchantRequest(serializers.Serializer[Any]):
    """A merchant category code, or Stripe's name of one, and the merchant's name."""

    mcc = serializers.RegexField(r"^[0-9]{4}$", required=False, help_text="Four digits, such as 5812.")
    category = serializers.CharField(max_length=120, required=False, help_text="Such as eating_places_restaurants.")
    merchant = serializers.CharField(max_length=120, required=False, allow_blank=True, help_text="Its name.")

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if bool(asked.get("mcc")) == bool(asked.get("category")):
            raise serializers.ValidationError({"mcc": ["Give either the MCC or the category."]})
        return {**asked, "mcc": asked.get("mcc") or self._code_of(asked["category"])}

    def _code_of(self, category: str) -> str:
        found = MerchantCategory.objects.filter(stripe_category=category).order_by("code").first()
        if found is None:
            raise serializers.ValidationError({"category": [f"{category!r} is no merchant category that we know."]})
        return str(found.code)


class PurchaseRequest(MerchantRequest):
    """A merchant and an amount."""

    amount = MoneySerializer()

    def validate_amount(self, amount: dict[str, Any]) -> dict[str, Any]:
        if amount["minor"] <= 0:
            raise serializers.ValidationError("It must be more than zero.")
        return amount


class Circumstances(serializers.Serializer[Any]):
    """What else may be said of a purchase, and of the cards that are chosen from; all of it may be left out."""

    date = serializers.DateField(required=False, help_text="The day of the purchase, by the person's own clock; today.")
    country = serializers.CharField(
        required=False, min_length=2, max_length=2, help_text="The merchant's, as ISO 3166-1 alpha-2, such as US."
    )
    channel = serializers.ChoiceField(["online", "in_store"], required=False, help_text="in_store if it is left out.")
    funding_cards = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MOST_CARDS, help_text="Only these of the wallet."
    )
    products = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        max_length=MOST_CARDS,
        help_text="Keys of /card-products: cards that the person would have beside them.",
    )

    def validate_date(self, day: dt.date) -> dt.date:
        last = clock.now().date() + dt.timedelta(days=365 * YEARS_AHEAD)
        if not FIRST_DAY <= day <= last:
            raise serializers.ValidationError(f"It must lie between {FIRST_DAY} and {last}.")
        return day

    def validate_country(self, code: str) -> str:
        if not is_country(code):
            raise serializers.ValidationError(f"{code!r} is no country of ISO 3166-1, such as US.")
        return code

    def validate_products(self, keys: list[str]) -> list[CardProduct]:
        known = {each.key: each for each in CardProduct.objects.filter(key__in=keys)}
        for key in keys:
            if key not in known:
                raise serializers.ValidationError(f"{key!r} is no key of /card-products.")
        return [known[key] for key in dict.fromkeys(keys)]


class PreviewRequest(PurchaseRequest, Circumstances):
    """A purchase, and what may be different about it and about the wallet."""


class PreviewQuery(MerchantRequest, Circumstances):
    """The same in an address: the amount in two parameters, and lists by repeating theirs."""

    amount_minor = WholeNumberField(min_value=1, max_value=MAX_AMOUNT_MINOR)
    currency = CurrencyField()

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        amount = {"minor": asked["amount_minor"], "currency": asked["currency"]}
        return {**super().validate(asked), "amount": amount}
