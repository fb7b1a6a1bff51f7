"""How a person wants to hear of each kind of notice."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import actor_of, user_of
from onecard.api.view import ApiView, body_of
from onecard.notices import choices
from onecard.notices.kinds import Channel, Kind, channels_of


class SettingSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(Kind.choices)
    title = serializers.CharField()
    channel = serializers.ChoiceField(Channel.choices)
    allowed = serializers.ListField(child=serializers.ChoiceField(Channel.choices), help_text="What may be chosen.")


class SettingsSerializer(serializers.Serializer[Any]):
    results = SettingSerializer(many=True)


class SettingsChange(serializers.Serializer[Any]):
    """A channel for each kind to change; kinds that are left out stay."""

    def get_fields(self) -> dict[str, Any]:
        return {
            kind.value: serializers.ChoiceField(
                Channel.choices, required=False, help_text=f"{kind.label}: {_either(channels_of(kind))}."
            )
            for kind in Kind
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields)
        wrong = {str(name)[:60]: ["There is no such kind."] for name in sorted(unknown, key=str)}
        for name, channel in attrs.items():
            allowed = channels_of(name)
            if channel not in allowed:
                wrong[name] = [f"This kind cannot be {channel}; it can be {_either(allowed)}."]
        if wrong:
            raise serializers.ValidationError(wrong)
        return attrs


def _either(channels: tuple[Channel, ...]) -> str:
    return " or ".join(each.value for each in channels)


SHOWN = {
    "results": [
        {
            "kind": "purchase_approved",
            "title": "Purchase approved",
            "channel": "feed",
            "allowed": ["off", "feed", "email"],
        }
    ]
}


class NotificationSettings(ApiView):
    """The person's choices."""

    @extend_schema(
        responses=SettingsSerializer,
        examples=[OpenApiExample("One of the kinds", value=SHOWN, response_only=True)],
        operation_id="notification_settings_read",
    )
    def get(self, request: Request) -> Response:
        """Shows where each kind goes, and what may be chosen. Security mails cannot be switched off."""
        return _show(request)

    @extend_schema(
        request=SettingsChange,
        responses=SettingsSerializer,
        examples=[
            OpenApiExample("One of the kinds", value=SHOWN, response_only=True),
            OpenApiExample("Mail me each purchase", value={"purchase_approved": "email"}, request_only=True),
        ],
        operation_id="notification_settings_change",
    )
    def patch(self, request: Request) -> Response:
        """Changes some kinds, all or none; what is left out stays."""
        asked = SettingsChange(data=body_of(request), partial=True)
        asked.is_valid(raise_exception=True)
        wanted = {Kind(name): Channel(channel) for name, channel in asked.validated_data.items()}
        choices.choose(user_of(request), wanted, actor=actor_of(request))
        return _show(request)


def _show(request: Request) -> Response:
    shown = [
        {"kind": kind.value, "title": kind.label, "channel": channel.value, "allowed": list(channels_of(kind))}
        for kind, channel in choices.all_of(user_of(request).pk).items()
    ]
    return Response({"results": shown})
