"""The settings of the frontend API and of its OpenAPI document (docs/decisions/0039-frontend-api.md)."""

from typing import Any, Final

REST_FRAMEWORK: Final[dict[str, Any]] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "onecard.api.authentication.AppSession",
        "onecard.api.authentication.WebSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["onecard.api.access.IsPerson"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "onecard.api.pages.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "onecard.api.schema.Schema",
    "EXCEPTION_HANDLER": "onecard.api.problems.handle",
    "DATETIME_FORMAT": "iso-8601",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR: Final[dict[str, Any]] = {
    "TITLE": "One Card",
    "DESCRIPTION": "What a frontend needs: joining, funding cards, the virtual card, purchases with why, and rewards.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    # What a change requires is what its serializer requires, as with every other body.
    "COMPONENT_SPLIT_PATCH": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "PREPROCESSING_HOOKS": ["onecard.api.schema.only_ours"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "onecard.api.auth.schema.add_joining",
    ],
    "SORT_OPERATIONS": True,
    "ENUM_NAME_OVERRIDES": {
        "Network": "wallet.models.Network",
        "CardNetwork": "issuing.models.VirtualCard.CardType",
        "CardControlKind": "issuing.controls.own.OWN_KINDS",
        "CardStatus": "issuing.states.Card",
        "TopUpStatus": "issuing.states.Funding",
        "ReplacementReason": "issuing.states.Replacement",
        "KycStatus": "wallet.states.KycStatus",
        "NotificationKind": "onecard.notices.kinds.Kind",
        "NotificationChannel": "onecard.notices.kinds.Channel",
        "WebhookEventType": "onecard.integrations.types.EventType",
        "WebhookDeliveryStatus": "onecard.integrations.models.Delivery.Status",
        "PurchaseStatus": "issuing.activity.purchases.STATUSES",
        "DisputeReason": "issuing.models.DisputeRequest.Reason",
        "DisputeStatus": "issuing.activity.disputes.STATUSES",
    },
}
