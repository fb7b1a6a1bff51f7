"""The buttons on a wallet's page about who the person is: submit for the check, set and clear a compliance flag."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.admin import BaseAdmin, row_of, row_or_404
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
from wallet.admin.identity import facts
from wallet.kyc import flags, review
from wallet.kyc.moves import KycError
from wallet.models import Cardholder, KycStatus
from wallet.states import BLOCKING_FLAGS, ComplianceFlag


def stops() -> str:
    """Returns the sentence that says which flags stop purchases."""
    names = ", ".join(str(flag.label) for flag in BLOCKING_FLAGS)
    return _("These stop every purchase at once: %(flags)s.") % {"flags": names}


class FlagForm(ReasonForm):
    """One flag out of those that can be set or cleared, and why."""

    field_order = ("flag", "reason")
    flag = forms.ChoiceField(label=gettext_lazy("Flag"), widget=SelectWidget)

    def __init__(self, *args: Any, flags: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        labels = dict(ComplianceFlag.choices)
        choices = [(flag, labels.get(flag, flag)) for flag in flags]
        self.fields["flag"].choices = choices  # type: ignore[attr-defined]


class IdentityButtons(BaseAdmin):
    """Gives a wallet's page the buttons about the person's identity."""

    actions_detail: tuple[str, ...] = ("submit_identity", "set_flag", "clear_flag")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Returns the buttons that this person allows."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        holder = row_of(self, request, object_id)
        return [each for each in allowed if isinstance(holder, Cardholder) and _is_legal(each.path, holder)]

    @page_action(
        description=gettext_lazy("Submit for the check"), url_path="submit", permissions=["change"], icon="how_to_reg"
    )
    def submit_identity(self, request: HttpRequest, object_id: str) -> HttpResponse:
        holder: Cardholder = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Submit %(holder)s for the identity check") % {"holder": holder},
            words=_("It then waits under Identity checks, where somebody approves or rejects it."),
            button=_("Submit"),
            back=change_page(holder),
            facts=facts(holder),
        )
        call = partial(review.submit, cardholder_id=holder.pk, actor=actor_of(request), by_staff=True)
        done = _("It waits under Identity checks.")
        return ask_or_do(
            request, confirmation, forms.Form(posted(request)), call, done=done, refusals=(KycError,), row=holder
        )

    @page_action(description=gettext_lazy("Set a flag"), url_path="set-flag", permissions=["change"], icon="flag")
    def set_flag(self, request: HttpRequest, object_id: str) -> HttpResponse:
        holder: Cardholder = row_or_404(self, request, object_id)
        free = [flag for flag in ComplianceFlag.values if flag not in holder.compliance_flags]
        return _ask(request, holder, free, flags.set_flag, _("Set a flag"), stops())

    @page_action(
        description=gettext_lazy("Clear a flag"), url_path="clear-flag", permissions=["change"], icon="outlined_flag"
    )
    def clear_flag(self, request: HttpRequest, object_id: str) -> HttpResponse:
        holder: Cardholder = row_or_404(self, request, object_id)
        words = _("If it stopped the purchases, they go on at once.")
        return _ask(request, holder, holder.compliance_flags, flags.clear_flag, _("Clear a flag"), words)


def _is_legal(path: str, holder: Cardholder) -> bool:
    if path == "clear-flag":
        return bool(holder.compliance_flags)
    if path == "submit":
        is_over = holder.kyc_status == KycStatus.VERIFIED and not review.is_renewable(holder)
        return not is_over
    return True


def _ask(
    request: HttpRequest, holder: Cardholder, names: list[str], call: Callable[..., Any], button: str, words: str
) -> HttpResponse:
    confirmation = Confirmation(
        title=f"{button}: {holder}", words=words, button=button, back=change_page(holder), danger=True
    )
    return ask_or_do(
        request,
        confirmation,
        FlagForm(posted(request), flags=names),
        partial(call, cardholder_id=holder.pk, actor=actor_of(request)),
        done=_("Done. The next purchase is decided with it."),
        refusals=(KycError,),
        row=holder,
    )
