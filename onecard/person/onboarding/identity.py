"""The identity check: where it stands, what is asked for, and handing the profile in."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from onecard.person.form_page import FormPage
from onecard.person.onboarding.words import field_words
from onecard.person.page import PersonPage
from wallet.kyc import identity_status, review
from wallet.states import KycStatus


class Identity(FormPage, PersonPage):
    menu = "account"
    title = "Your identity"
    button = "Hand in my profile"
    template = "onboarding/identity"
    back = "person:start"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> forms.Form:
        return forms.Form(data)

    def save(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        review.submit(cardholder_id=self.holder.pk, actor=f"user:{self.person.pk}")
        messages.success(request, "Your profile is handed in. We tell you as soon as it is checked.")
        return redirect("person:start")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        found = identity_status.of(self.holder)
        words = [{**each, "status": KycStatus(each["status"]).label} for each in found.history]
        return {"found": found, "missing": field_words(found.missing) if found.missing else "", "history": words}
