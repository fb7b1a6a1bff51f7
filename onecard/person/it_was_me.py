""" "It was me": the button of a purchase that a control stopped or questioned."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing.activity.purchases import of_cardholder
from issuing.controls import passes, sentences
from issuing.models import Decision
from onecard.api.access import own
from onecard.kit.errors import OneCardError
from onecard.person.page import PersonPage


class ItWasMe(PersonPage):
    """Opens a short window for one retry, and tells staff where they look at the card."""

    menu = "purchases"

    def get(self, request: HttpRequest, purchase_id: str) -> HttpResponse:
        """Leads back a person who has reloaded or was logged out meanwhile."""
        return redirect("person:purchase", purchase_id=purchase_id)

    def post(self, request: HttpRequest, purchase_id: str) -> HttpResponse:
        row = own(of_cardholder(self.holder), issuer_authorization_id=purchase_id)
        last = Decision.objects.filter(authorization=row).select_related("authorization__card__cardholder")
        try:
            found = passes.answer(last.order_by("-pk").first(), actor=f"user:{self.person.pk}")
        except OneCardError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, sentences.after_answer(found.opened, row.merchant_name))
        return redirect("person:purchase", purchase_id=purchase_id)
