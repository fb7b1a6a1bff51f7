"""A person's funding cards: add a saved one, see how each stands, change, order and remove them."""

import uuid
from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import actor_of, cardholder_of, own
from onecard.api.etags import check_unchanged, tagged, version_of
from onecard.api.funding.products import SAPPHIRE, ProductSerializer
from onecard.api.idempotency import idempotent_outside
from onecard.api.view import ApiView
from routing.catalogue import offers
from wallet import card_removal
from wallet.methods import changes, condition, setups
from wallet.models import CardProduct, FundingMethod, FundingType, Network


class ChoiceOffer(serializers.Serializer[Any]):
    """A bonus of the card's terms whose categories its owner picks."""

    bonus = serializers.CharField()
    rate = serializers.CharField()
    pick = serializers.IntegerField(help_text="How many may be chosen.")
    options = serializers.ListField(child=serializers.CharField())


class EarningSerializer(serializers.Serializer[Any]):
    """What strategy value knows of the card from its owner, and what its terms let the owner say."""

    statement_day = serializers.IntegerField(allow_null=True, help_text="Null: the calendar's month.")
    opened_on = serializers.DateField(allow_null=True, help_text="Yearly caps begin on this day; null: in January.")
    activated_quarters = serializers.ListField(child=serializers.CharField(), help_text="Such as 2026Q4.")
    choices = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="Chosen categories by bonus."
    )
    to_activate = serializers.ListField(child=serializers.CharField(), help_text="Bonuses that must be activated.")
    to_choose = ChoiceOffer(many=True)


class FundingCardSerializer(serializers.Serializer[Any]):
    """A card that pays; network, number, expiry and kind are what the processor says."""

    id = serializers.UUIDField(source="public_id")
    nickname = serializers.CharField(source="name")
    network = serializers.ChoiceField(Network.choices)
    last_four = serializers.CharField()
    expiry_month = serializers.IntegerField()
    expiry_year = serializers.IntegerField()
    funding_type = serializers.ChoiceField(FundingType.choices, help_text="unknown for cards of older times.")
    country = serializers.CharField(help_text="Of its bank, two letters; empty if unknown.")
    product = ProductSerializer(allow_null=True, help_text="Whose rewards count; without one, the network's do.")
    is_backup = serializers.BooleanField(help_text="Pays where no card is ranked.")
    position = serializers.IntegerField(help_text="Its place in the wallet: the smaller one wins a tie.")
    currencies = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(condition.CONDITIONS)
    state_text = serializers.CharField(help_text="What the state means for the person.")
    cooling_until = serializers.DateTimeField(allow_null=True, help_text="Until when it rests after a decline.")
    renewed_at = serializers.DateTimeField(allow_null=True, help_text="When its bank last sent a new number or date.")
    added_at = serializers.DateTimeField()
    earning = EarningSerializer()


class FundingCardsSerializer(serializers.Serializer[Any]):
    results = FundingCardSerializer(many=True)


class ProductField(serializers.SlugRelatedField[CardProduct]):
    """A product by its key."""

    def __init__(self, **more: Any) -> None:
        super().__init__(slug_field="key", queryset=CardProduct.objects.all(), required=False, **more)

    def to_internal_value(self, data: Any) -> CardProduct:
        """Looks up text only, without what the database cannot hold."""
        return super().to_internal_value(serializers.CharField(max_length=120).run_validation(data))


class NewCard(serializers.Serializer[Any]):
    """A setup whose form is done, and what its owner calls the card."""

    setup = serializers.RegexField(r"^seti_[A-Za-z0-9_]{1,59}$", help_text="From POST /funding-cards/setups.")
    product = ProductField(help_text="A key of /card-products, of the card's network.")
    nickname = serializers.CharField(required=False, max_length=120, help_text="The product's name if left out.")


class CardChange(serializers.Serializer[Any]):
    """What to change; what is left out stays."""

    nickname = serializers.CharField(source="name", required=False, max_length=120)
    product = ProductField(allow_null=True, help_text="A key of /card-products; null for none.")
    is_backup = serializers.BooleanField(required=False, help_text="true takes it from the card that has it.")
    position = serializers.IntegerField(required=False, min_value=1, max_value=1000, help_text="From 1.")
    statement_day = serializers.IntegerField(required=False, min_value=1, max_value=31, allow_null=True)
    opened_on = serializers.DateField(required=False, allow_null=True)
    activated_quarters = serializers.ListField(
        child=serializers.CharField(max_length=10), required=False, max_length=50, help_text="All of them, like 2026Q4."
    )
    choices = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=60), max_length=20),
        required=False,
        help_text="Categories by bonus, of what `earning.to_choose` offers; all of them.",
    )


class NewOrder(serializers.Serializer[Any]):
    order = serializers.ListField(child=serializers.UUIDField(), max_length=1000, help_text="Every card once.")


SHOWN = {
    "id": "4f7c9ab0-0a4a-4d4b-9c1a-6d6a70b3f6a1",
    "nickname": "Travel card",
    "network": "visa",
    "last_four": "4242",
    "expiry_month": 12,
    "expiry_year": 2034,
    "funding_type": "credit",
    "country": "US",
    "product": SAPPHIRE,
    "is_backup": False,
    "position": 1,
    "currencies": ["USD"],
    "state": "active",
    "state_text": condition.WORDS["active"],
    "cooling_until": None,
    "renewed_at": None,
    "added_at": "2026-11-28T12:00:00Z",
    "earning": {
        "statement_day": None,
        "opened_on": None,
        "activated_quarters": [],
        "choices": {},
        "to_activate": [],
        "to_choose": [],
    },
}
ONE = OpenApiExample("A card that can pay", value=SHOWN, response_only=True)
ALL = OpenApiExample("A wallet with one card", value={"results": [SHOWN]}, response_only=True)
NEW = OpenApiExample(
    "A card whose form is done",
    value={
        "setup": "seti_1S769SQLFtcEJSwHLTAnsvQe",
        "product": "chase-sapphire-reserve",
        "nickname": "Travel card",
    },
    request_only=True,
)
CHANGE = OpenApiExample("Make it the backup card", value={"is_backup": True}, request_only=True)
ORDER = OpenApiExample("A new order", value={"order": [SHOWN["id"]]}, request_only=True)


