"""Evidence of disputes: who gave which file, and the button that opens one, for staff with the permission only."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from issuing.disputes import evidence
from issuing.disputes.request_errors import DisputeRefusedError
from issuing.models import DisputeEvidence
from onecard.kit import display
from onecard.kit.admin import ReadOnlyAdmin, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.crypto import SealError


@admin.register(DisputeEvidence)
class DisputeEvidenceAdmin(ReadOnlyAdmin):
    """Files, newest first; never their content."""

    actions_detail = ("download",)
    list_display = ("name", "kind", "size_bytes", "given", "of")
    list_filter = ("kind", "created_at")
    search_fields = ("request__cardholder__name",)
    search_help_text = gettext_lazy("Cardholder")
    fields = (("name", "kind"), ("size_bytes", "given"), "of")
    nothing_yet = gettext_lazy("They come when cardholders add files to a dispute in their app.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DisputeEvidence]:
        rows: QuerySet[DisputeEvidence] = super().get_queryset(request)
        return rows.select_related("request").defer("sealed")

    @admin.display(description=gettext_lazy("Given"), ordering="created_at")
    def given(self, row: DisputeEvidence) -> str:
        return display.moment(row.created_at)

    @admin.display(description=gettext_lazy("Dispute"))
    def of(self, row: DisputeEvidence) -> str:
        return display.link(change_page(row.request), row.request)

    @page_action(
        description=gettext_lazy("Download"), url_path="download", permissions=["download", "view"], icon="download"
    )
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        return ask_or_do(
            request,
            _confirmation(row),
            ReasonForm(posted(request)),
            partial(evidence.download, evidence=row, actor=actor_of(request)),
            done=partial(_file, row),
            refusals=(DisputeRefusedError, SealError),
            row=row,
        )

    def has_download_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(evidence.DOWNLOAD_PERMISSION)


@sensitive_variables("content")
def _file(row: DisputeEvidence, content: Any) -> HttpResponse:
    """Returns the file as a download that no browser opens by itself and no cache keeps."""
    answer = HttpResponse(content, content_type=row.kind)
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=row.name) or "attachment"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["Cache-Control"] = "no-store"
    return answer


def _confirmation(row: DisputeEvidence) -> Confirmation:
    return Confirmation(
        title=_("Download %(name)s") % {"name": row.name},
        words=_("It is a person's own document. Your reason and your name stay in the audit trail."),
        button=_("Download it"),
        back=change_page(row),
        needs_fresh_code=True,
    )
