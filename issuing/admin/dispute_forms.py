"""The forms by which staff open a dispute for a cardholder, and add evidence to it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.disputes import by_staff, requests
from issuing.disputes.by_staff import Asked, File
from issuing.disputes.evidence import MOST_BYTES
from issuing.issuers.disputes import time_limit
from issuing.models import Authorization, CardTransaction, DisputeRequest
from onecard.kit import display
from onecard.kit.amount_field import AmountField
from onecard.kit.confirmation_pages import AreaWidget, Confirmation, FileWidget, ReasonForm, SelectWidget, change_page
from onecard.kit.money import Money
from onecard.kit.reasons import LONGEST_REASON

NOTHING_TAKEN = gettext_lazy("The merchant has not taken any money for this purchase, so there is nothing to dispute.")


def why_field(label: Any) -> forms.CharField:
    """Returns the field of a reason, with a label that asks for what the trail should say."""
    return forms.CharField(label=label, max_length=LONGEST_REASON, widget=AreaWidget({"rows": 2}))


def evidence_field(*, required: bool) -> forms.FileField:
    """Returns the field of one file of evidence. The browser's own widget can be used with the keyboard."""
    return forms.FileField(
        label=gettext_lazy("A letter, receipt or picture"),
        required=required,
        max_length=255,
        help_text=gettext_lazy("A PDF, a PNG or a JPEG of at most 5 MB."),
        widget=FileWidget({"accept": "application/pdf,image/png,image/jpeg"}),
    )


class DisputeForm(ReasonForm):
    """What the cardholder disputes, in their words; without an amount, all that is left of the capture."""

    capture = forms.TypedChoiceField(label=gettext_lazy("Which capture"), widget=SelectWidget)
    amount = AmountField(label=gettext_lazy("Amount"), required=False)
    network_reason = forms.TypedChoiceField(
        label=gettext_lazy("Reason, as the card network knows it"),
        widget=SelectWidget,
        choices=DisputeRequest.Reason.choices,
    )
    text = forms.CharField(
        label=gettext_lazy("What happened, in the cardholder's words"),
        max_length=2000,
        widget=AreaWidget({"rows": 5}),
        help_text=gettext_lazy(
            "The issuer and the card network read it: what was bought, what they did, what the shop says."
        ),
    )
    file: Any = evidence_field(required=False)
    reason = why_field(gettext_lazy("How the cardholder asked for it"))
    field_order = ("capture", "amount", "network_reason", "text", "file", "reason")

    def __init__(self, data: Any, files: Any, captures: list[CardTransaction]) -> None:
        super().__init__(data, files)
        names = {each.issuer_transaction_id: _in_words(each) for each in captures}
        if len(names) > 1:
            self.fields["capture"].choices = list(names.items())  # type: ignore[attr-defined]
        else:
            del self.fields["capture"]
        amount: AmountField = self.fields["amount"]  # type: ignore[assignment]
        amount.of(captures[0].currency, hint=_("Empty: all that is left of it."))


def open_for_holder(
    purchase: Authorization,
    actor: str,
    *,
    amount: Money | str,
    network_reason: str,
    text: str,
    file: Any,
    reason: str,
    capture: str = "",
) -> DisputeRequest:
    """Opens the dispute that the form asks for."""
    asked = Asked(reason=network_reason, text=text, amount=amount or None, capture_id=capture)  # type: ignore[arg-type]
    uploaded = read(file) if file else None
    return by_staff.open_request(purchase=purchase, asked=asked, why=reason, actor=actor, file=uploaded)


def read(file: Any) -> File:
    """Reads an uploaded file, and no more of it than shows that it is too large."""
    return File(str(file.name), file.read(MOST_BYTES + 1))


def posted_files(request: HttpRequest) -> Any:
    """Returns the files of a POST, which a form is bound to beside its values; no other method has any."""
    return request.FILES if request.method == "POST" else None


def lead_to_request(request: HttpRequest, made: DisputeRequest) -> HttpResponse:
    """Leads to the dispute's page, where it is submitted."""
    messages.success(
        request,
        _("The dispute is opened, and the cardholder is told. Add what proves it, and submit it to the issuer."),
    )
    return redirect(change_page(made))


def dispute_confirmation(purchase: Authorization, captures: list[CardTransaction]) -> Confirmation:
    """Returns what the page says: whose purchase, what was captured and is left, and until when."""
    holder = purchase.card.cardholder.name if purchase.card else display.NOTHING
    facts: list[tuple[str, object]] = [(_("Cardholder"), holder)]
    for each in captures:
        due = each.occurred_at + time_limit(each.provider)
        said = _("%(left)s is left; the card network takes a dispute until %(due)s")
        facts.append((_in_words(each), said % {"left": str(requests.left_of(each)), "due": display.moment(due)}))
    return Confirmation(
        title=_("Dispute the purchase at %(merchant)s")
        % {"merchant": purchase.merchant_name or purchase.issuer_authorization_id},
        words=_(
            "The dispute is the cardholder's own: they read of it in their app, and can withdraw it until it is "
            "submitted. No money moves now. You submit it to the issuer on the next page."
        ),
        button=_("Open the dispute"),
        back=change_page(purchase),
        facts=facts,
    )


def _in_words(capture: CardTransaction) -> str:
    return f"{capture.money!s}, {display.moment(capture.occurred_at)}"
