"""The queue of identity checks: staff approve, reject or ask for more, and every page shows the whole history."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.words import Words
from wallet.admin.person_link import person_link
from wallet.kyc import review
from wallet.kyc.fields import FIELDS, in_words, missing, values_of
from wallet.kyc.moves import KycError
from wallet.models import Cardholder, KycEvent, KycReview, KycStatus
from wallet.states import OPEN_REVIEW

TONE: dict[str, str] = {
    KycStatus.VERIFIED: "good",
    KycStatus.PENDING: "warn",
    KycStatus.NEEDS_MORE: "warn",
    KycStatus.EXPIRED: "bad",
    KycStatus.REJECTED: "bad",
}


# Of the profile's fields, by the names that the domain has for them.
LABELS: Final[dict[str, Words]] = {
    "first_name": gettext_lazy("Legal first name"),
    "last_name": gettext_lazy("Legal last name"),
    "birth_date": gettext_lazy("Date of birth"),
    "phone": gettext_lazy("Phone"),
    "address.line1": gettext_lazy("Address"),
    "address.line2": gettext_lazy("Address, second line"),
    "address.city": gettext_lazy("City"),
    "address.state": pgettext_lazy("of an address", "State"),
    "address.postal_code": gettext_lazy("Postal code"),
    "address.country": gettext_lazy("Country"),
    "time_zone": gettext_lazy("Time zone"),
    "preference": gettext_lazy("Preference"),
}


class ApproveForm(ReasonForm):
    """Approves the identity as the page shows it, and no other."""

    shown = forms.CharField(max_length=64, widget=forms.HiddenInput)


class KycEventInline(ReadOnlyInline):
    """The moves of a person's identity status, the newest first."""

    model = KycEvent
    fields = ("recorded_at", "from_status", "to_status", "actor", "reason")
    readonly_fields = fields
    verbose_name_plural = gettext_lazy("identity: what happened")
    max_num = 0


@admin.register(KycReview)
class KycReviewAdmin(ReadOnlyAdmin):
    """Submissions for an identity check. Those that are pending wait for staff."""

    actions_detail = ("approve", "ask_for_more", "reject")
    list_display = ("name", "state", "submitted", "waits", "decided", "decided_by")
    list_filter = ("status",)
    list_select_related = ("cardholder",)
    search_fields = ("cardholder__name",)
    search_help_text = gettext_lazy("Cardholder")
    nothing_yet = gettext_lazy("A person submits their profile, or staff do so on the page of a wallet.")
    fields = (("person", "state"), ("submitted", "submitted_by"), "profile", "lacking", "flags", "reason", "decided")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Returns the buttons, while the check is open."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        found = self.get_object(request, str(object_id))
        return allowed if isinstance(found, KycReview) and found.status in OPEN_REVIEW else []

    def has_decide_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Returns whether the person has the change permission: nothing else of a check can be changed."""
        return request.user.has_perm("wallet.change_kycreview")

    @page_action(
        description=gettext_lazy("Approve"), url_path="approve", permissions=["decide", "view"], icon="verified_user"
    )
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        found: KycReview = row_or_404(self, request, object_id)
        form = ApproveForm(posted(request), initial={"shown": review.digest(found.cardholder)})
        form.fields["reason"].label = _("How you made sure who it is")
        words = _("The person may spend from then on. Compare the profile with what you were shown.")
        return self._decide(request, found, form, review.approve, _("Approve"), words)

    @page_action(
        description=gettext_lazy("Ask for more"), url_path="ask", permissions=["decide", "view"], icon="contact_support"
    )
    def ask_for_more(self, request: HttpRequest, object_id: str) -> HttpResponse:
        form = ReasonForm(posted(request))
        form.fields["reason"].label = _("What the person has to give or correct")
        words = _("The person reads what you write, and submits the profile again.")
        found: KycReview = row_or_404(self, request, object_id)
        return self._decide(request, found, form, review.ask_for_more, _("Ask for more"), words)

    @page_action(description=gettext_lazy("Reject"), url_path="reject", permissions=["decide", "view"], icon="block")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        words = _(
            "The person cannot spend, and reads the reason. Never name a list or a suspicion: set a flag for that."
        )
        found: KycReview = row_or_404(self, request, object_id)
        return self._decide(request, found, ReasonForm(posted(request)), review.reject, _("Reject"), words, danger=True)

    def _decide(
        self,
        request: HttpRequest,
        found: KycReview,
        form: forms.Form,
        call: Callable[..., Any],
        button: str,
        words: str,
        *,
        danger: bool = False,
    ) -> HttpResponse:
        confirmation = Confirmation(
            title=f"{button}: {found.cardholder}",
            words=words,
            button=button,
            back=change_page(found),
            danger=danger,
            facts=facts(found.cardholder),
        )
        return ask_or_do(
            request,
            confirmation,
            form,
            partial(call, review_id=found.pk, actor=actor_of(request)),
            done=_("Done. The person sees it at once."),
            refusals=(KycError,),
            row=found,
        )

    @admin.display(description=gettext_lazy("Person"), ordering="cardholder__name")
    def name(self, found: KycReview) -> str:
        return str(found.cardholder)

    @admin.display(description=gettext_lazy("Wallet"))
    def person(self, found: KycReview) -> str | SafeString:
        return person_link(found.cardholder)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, found: KycReview) -> SafeString:
        return display.label(found.get_status_display(), TONE.get(found.status, "neutral"))

    @admin.display(description=gettext_lazy("Submitted"), ordering="submitted_at")
    def submitted(self, found: KycReview) -> str:
        return display.moment(found.submitted_at)

    @admin.display(description=gettext_lazy("Waits for"))
    def waits(self, found: KycReview) -> str:
        return display.age(found.submitted_at) if found.status == KycStatus.PENDING else display.NOTHING

    @admin.display(description=gettext_lazy("Decided"))
    def decided(self, found: KycReview) -> str:
        return display.moment(found.decided_at)

    @admin.display(description=gettext_lazy("Profile"))
    def profile(self, found: KycReview) -> SafeString:
        return display.preformatted("\n".join(f"{name}: {value}" for name, value in facts(found.cardholder)))

    @admin.display(description=gettext_lazy("Missing"))
    def lacking(self, found: KycReview) -> str:
        return in_words(missing(found.cardholder)) or display.NOTHING

    @admin.display(description=gettext_lazy("Compliance flags"))
    def flags(self, found: KycReview) -> str:
        return ", ".join(found.cardholder.compliance_flags) or display.NOTHING


def facts(holder: Cardholder) -> list[tuple[str, object]]:
    """Returns a person's profile as names and values."""
    values = values_of(holder)
    values["preference"] = holder.get_preference_display()
    values["birth_date"] = formats.date_format(birth, "DATE_FORMAT") if (birth := holder.birth_date) else ""
    named = [(str(LABELS[name]), values[name] or display.NOTHING) for name in FIELDS]
    return [*named, (_("E-mail address"), holder.user.email or "-"), (_("Terms accepted"), holder.terms_version or "-")]


references.register("kycreview", lambda key: reverse("admin:wallet_kycreview_change", args=[key]))
