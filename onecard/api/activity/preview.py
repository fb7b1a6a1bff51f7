"""Which card would pay at a merchant, before one buys there: the ranking with its reasons, and nothing is stored."""

import datetime as dt
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import cardholder_of
from onecard.api.activity import explanation
from onecard.api.fields import MoneySerializer, plain
from onecard.api.view import ApiView
from onecard.kit import clock, display
from onecard.kit.countries import is_country
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from routing import preview
from routing.engine import Method
from routing.models import MerchantCategory
from wallet.models import Cardholder, CardProduct

EXAMPLE = OpenApiExample(
    "Dinner for 45 USD", value={"mcc": "5812", "amount": {"amount_minor": 4500, "currency": "USD"}}, request_only=True
)
WHAT_IF = OpenApiExample(
    "Groceries online in France next month, if I also had this card",
    value={
        "mcc": "5411",
        "merchant": "Carrefour",
        "amount": {"amount_minor": 9000, "currency": "USD"},
        "date": "2026-12-24",
        "country": "FR",
        "channel": "online",
        "products": ["chase-sapphire-reserve"],
    },
    request_only=True,
)
MOST_CARDS: Final = 20
FIRST_DAY: Final = dt.date(2000, 1, 1)
YEARS_AHEAD: Final = 5


class PurchaseRequest(serializers.Serializer[Any]):
    """A merchant category code, or Stripe's name of one, and an amount."""

    mcc = serializers.RegexField(r"^\d{4}$", required=False, help_text="Four digits, such as 5812.")
    category = serializers.CharField(max_length=120, required=False, help_text="Such as eating_places_restaurants.")
    merchant = serializers.CharField(max_length=120, required=False, allow_blank=True, help_text="Its name.")
    amount = MoneySerializer()

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if bool(asked.get("mcc")) == bool(asked.get("category")):
            raise serializers.ValidationError({"mcc": ["Give either the MCC or the category."]})
        if asked["amount"]["minor"] <= 0:
            raise serializers.ValidationError({"amount": ["It must be more than zero."]})
        return {**asked, "mcc": asked.get("mcc") or self._code_of(asked["category"])}

    def _code_of(self, category: str) -> str:
        found = MerchantCategory.objects.filter(stripe_category=category).order_by("code").first()
        if found is None:
            raise serializers.ValidationError({"category": [f"{category!r} is no merchant category that we know."]})
        return str(found.code)


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


class PreviewQuery(Circumstances):
    """The same in an address: the amount in two parameters, and lists by repeating theirs."""

    mcc = serializers.RegexField(r"^\d{4}$", required=False, help_text="Four digits, such as 5812.")
    category = serializers.CharField(max_length=120, required=False, help_text="Instead of the MCC.")
    merchant = serializers.CharField(max_length=120, required=False, allow_blank=True)
    amount_minor = serializers.IntegerField(min_value=1, max_value=MAX_AMOUNT_MINOR)
    currency = serializers.RegexField(r"^[A-Z]{3}$", help_text="ISO 4217, such as USD.")


class StrategySerializer(serializers.Serializer[Any]):
    """What one strategy would take."""

    strategy = serializers.ChoiceField(["value", "cash", "rewards"])
    is_in_force = serializers.BooleanField(help_text="Whether this one decides the person's purchases today.")
    would_pay = serializers.BooleanField()
    earned = serializers.CharField(
        allow_null=True,
        help_text="What its card earns by the card's terms, after caps and the foreign fee, in whole units; "
        "the same measure for every strategy.",
    )
    explanation = explanation.ExplanationSerializer()


class PreviewSerializer(serializers.Serializer[Any]):
    mcc = serializers.CharField()
    category = serializers.CharField(help_text="In words; empty for an MCC that we do not know.")
    would_pay = serializers.BooleanField(help_text="Whether any card could be charged.")
    explanation = explanation.ExplanationSerializer(help_text="By the strategy that is in force.")
    strategies = StrategySerializer(many=True, help_text="By each strategy, the one that counts money first.")


