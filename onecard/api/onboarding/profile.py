"""The profile of a person: who they are, where they live, and what they prefer; the terms of the card."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import actor_of, cardholder_of, user_of
from onecard.api.etags import check_unchanged, tagged
from onecard.api.idempotency import idempotent
from onecard.api.view import ApiView
from onecard.kit.requests import client_address
from wallet.kyc import profile
from wallet.kyc.fields import FIELDS, TERMS_VERSION, missing, values_of
from wallet.models import Cardholder, Preference

ADA = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "birth_date": "1990-12-10",
    "phone": "+14155550100",
    "address": {
        "line1": "510 Townsend Street",
        "line2": "Apartment 7",
        "city": "San Francisco",
        "state": "CA",
        "postal_code": "94103",
        "country": "US",
    },
    "time_zone": "America/Los_Angeles",
    "preference": "cash",
}
ACCEPTED = {
    "required_version": TERMS_VERSION,
    "accepted_version": TERMS_VERSION,
    "accepted_at": "2026-11-28T16:00:00Z",
}
PUT_EXAMPLE = OpenApiExample("A whole profile", value=ADA, request_only=True)
TERMS_EXAMPLE = OpenApiExample("The present terms", value={"version": TERMS_VERSION}, request_only=True)
ANSWER_EXAMPLE = OpenApiExample(
    "Complete",
    value={
        **ADA,
        "email": "ada@example.com",
        "terms": ACCEPTED,
        "missing": [],
    },
    response_only=True,
)
TERMS_ANSWER_EXAMPLE = OpenApiExample("Accepted", value={"terms": ACCEPTED, "missing": []}, response_only=True)


class TextField(serializers.CharField):
    """Text that may be left out, and is emptied by "" or null; the domain checks what it may hold."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "allow_blank": True, "allow_null": True, **options})


class AddressSerializer(serializers.Serializer[Any]):
    line1 = TextField(help_text="Street and number; 120 characters at most.")
    line2 = TextField(help_text="Apartment, floor; may stay empty.")
    city = TextField(help_text="40 characters at most.")
    state = TextField(help_text="In the US two letters, such as CA; elsewhere it may stay empty.")
    postal_code = TextField(help_text="In the US a ZIP code: 94103 or 94103-1234.")
    country = TextField(help_text="Two letters of ISO 3166-1, such as US.")


class TermsStateSerializer(serializers.Serializer[Any]):
    required_version = serializers.CharField(help_text="The terms to show and to have accepted.")
    accepted_version = serializers.CharField(help_text="Empty until some were accepted.")
    accepted_at = serializers.DateTimeField(allow_null=True)


class ProfileSerializer(serializers.Serializer[Any]):
    """What is left out stays as it is; "" or null empties a field."""

    first_name = TextField(help_text="Legal first name, as on a passport; 40 characters at most.")
    last_name = TextField(help_text="Legal last name.")
    birth_date = serializers.DateField(
        required=False, allow_null=True, help_text="YYYY-MM-DD; a card is for people of 18 and older."
    )
    phone = TextField(help_text="E.164, such as +14155550100.")
    address = AddressSerializer(required=False)
    time_zone = TextField(help_text="IANA, such as America/New_York: daily limits count its days.")
    preference = serializers.ChoiceField(choices=Preference.choices, required=False, help_text="Which rewards to earn.")


class ProfileAnswer(ProfileSerializer):
    email = serializers.EmailField(help_text="From the login, and changed there.")
    terms = TermsStateSerializer()
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the fields that a card still needs, such as address.city."
    )


class TermsAnswer(serializers.Serializer[Any]):
    terms = TermsStateSerializer()
    missing = serializers.ListField(child=serializers.CharField(), help_text="What a card still needs.")


class TermsRequest(serializers.Serializer[Any]):
    version = serializers.CharField(max_length=40, help_text="The version that the person was shown.")


class Profile(ApiView):
    if_match_methods = ("PUT",)
    etag_methods = ("GET", "PUT")
    # The header may be missing, and this says when.
    if_match_words = "The ETag that was read; the first PUT, which makes the profile, needs none."

    @extend_schema(responses=ProfileAnswer, examples=[ANSWER_EXAMPLE], operation_id="profile")
    def get(self, request: Request) -> Response:
        """Gives the profile and what is missing; of a person without one everything is missing. ETag for PUT."""
        user = user_of(request)
        holder = Cardholder.objects.select_related("user").filter(user=user).first()
        return _answer(holder or Cardholder(user=user))

    @extend_schema(
        request=ProfileSerializer,
        responses=ProfileAnswer,
        examples=[PUT_EXAMPLE, ANSWER_EXAMPLE],
        operation_id="profile_update",
    )
    def put(self, request: Request) -> Response:
        """Makes the profile, or changes the given fields of it. The first one needs no If-Match.

        A new name or date of birth of a verified person is checked again, and the card declines until then.
        """
        user = user_of(request)
        sent = ProfileSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        version = Cardholder.objects.filter(user=user).values_list("wallet_version", flat=True).first()
        if version is not None:
            check_unchanged(request, version)
        given = flat(sent.validated_data)
        return _answer(profile.save(user=user, given=given, shown_version=version, actor=actor_of(request)))


class Terms(ApiView):
    @extend_schema(
        request=TermsRequest,
        responses=TermsAnswer,
        examples=[TERMS_EXAMPLE, TERMS_ANSWER_EXAMPLE],
        operation_id="profile_terms",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Keeps that the person accepts the card's terms: the version, the time, and the address of the caller."""
        sent = TermsRequest(data=request.data)
        sent.is_valid(raise_exception=True)
        holder = profile.accept_terms(
            cardholder_id=cardholder_of(request).pk,
            version=sent.validated_data["version"],
            address=client_address(request),
            actor=actor_of(request),
        )
        # Not the whole profile: the answer is kept with the key.
        return Response(TermsAnswer({"terms": terms_of(holder), "missing": missing(holder)}).data)


def flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields under the domain's names: those of the address as address.city."""
    address = {f"address.{name}": value for name, value in (given.get("address") or {}).items()}
    return {name: value for name, value in given.items() if name != "address"} | address


def rendered(holder: Cardholder) -> dict[str, Any]:
    """Returns a profile as the API shows it."""
    values = values_of(holder)
    own = {name: value for name, value in values.items() if not name.startswith("address.")}
    address = {name.removeprefix("address."): values[name] for name in FIELDS if name.startswith("address.")}
    more = {"email": holder.user.email, "terms": terms_of(holder), "missing": missing(holder)}
    return dict(ProfileAnswer({**own, "address": address, **more}).data)


def terms_of(holder: Cardholder) -> dict[str, Any]:
    """Returns which terms are to be accepted, and which were."""
    return {
        "required_version": TERMS_VERSION,
        "accepted_version": holder.terms_version,
        "accepted_at": holder.terms_accepted_at,
    }


def _answer(holder: Cardholder) -> Response:
    answer = Response(rendered(holder))
    return answer if _is_new(holder) else tagged(answer, holder.wallet_version)


def _is_new(row: Model) -> bool:
    return row.pk is None