class FundingCards(ApiView):
    """The person's own cards."""

    etag_methods = ("GET",)

    @extend_schema(responses=FundingCardsSerializer, examples=[ALL], operation_id="funding_cards_list")
    def get(self, request: Request) -> Response:
        """Lists the cards in the wallet's order, and how each stands; the ETag is for a new order."""
        return _show_all(changes.cards_of(cardholder_of(request)))

    @extend_schema(
        request=NewCard,
        responses={201: FundingCardSerializer},
        examples=[ONE, NEW],
        operation_id="funding_cards_create",
    )
    @idempotent_outside
    def post(self, request: Request, *, request_id: uuid.UUID) -> Response:
        """Takes the card of a finished setup into the wallet, as the processor describes it.

        Prepaid cards are refused, and a card that is in the wallet already.
        """
        asked = NewCard(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        method = setups.complete(
            cardholder_of(request),
            setup_id=given["setup"],
            product=given.get("product"),
            name=given.get("nickname", ""),
            actor=actor_of(request),
        )
        return Response(render([method])[0], status=201)


class FundingCard(ApiView):
    """One of the person's cards."""

    if_match_methods = ("PATCH",)
    etag_methods = ("GET", "PATCH")

    @extend_schema(responses=FundingCardSerializer, examples=[ONE], operation_id="funding_cards_read")
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Shows a card, also one that was removed; the ETag is for a change."""
        return _show(_own(request, public_id))

    @extend_schema(
        request=CardChange, responses=FundingCardSerializer, examples=[ONE, CHANGE], operation_id="funding_cards_change"
    )
    def patch(self, request: Request, public_id: uuid.UUID) -> Response:
        """Changes the nickname, the product, the backup card, the place, or what is known of a card's rewards."""
        asked = CardChange(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)

        def check(card: FundingMethod) -> None:
            check_unchanged(request, _version(card))
            if "choices" in asked.validated_data and "product" not in asked.validated_data:
                offers.check_choices(card, asked.validated_data["choices"])

        changed = changes.change(
            cardholder_of(request),
            _own(request, public_id).pk,
            actor=actor_of(request),
            check=check,
            **asked.validated_data,
        )
        return _show(changed)

    @extend_schema(responses={204: None}, operation_id="funding_cards_remove")
    def delete(self, request: Request, public_id: uuid.UUID) -> Response:
        """Removes a card: it pays nothing from now on, and the processor forgets it. Not while it owes."""
        method = _own(request, public_id)
        card_removal.remove(method.cardholder, method.pk, actor=actor_of(request))
        return Response(status=204)


class FundingCardOrder(ApiView):
    """The order of the wallet, which decides ties."""

    if_match_methods = ("PUT",)
    etag_methods = ("PUT",)

    @extend_schema(
        request=NewOrder,
        responses=FundingCardsSerializer,
        examples=[ALL, ORDER],
        operation_id="funding_cards_order",
    )
    def put(self, request: Request) -> Response:
        """Puts the cards into a new order. If-Match is the ETag of the list."""
        asked = NewOrder(data=request.data)
        asked.is_valid(raise_exception=True)
        holder = cardholder_of(request)
        changes.reorder(
            holder,
            asked.validated_data["order"],
            actor=actor_of(request),
            check=lambda cards: check_unchanged(request, _order(cards)),
        )
        return _show_all(changes.cards_of(holder))


def render(cards: Sequence[FundingMethod]) -> list[dict[str, Any]]:
    """Returns cards in the form of FundingCardSerializer."""
    shown = []
    for card in cards:
        now = condition.condition_of(card)
        card_now = {"state": now.state, "state_text": now.sentence, "cooling_until": now.until}
        own_fields = {name: getattr(card, name) for name in _STORED}
        values = {**own_fields, **card_now, "added_at": card.created_at, "earning": _earning(card)}
        shown.append(dict(FundingCardSerializer(values).data))
    return shown


def _earning(card: FundingMethod) -> dict[str, Any]:
    offer = offers.of_card(card)
    return {
        "statement_day": card.statement_day,
        "opened_on": card.opened_on,
        "activated_quarters": sorted(card.activations),
        "choices": card.choices,
        "to_activate": offer.activations,
        "to_choose": offer.choices,
    }


_STORED = (
    "public_id", "name", "network", "last_four", "expiry_month", "expiry_year", "funding_type", "country", "product",
    "is_backup", "position", "currencies", "renewed_at",
)  # fmt: skip


def _own(request: Request, public_id: uuid.UUID) -> FundingMethod:
    rows = cardholder_of(request).funding_methods.select_related("cardholder", "product", "detachment")
    return own(rows, public_id=public_id)


def _show(card: FundingMethod) -> Response:
    return tagged(Response(render([card])[0]), _version(card))


def _show_all(cards: Sequence[FundingMethod]) -> Response:
    return tagged(Response({"results": render(cards)}), _order(cards))


def _version(card: FundingMethod) -> str:
    rewards = (card.statement_day, card.opened_on, sorted(card.activations), sorted(card.choices.items()))
    return version_of(card.name, card.product_id, card.is_backup, card.position, card.status, *map(str, rewards))


def _order(cards: Sequence[FundingMethod]) -> str:
    return version_of(*(str(card.public_id) for card in cards))