class RoutingPreview(ApiView):
    """A question that changes nothing, so it needs no idempotency key."""

    throttle_scope = "preview"

    @extend_schema(parameters=[PreviewQuery], responses=PreviewSerializer, operation_id="routing_preview_read")
    def get(self, request: Request) -> Response:
        """Answers as the POST does, for what the address asks; lists are parameters that are repeated."""
        given = request.query_params
        body: dict[str, Any] = {name: given[name] for name in PLAIN if name in given}
        body |= {name: given.getlist(name) for name in ("funding_cards", "products") if name in given}
        amount = {name: given[name] for name in ("amount_minor", "currency") if name in given}
        if not amount.get("amount_minor", "").isascii():
            raise serializers.ValidationError({"amount_minor": ["A valid integer is required."]})
        try:
            return self._answer(request, body | {"amount": amount})
        except serializers.ValidationError as error:
            raise _by_parameter(error) from None

    @extend_schema(
        request=PreviewRequest, responses=PreviewSerializer, examples=[EXAMPLE, WHAT_IF], operation_id="routing_preview"
    )
    def post(self, request: Request) -> Response:
        """Ranks the person's cards for a purchase as the decision would, with what each earns, by each strategy."""
        return self._answer(request, request.data)

    def _answer(self, request: Request, body: Any) -> Response:
        asked = PreviewRequest(data=body)
        asked.is_valid(raise_exception=True)
        holder, given = cardholder_of(request), asked.validated_data
        amount = Money(**given["amount"])
        methods = _cards(holder, given, amount.currency)
        purchase = preview.purchase_on(
            holder.time_zone, given.get("date"), mcc=given["mcc"], currency=amount.currency,
            merchant=given.get("merchant", ""), amount_minor=amount.minor, country=given.get("country", ""),
            is_online=given.get("channel") == "online",
        )  # fmt: skip
        person = preview.person_of(holder, purchase.at)
        answers = preview.compare(purchase, methods, in_force=holder.preference, person=person)
        return Response(_rendered(given["mcc"], answers, amount))


def _by_parameter(error: serializers.ValidationError) -> serializers.ValidationError:
    """Names what is wrong with an amount by the parameters of an address."""
    said: dict[str, Any] = dict(error.detail) if isinstance(error.detail, dict) else {}
    amount = said.pop("amount", {})
    return serializers.ValidationError(said | amount) if isinstance(amount, dict) else error


PLAIN: Final = ("mcc", "category", "merchant", "date", "country", "channel")


def _cards(holder: Cardholder, given: dict[str, Any], currency: str) -> list[Method]:
    """Returns the cards of the wallet, or those of them that were named, and those that the person would have."""
    wallet, wanted = preview.wallet_of(holder), given.get("funding_cards")
    if wanted is not None:
        by_id = {each.public_id: each for each in wallet}
        if any(each not in by_id for each in wanted):
            raise serializers.ValidationError({"funding_cards": ["One of them is not in this wallet."]})
        wallet = [each for each in wallet if each.public_id in wanted]
    methods = [preview.method_of(each) for each in wallet]
    return [*methods, *preview.as_if_held(given.get("products", []), currency=currency, behind=methods)]


def _rendered(mcc: str, answers: list[preview.Answer], amount: Money) -> dict[str, Any]:
    known = MerchantCategory.objects.filter(code=mcc).first()
    strategies = [_strategy(each, amount) for each in answers]
    in_force = next(each for each in strategies if each["is_in_force"])
    return {
        "mcc": mcc,
        "category": known.description if known else "",
        "would_pay": in_force["would_pay"],
        "explanation": in_force["explanation"],
        "strategies": strategies,
    }


def _strategy(answer: preview.Answer, amount: Money) -> dict[str, Any]:
    earned = answer.earned
    return {
        "strategy": answer.strategy,
        "is_in_force": answer.is_in_force,
        "would_pay": answer.choice.method is not None,
        "earned": None if earned is None else plain(display.rounded(earned, amount.currency, finer_by=1)),
        "explanation": explanation.render(answer.explanation, amount=amount),
    }
