"""The page on which staff make a person from nothing: the login, the profile, the terms and the identity check."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from onecard.kit.admin import BaseAdmin
from onecard.kit.confirmation_pages import (
    AreaWidget,
    Confirmation,
    SelectWidget,
    TextWidget,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.reasons import LONGEST_REASON
from onecard.kit.requests import client_address
from wallet.admin.person_link import person_page
from wallet.kyc import people
from wallet.kyc.fields import FIELDS, TERMS_VERSION, ProfileError
from wallet.kyc.moves import KycError
from wallet.models import Cardholder, Preference


class NewPersonForm(forms.Form):
    """What is known of the person; the domain says which of it is wrong."""

    email = forms.EmailField(max_length=150, label=gettext_lazy("E-mail address"), widget=TextWidget)
    first_name = forms.CharField(max_length=40, label=gettext_lazy("Legal first name"), widget=TextWidget)
    last_name = forms.CharField(max_length=40, label=gettext_lazy("Legal last name"), widget=TextWidget)
    birth_date = forms.CharField(max_length=10, label=gettext_lazy("Date of birth, YYYY-MM-DD"), widget=TextWidget)
    phone = forms.CharField(max_length=16, label=gettext_lazy("Phone, such as +14155550100"), widget=TextWidget)
    address_line1 = forms.CharField(max_length=120, label=gettext_lazy("Address"), widget=TextWidget)
    address_line2 = forms.CharField(
        max_length=120, label=gettext_lazy("Address, second line"), required=False, widget=TextWidget
    )
    address_city = forms.CharField(max_length=40, label=gettext_lazy("City"), widget=TextWidget)
    address_state = forms.CharField(
        max_length=40, label=pgettext_lazy("of an address", "State"), required=False, widget=TextWidget
    )
    address_postal_code = forms.CharField(max_length=10, label=gettext_lazy("Postal code"), widget=TextWidget)
    address_country = forms.CharField(
        max_length=2, label=gettext_lazy("Country, two letters"), initial="US", widget=TextWidget
    )
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone"), max_length=60, initial="America/New_York", widget=TextWidget
    )
    preference = forms.ChoiceField(label=gettext_lazy("Preference"), choices=Preference.choices, widget=SelectWidget)
    terms = forms.BooleanField(
        required=False,
        label=format_lazy(
            gettext_lazy("The person has accepted the card's terms, version {version}, and you have it"),
            version=TERMS_VERSION,
        ),
    )
    verified_because = forms.CharField(
        max_length=LONGEST_REASON,
        required=False,
        label=gettext_lazy("How you made sure who it is; empty: the identity is checked later"),
        widget=AreaWidget({"rows": 2}),
    )

    def given(self) -> dict[str, Any]:
        """Returns the profile's fields under the domain's names."""
        return {name: self.cleaned_data[_input(name)] for name in FIELDS}

    def show(self, error: ProfileError) -> None:
        """Shows each wrong field's sentence beside it."""
        for name, words in error.by_name.items():
            self.add_error(_input(name), words)


class NewPersonAdmin(BaseAdmin):
    """Gives the list of wallets its button “New person”."""

    actions_list = ("new_person",)

    def has_join_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Who verifies needs the permission to decide identity checks as well (see `_asked`)."""
        return request.user.has_perms(("wallet.add_cardholder", "users.add_user"))

    @page_action(description=gettext_lazy("New person"), url_path="new-person", permissions=["join"], icon="person_add")
    def new_person(self, request: HttpRequest) -> HttpResponse:
        form = NewPersonForm(posted(request))
        if not request.user.has_perm("wallet.change_kycreview"):
            del form.fields["verified_because"]
        return ask_or_do(
            request,
            _confirmation(),
            form,
            partial(_make, request, form),
            done=lambda holder: redirect(person_page(holder) or change_page(holder)),
            refusals=(KycError,),
        )


def _make(request: HttpRequest, form: NewPersonForm, **values: Any) -> Cardholder:
    try:
        return people.make_person(_asked(request, form, values), actor=actor_of(request))
    except ProfileError as error:
        form.show(error)
        raise KycError(_("Some fields are wrong: look at the sentences beside them.")) from None


def _asked(request: HttpRequest, form: NewPersonForm, values: Mapping[str, Any]) -> people.NewPerson:
    return people.NewPerson(
        email=values["email"],
        given=form.given(),
        terms_from=client_address(request) if values["terms"] else "",
        verified_because=values.get("verified_because", ""),
    )


def _confirmation() -> Confirmation:
    return Confirmation(
        title=_("New person"),
        words=_(
            "This makes a login without a password, the profile and, if you say how you made sure, the verified "
            "identity. Add funding cards and a virtual card afterwards. The person sets a password by “forgot "
            "password”."
        ),
        button=_("Make the person"),
        back=reverse("admin:wallet_cardholder_changelist"),
    )


def _input(name: str) -> str:
    """Returns a field of the profile as the form names it."""
    return name.replace(".", "_")
