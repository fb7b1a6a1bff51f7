"""What a person wants of the wallet as a whole: which rewards to earn."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import actor_of, cardholder_of
from onecard.api.etags import check_unchanged, tagged, version_of
from onecard.api.view import ApiView
from routing.catalogue import offers
from wallet.methods import changes
from wallet.models import Cardholder, Preference


class ProgrammeSerializer(serializers.Serializer[Any]):
    """A reward programme of the wallet's cards."""

    key = serializers.CharField()
    cents_per_point = serializers.CharField(help_text="What counts unless the person says otherwise.")
    own_cents_per_point = serializers.CharField(allow_null=True, help_text="What the person says; null: as usual.")


class WalletSerializer(serializers.Serializer[Any]):
    preference = serializers.ChoiceField(Preference.choices, help_text="The rewards that the cards are chosen for.")
    backup_card = serializers.UUIDField(allow_null=True, help_text="Pays where no card is ranked; none: it declines.")
    funding_cards = serializers.IntegerField(help_text="How many cards are in the wallet.")
    programmes = ProgrammeSerializer(many=True, help_text="What points are worth, for preference value.")


class WalletChange(serializers.Serializer[Any]):
    """What to change; what is left out stays."""

    preference = serializers.ChoiceField(Preference.choices, required=False)
    point_cents = serializers.DictField(
        child=serializers.CharField(max_length=10, allow_blank=True),
        required=False,
        help_text="Cents per point by programme, such as 1.3; all that differ from the usual.",
    )


EXAMPLE = OpenApiExample(
    "A wallet that earns cash back",
    value={
        "preference": "cash",
        "backup_card": "4f7c9ab0-0a4a-4d4b-9c1a-6d6a70b3f6a1",
        "funding_cards": 4,
        "programmes": [{"key": "chase_ur", "cents_per_point": "1.5", "own_cents_per_point": None}],
    },
    response_only=True,
)
CHANGE = OpenApiExample("Earn points from now on", value={"preference": "rewards"}, request_only=True)


class Wallet(ApiView):
    """The person's wallet."""

    if_match_methods = ("PATCH",)
    etag_methods = ("GET", "PATCH")

    @extend_schema(responses=WalletSerializer, examples=[EXAMPLE], operation_id="wallet_read")
    def get(self, request: Request) -> Response:
        """Shows the preference and the backup card; the ETag is for a change."""
        return _show(cardholder_of(request))

    @extend_schema(
        request=WalletChange, responses=WalletSerializer, examples=[EXAMPLE, CHANGE], operation_id="wallet_change"
    )
    def patch(self, request: Request) -> Response:
        """Changes which rewards the cards are chosen for and what points are worth, from the next purchase on."""
        asked = WalletChange(data=request.data)
        asked.is_valid(raise_exception=True)
        if not asked.validated_data:
            raise serializers.ValidationError({"preference": ["Say what to change."]})
        changed = changes.change_wallet(
            cardholder_of(request),
            actor=actor_of(request),
            check=lambda wallet: check_unchanged(request, _version(wallet)),
            **asked.validated_data,
        )
        return _show(changed)


def _show(holder: Cardholder) -> Response:
    cards = changes.cards_of(holder)
    backup = next((card.public_id for card in cards if card.is_backup), None)
    own = holder.point_cents
    programmes = [
        {"key": each.key, "cents_per_point": f"{each.cents_per_point:f}", "own_cents_per_point": own.get(each.key)}
        for each in offers.programmes_of(cards)
    ]
    values = {
        "preference": holder.preference,
        "backup_card": backup,
        "funding_cards": len(cards),
        "programmes": programmes,
    }
    return tagged(Response(WalletSerializer(values).data), _version(holder))


def _version(holder: Cardholder) -> str:
    return version_of(holder.preference, str(sorted(holder.point_cents.items())))
