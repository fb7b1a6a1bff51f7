"""The buttons of a dispute request: submit it to the issuer after a second look, or refuse it."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.admin.dispute_forms import evidence_field, posted_files, read, why_field
from issuing.disputes import by_staff, requests, submission
from issuing.disputes.request_errors import DisputeRefusedError, EvidenceRefusedError, EvidenceUnavailableError
from issuing.issuers.disputes import takes_files
from issuing.models import DisputeEvidence, DisputeRequest
from onecard.kit import display
from onecard.kit.admin import BaseAdmin, row_of, row_or_404
from onecard.kit.amount_field import AmountField, typed
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    SelectWidget,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.money import Money


class SubmitForm(forms.Form):
    """What goes to the issuer: at most the amount that the cardholder asked for, and the reason that fits."""

    amount = AmountField(label=gettext_lazy("Amount"))
    reason = forms.TypedChoiceField(
        label=gettext_lazy("Reason"), widget=SelectWidget, choices=DisputeRequest.Reason.choices
    )
    file: Any = forms.ModelChoiceField(
        DisputeEvidence.objects.none(),
        label=gettext_lazy("Document"),
        required=False,
        empty_label=gettext_lazy("None"),
        widget=SelectWidget,
        help_text=gettext_lazy("The issuer takes one. Give further ones to its support, or in its dashboard."),
    )

    def __init__(self, data: Any, request: DisputeRequest) -> None:
        files = request.evidence.defer("sealed")
        first = {"amount": typed(request.money), "reason": request.reason, "file": files.first()}
        super().__init__(data, initial=first)
        if files and takes_files(request.transaction.provider):
            self.fields["file"].queryset = files  # type: ignore[attr-defined]
        else:
            del self.fields["file"]
        amount: AmountField = self.fields["amount"]  # type: ignore[assignment]
        amount.of(request.currency)


class EvidenceForm(ReasonForm):
    """One file that the cardholder gave to staff, and how it came."""

    reason = why_field(gettext_lazy("How the file came to us"))
    file: Any = evidence_field(required=True)
    field_order = ("file", "reason")


class ReviewButtons(BaseAdmin):
    """Gives a request's page its buttons, while it waits for review."""

    @page_action(
        description=gettext_lazy("Add evidence"),
        url_path="evidence",
        permissions=["review", "view"],
        icon="attach_file",
    )
    def evidence_request(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        return ask_or_do(
            request,
            _evidence_confirmation(row),
            EvidenceForm(posted(request), posted_files(request)),
            partial(_add_evidence, row, actor_of(request)),
            done=_("The file is added. It can be read with the permission to download evidence."),
            refusals=(DisputeRefusedError, EvidenceRefusedError, EvidenceUnavailableError),
            row=row,
        )

    @page_action(
        description=gettext_lazy("Submit to the issuer"), url_path="submit", permissions=["review", "view"], icon="send"
    )
    def submit_request(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        return ask_or_do(
            request,
            _submit_confirmation(row),
            SubmitForm(posted(request), row),
            partial(_submit, row, actor_of(request)),
            done=partial(_show_result, request),
            refusals=(DisputeRefusedError,),
            row=row,
        )

    @page_action(description=gettext_lazy("Refuse"), url_path="refuse", permissions=["review", "view"], icon="block")
    def refuse_request(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        return ask_or_do(
            request,
            _refuse_confirmation(row),
            ReasonForm(posted(request)),
            partial(requests.refuse, request=row, actor=actor_of(request)),
            done=_("The dispute is refused, and the cardholder reads the reason."),
            refusals=(DisputeRefusedError,),
            row=row,
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row = row_of(self, request, object_id)
        return allowed if row is not None and row.status == states.DisputeRequest.REQUESTED else []

    def has_review_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Returns whether the person has the change permission: nothing else of a request can be changed."""
        return request.user.has_perm("issuing.change_disputerequest")


def _submit(row: DisputeRequest, actor: str, *, amount: Money, reason: str, file: DisputeEvidence | None = None) -> str:
    """Accepts the request and makes the first try at sending it; returns its status."""
    accepted = requests.accept(request=row, amount=amount, reason=reason, actor=actor, file=file)
    return submission.carry_out(request_id=accepted.pk)


def _show_result(request: HttpRequest, status: str) -> None:
    if status == states.DisputeRequest.SUBMITTED:
        messages.success(request, _("The issuer has it, and hands it to the card network."))
    elif status == states.DisputeRequest.REJECTED:
        messages.error(request, _("The issuer refused it: read why below. A case asks what to do."))
    else:
        messages.warning(request, _("The issuer has not answered yet: it is sent again until it does."))


def _add_evidence(row: DisputeRequest, actor: str, *, file: Any, reason: str) -> DisputeEvidence:
    return by_staff.add_evidence(request=row, file=read(file), why=reason, actor=actor)


def _evidence_confirmation(row: DisputeRequest) -> Confirmation:
    return Confirmation(
        title=_("Add evidence to the dispute of %(amount)s by %(name)s")
        % {"amount": str(row.money), "name": row.cardholder.name},
        words=_(
            "A file that the cardholder gave to us goes to the dispute. It is stored encrypted, and stays as it is."
        ),
        button=_("Add the file"),
        back=change_page(row),
    )


def _submit_confirmation(row: DisputeRequest) -> Confirmation:
    return Confirmation(
        title=_("Submit the dispute of %(money)s by %(name)s") % {"money": str(row.money), "name": row.cardholder.name},
        words=_(
            "Look at the amount, the reason and the evidence again: after it is submitted, nothing can be changed."
        ),
        button=_("Submit it to the issuer"),
        back=change_page(row),
        facts=(
            (_("The cardholder writes"), row.text),
            (_("Left of the payment"), requests.left_of(row.transaction)),
            (_("Due"), display.moment(row.due_at)),
        ),
        needs_fresh_code=True,
    )


def _refuse_confirmation(row: DisputeRequest) -> Confirmation:
    return Confirmation(
        title=_("Refuse the dispute of %(money)s by %(name)s") % {"money": str(row.money), "name": row.cardholder.name},
        words=_("It is not submitted to the card network. The cardholder reads your reason word for word."),
        button=_("Refuse it"),
        back=change_page(row),
        danger=True,
    )
