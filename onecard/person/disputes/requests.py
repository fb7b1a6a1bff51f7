"""A person disputes a purchase, adds evidence, follows the dispute to its end, or withdraws it."""

import uuid
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from issuing.activity import disputes
from issuing.activity.purchases import of_cardholder
from issuing.disputes import evidence, requests
from issuing.models import Authorization, CardTransaction, DisputeRequest
from onecard.api.access import own
from onecard.kit.amount_field import parse_typed
from onecard.kit.money import Money, MoneyError
from onecard.kit.text import normalized_lines
from onecard.person.form_page import FormPage, to_choose
from onecard.person.page import PersonPage
from wallet.models import Cardholder

SHORTEST_TEXT: Final = 10
PAGE: Final = 50


class DisputeForm(forms.Form):
    """Why a purchase is disputed; without an amount, all that is left of it."""

    reason = forms.ChoiceField(label="What is wrong?", choices=to_choose(DisputeRequest.Reason.choices))
    text = forms.CharField(
        label="What happened", max_length=2000, widget=forms.Textarea({"rows": 5}),
        help_text="In your words: what you bought, what you did about it, and what the shop answered.",
    )  # fmt: skip
    transaction = forms.ChoiceField(label="Which payment", required=False)
    amount = forms.CharField(
        label="Amount", max_length=20, required=False, widget=forms.TextInput({"inputmode": "decimal"})
    )

    def __init__(self, data: Any, captures: list[CardTransaction]) -> None:
        super().__init__(data)
        self.captures = {each.issuer_transaction_id: each for each in captures}
        if len(captures) > 1:
            options = [(name, f"{each.money} on {each.occurred_at:%d %b %Y}") for name, each in self.captures.items()]
            self.fields["transaction"].choices = options  # type: ignore[attr-defined]
        else:
            del self.fields["transaction"]
        currency = captures[0].currency if captures else ""
        self.fields["amount"].help_text = f"In {currency}, such as 12.34. Empty: all of it." if currency else ""

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"])
        if len(normalized_lines(text)) < SHORTEST_TEXT:
            raise forms.ValidationError(f"Write at least {SHORTEST_TEXT} characters.")
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        typed, capture = cleaned.get("amount"), self._capture(cleaned)
        cleaned["money"] = None
        if typed and capture is not None:
            try:
                cleaned["money"] = parse_typed(typed, capture.currency)
            except MoneyError as error:
                self.add_error("amount", f"{error.message}.")
        return cleaned

    def _capture(self, cleaned: dict[str, Any]) -> CardTransaction | None:
        chosen = cleaned.get("transaction") or next(iter(self.captures), "")
        return self.captures.get(chosen)


class OpenDispute(FormPage, PersonPage):
    menu = "purchases"
    title = "Dispute this purchase"
    words = (
        "First write to the shop: many give the money back by themselves. We review what you write, and submit it to "
        "the card network."
    )
    button = "Dispute it"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> DisputeForm:
        rows = of_cardholder(self.holder)
        self.purchase: Authorization = own(rows, issuer_authorization_id=self.kwargs["purchase_id"])
        return DisputeForm(data, requests.captures_of(self.purchase))

    def save(self, request: HttpRequest, form: DisputeForm) -> HttpResponse:
        given = form.cleaned_data
        made = requests.open_request(
            holder=self.holder,
            purchase=self.purchase,
            reason=given["reason"],
            text=given["text"],
            amount=given["money"],
            capture_id=given.get("transaction", ""),
        )
        messages.success(request, "Your dispute is with our staff. Add what proves it, such as letters and pictures.")
        return redirect("person:dispute", public_id=made.public_id)

    def back_to(self) -> str:
        return reverse("person:purchase", args=[self.kwargs["purchase_id"]])

    def more(self, request: HttpRequest) -> dict[str, Any]:
        shop = self.purchase.merchant_name or "Unknown shop"
        return {"title": f"Dispute the purchase at {shop}"}


class Disputes(PersonPage):
    """Every dispute, the newest first."""

    menu = "account"

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = disputes.of_cardholder(self.holder).order_by("-pk")[:PAGE]
        return self.render(request, "disputes/list", disputes=[(each, _status(each)) for each in rows])


class EvidenceForm(forms.Form):
    file = forms.FileField(
        label="A letter, receipt or picture", max_length=255,
        help_text="A PDF, a PNG or a JPEG of at most 5 MB; five files at most.",
        widget=forms.FileInput({"accept": "application/pdf,image/png,image/jpeg"}),
    )  # fmt: skip


class Dispute(FormPage, PersonPage):
    """Where it stands, its evidence, and a form to add some."""

    menu = "account"
    template = "disputes/one"
    back = "person:disputes"
    button = "Add the file"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> EvidenceForm:
        self.row = own_dispute(self.holder, self.kwargs["public_id"])
        return EvidenceForm(data, files)

    def save(self, request: HttpRequest, form: EvidenceForm) -> HttpResponse:
        file = form.cleaned_data["file"]
        evidence.add(request=self.row, name=str(file.name), content=file.read(), actor=f"user:{self.person.pk}")
        messages.success(request, "The file is added. Only our staff can open it.")
        return redirect("person:dispute", public_id=self.row.public_id)

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "title": f"Dispute of {self.row.money}",
            "row": self.row,
            "stands": _status(self.row),
            "sentence": disputes.sentence(self.row),
            "moved": disputes.moved(self.row),
            "nothing": Money(0, self.row.currency),
            "is_open": disputes.status(self.row) == disputes.REQUESTED,
        }


class Withdraw(FormPage, PersonPage):
    menu = "account"
    title = "Withdraw the dispute"
    words = "The charge then stands, and we submit nothing to the card network."
    button = "Withdraw it"
    is_for_good = True

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> forms.Form:
        self.row = own_dispute(self.holder, self.kwargs["public_id"])
        return forms.Form(data)

    def save(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        requests.withdraw(request=self.row, actor=f"user:{self.person.pk}")
        messages.success(request, "Your dispute is withdrawn.")
        return redirect("person:dispute", public_id=self.row.public_id)

    def back_to(self) -> str:
        return reverse("person:dispute", args=[self.kwargs["public_id"]])


def own_dispute(holder: Cardholder, public_id: uuid.UUID) -> DisputeRequest:
    """Returns a dispute of the person's own; raises NotFound."""
    return own(disputes.of_cardholder(holder), public_id=public_id)


def _status(row: DisputeRequest) -> tuple[str, str]:
    """A word, and its tone."""
    tones = {disputes.WON: "good", disputes.LOST: "bad", disputes.REFUSED: "bad", disputes.EXPIRED: "bad"}
    status = disputes.status(row)
    words = {disputes.REQUESTED: "Under review", disputes.SUBMITTING: "Being submitted"}
    is_waiting = status in (disputes.REQUESTED, disputes.SUBMITTING, disputes.SUBMITTED)
    return words.get(status, status.capitalize()), tones.get(status, "wait" if is_waiting else "plain")
