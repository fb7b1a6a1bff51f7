"""What the OpenAPI document says of every operation beyond its own serializers: refusals, keys, versions."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from onecard.api import etags, idempotency

Direction = Literal["request", "response"]
REFUSALS: Final = {
    "400": "The request is not readable, or a field is wrong: `errors` names it.",
    "401": "Nobody is logged in.",
    "403": "The login is not a person's, or the CSRF token is missing.",
    "404": "There is no such thing, or it is not yours.",
    "406": "The answer is JSON, and Accept leaves that out.",
    "409": "It cannot be done now: `code` and `detail` say why.",
    "412": "It was changed since you read it.",
    "415": "The body is of another kind than the operation takes.",
    "422": "The idempotency key was used for another request.",
    "428": "If-Match is missing.",
    "429": "Too many requests: Retry-After says when.",
    "503": "The issuer or the processor does not answer: try again.",
}
TEXT: Final = {"type": "string"}
KEY: Final = {"type": "string", "pattern": "^[!-~]+$", "maxLength": idempotency.LONGEST_KEY}
CONTENT_TYPE: Final = "application/problem+json"


class Problem(serializers.Serializer[Any]):
    """Problem details (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable; a frontend decides by it.")
    detail = serializers.CharField(help_text="A sentence for people.")
    request_id = serializers.CharField()
    errors = serializers.DictField(required=False, help_text="The sentences of each field.")  # type: ignore[assignment]


class Schema(AutoSchema):
    """Adds to each operation how it may be refused, and the headers that its view asks for."""

    def get_override_parameters(self) -> list[Any]:
        found = list(super().get_override_parameters())
        if _needs_key(self):
            found.append(_header(idempotency.HEADER, "A new UUID: repeating it repeats nothing.", KEY))
        if _needs_version(self):
            words = getattr(self.view, "if_match_words", "The ETag that was read.")
            found.append(_header(etags.HEADER, words, TEXT, required=not _may_be_new(self)))
        return found

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(Problem(), direction).ref
        for status, words in REFUSALS.items():
            if self._may_be(status):
                bodies.setdefault(status, {"content": {CONTENT_TYPE: {"schema": problem}}, "description": words})
        for status, body in bodies.items():
            headers = dict(self._headers(status))
            if headers:
                body["headers"] = headers
        return bodies

    def _headers(self, status: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """What a caller may read beside the body."""
        if status.startswith("2") and _needs_key(self):
            words = "`true` where this is the answer to an earlier request."
            yield idempotency.REPLAYED, {"description": words, "schema": {"type": "string", "enum": ["true"]}}
        if status.startswith("2") and self.method in getattr(self.view, "etag_methods", ()):
            # The answer to a repeat has none: it may be another version by now.
            words, is_given = "For If-Match of a change.", not (_may_be_new(self) or _needs_key(self))
            yield "ETag", {"description": words, "required": is_given, "schema": TEXT}
        if status in ("429", "503"):
            yield "Retry-After", {"description": "In how many seconds to try again.", "schema": {"type": "integer"}}

    def _may_be(self, status: str) -> bool:
        if status in ("412", "428"):
            return _needs_version(self)
        if status == "415":
            return self.method in ("POST", "PUT", "PATCH")
        return status != "422" or _needs_key(self)


class AppSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "onecard.api.authentication.AppSession"
    name = "AppSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "apiKey", "in": "header", "name": "X-Session-Token", "description": "For apps."}


class WebSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "onecard.api.authentication.WebSession"
    name = "WebSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        words = "For pages; a change sends X-CSRFToken as well."
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": words}


def only_ours(endpoints: list[tuple[Any, ...]], **_more: Any) -> list[tuple[Any, ...]]:
    """Keeps the routes under /api/v1/."""
    return [each for each in endpoints if each[0].startswith("/api/v1/")]


def _needs_key(schema: AutoSchema) -> bool:
    return bool(getattr(_handler(schema), "needs_idempotency_key", False))


def _needs_version(schema: AutoSchema) -> bool:
    return schema.method in getattr(schema.view, "if_match_methods", ())


def _handler(schema: AutoSchema) -> Any:
    return getattr(schema.view, schema.method.lower(), None)


def _may_be_new(schema: AutoSchema) -> bool:
    """Whether what it changes may not exist yet, and so has no version."""
    return hasattr(schema.view, "if_match_words")


def _header(name: str, words: str, schema: dict[str, Any], *, required: bool = True) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, required=required, description=words)
