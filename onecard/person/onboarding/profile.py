"""The profile and the acceptance of the terms, by the person."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from onecard.kit.requests import client_address
from onecard.kit.time_zones import names
from onecard.person.form_page import FormPage
from onecard.person.onboarding.words import field_words
from onecard.person.page import PersonPage
from wallet.kyc import profile
from wallet.kyc.fields import EMAIL, FIELDS, TERMS, TERMS_VERSION, missing, values_of
from wallet.models import Cardholder, Preference
from wallet.states import KycStatus


def _text(label: str, autocomplete: str, *, longest: int, hint: str = "", **more: Any) -> forms.CharField:
    widget = forms.TextInput({"autocomplete": autocomplete, **more})
    return forms.CharField(label=label, max_length=longest, required=False, help_text=hint, widget=widget)


class _Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__({"autocomplete": "bday"}, format="%Y-%m-%d")


class ProfileForm(forms.Form):
    """What a card needs to know; a part of it may be saved now and the rest later. The domain says what is wrong."""

    first_name = _text("Legal first name", "given-name", longest=40, hint="As on your passport.")
    last_name = _text("Legal last name", "family-name", longest=40)
    birth_date = forms.DateField(label="Date of birth", required=False, widget=_Day)
    phone = _text(
        "Phone", "tel", longest=16, hint="With + and the country's code, such as +14155550100.", inputmode="tel"
    )
    address_line1 = _text("Street and number", "address-line1", longest=120)
    address_line2 = _text("Apartment, floor", "address-line2", longest=120, hint="May stay empty.")
    address_city = _text("City", "address-level2", longest=40)
    address_state = _text("State", "address-level1", longest=40, hint="In the US two letters, such as CA.")
    address_postal_code = _text("Postal code", "postal-code", longest=10)
    address_country = _text("Country", "country", longest=2, hint="Two letters, such as US.")
    time_zone = forms.ChoiceField(label="Time zone", help_text="Your daily limits count its days.")
    preference = forms.ChoiceField(label="Rewards that you want to earn", choices=Preference.choices)
    shown_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, holder: Cardholder | None) -> None:
        values = values_of(holder or Cardholder())
        shown = {"shown_version": holder.wallet_version if holder else None}
        super().__init__(data, initial={input_of(name): value for name, value in values.items()} | shown)
        zones = sorted({*names(), str(values["time_zone"])})
        self.fields["time_zone"].choices = [(name, name.replace("_", " ")) for name in zones]  # type: ignore[attr-defined]

    def given(self) -> dict[str, Any]:
        """Returns the profile's fields under the domain's names."""
        return {name: self.cleaned_data[input_of(name)] for name in FIELDS}


class Profile(FormPage):
    """Saves what was typed, also while something is missing, and then says what."""

    menu = "account"
    title = "Your profile"
    words = "A card is issued to a person: its issuer asks for your legal name, birth date, address and phone."
    template = "onboarding/profile"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> ProfileForm:
        return ProfileForm(data, self._holder())

    def save(self, request: HttpRequest, form: ProfileForm) -> HttpResponse:
        saved = profile.save(
            user=self.person,
            given=form.given(),
            shown_version=form.cleaned_data["shown_version"],
            actor=f"user:{self.person.pk}",
        )
        lacking = _lacking(saved)
        if lacking:
            messages.warning(request, f"Saved. Still missing: {field_words(lacking)}.")
            return redirect("person:profile")
        messages.success(request, "Your profile is saved and complete.")
        return redirect("person:terms" if TERMS in missing(saved) else "person:start")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        holder = self._holder()
        is_verified = holder is not None and holder.kyc_status == KycStatus.VERIFIED
        return {"lacking": [input_of(name) for name in _lacking(holder)] if holder else [], "is_verified": is_verified}

    def _holder(self) -> Cardholder | None:
        return Cardholder.objects.select_related("user").filter(user=self.person).first()


class TermsForm(forms.Form):
    version = forms.CharField(widget=forms.HiddenInput, initial=TERMS_VERSION)
    accepted = forms.BooleanField(
        label="I have read the terms of the card, and accept them",
        error_messages={"required": "Accept the terms here, or your card cannot be made."},
    )


class Terms(FormPage, PersonPage):
    """Keeps the version, the time, and from where."""

    menu = "account"
    title = "The terms of your card"
    button = "Accept the terms"
    template = "onboarding/terms"
    back = "person:start"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> TermsForm:
        return TermsForm(data)

    def save(self, request: HttpRequest, form: TermsForm) -> HttpResponse:
        profile.accept_terms(
            cardholder_id=self.holder.pk,
            version=form.cleaned_data["version"],
            address=client_address(request),
            actor=f"user:{self.person.pk}",
        )
        messages.success(request, "You accepted the terms.")
        return redirect("person:start")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        is_accepted = TERMS not in missing(self.holder)
        return {
            "version": TERMS_VERSION,
            "address": settings.TERMS_URL,
            "is_accepted": is_accepted,
            "holder": self.holder,
        }


def input_of(name: str) -> str:
    """A field of the profile as the form names it."""
    return name.replace(".", "_")


def _lacking(holder: Cardholder) -> list[str]:
    return [name for name in missing(holder) if name not in (TERMS, EMAIL)]
