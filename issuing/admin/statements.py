"""Card statements: staff import a file for a card, compare it with what was expected, and draft corrections."""

from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.admin import statement_lines
from issuing.models import CardStatement
from issuing.statements import corrections, importing
from issuing.statements.csv_format import MOST_BYTES, StatementError
from issuing.statements.importing import Imported
from issuing.statements.report import build
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, row_of, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    FileWidget,
    SelectWidget,
    TextWidget,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.errors import OneCardError
from routing.models import RankingDraft
from wallet.models import FundingMethod

LIST: Final = "admin:issuing_cardstatement_changelist"
UNITS: Final = (
    ("", gettext_lazy("As the card's terms pay")),
    ("money", gettext_lazy("Money")),
    ("points", gettext_lazy("Points or miles")),
)


class NoSuchCardError(OneCardError):
    """No funding card has these digits, or several people have one."""

    code = "no_such_funding_card"


class CardForm(forms.Form):
    """Whose card, by its owner's login and its last four digits."""

    login = forms.CharField(
        label=gettext_lazy("Cardholder's login or e-mail address"), max_length=254, widget=TextWidget
    )
    last_four = forms.RegexField(
        r"^[0-9]{4}$", label=gettext_lazy("Last four digits of the funding card"), widget=TextWidget
    )  # fmt: skip


class UploadForm(forms.Form):
    """A CSV file with the columns date, amount and reward."""

    file = forms.FileField(
        label=gettext_lazy("File"), max_length=200, widget=FileWidget({"accept": ".csv,text/csv", "class": "oc-input"}),
        help_text=gettext_lazy("CSV with the columns date, amount and reward, 1 MB at most; all others are dropped."),
    )  # fmt: skip
    unit = forms.ChoiceField(
        label=gettext_lazy("Rewards are in"), choices=UNITS, required=False, widget=SelectWidget
    )  # fmt: skip

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 1 MB: split it into several."))
        return file


class PeriodForm(forms.Form):
    """The days of a report; empty: those of the statement."""

    since = forms.DateField(required=False)
    until = forms.DateField(required=False)


@admin.register(CardStatement)
class CardStatementAdmin(ReadOnlyAdmin):
    """Imports, newest first; each one's report is the page that staff work with."""

    actions_list = ("import_file",)
    actions_detail = ("show_report", "draft_corrections")
    list_display = ("days", "card", "line_count", "repeated_count", "report", "imported")
    list_display_links = ("days",)
    list_select_related = ("method__cardholder",)
    search_fields = ("method__last_four", "method__cardholder__name")
    search_help_text = gettext_lazy("Cardholder, or last four of a card")
    nothing_yet = gettext_lazy("Press “Import a statement”, or let people give theirs in the app.")
    fields = (("card", "days"), ("line_count", "repeated_count"), "report", "shown_draft", "imported")

    def get_urls(self) -> list[URLPattern]:
        report = path(
            "<int:object_id>/report/",
            self.admin_site.admin_view(self.report_page),
            name="issuing_cardstatement_report",
        )
        return [report, *super().get_urls()]

    def has_import_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm("issuing.add_cardstatement")

    def has_correct_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm("routing.add_rankingdraft")

    @page_action(
        description=gettext_lazy("Import a statement"), url_path="import", permissions=["import"], icon="upload"
    )
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Asks whose card it is, and then for the file."""
        number = request.GET.get("card", "")
        cards = FundingMethod.objects.select_related("cardholder", "product")
        card = cards.filter(pk=number).first() if number.isdecimal() and len(number) < 19 else None
        if card is not None:
            return _ask_for_file(request, card)
        confirmation = Confirmation(
            title=_("Import a statement"), words=_("Whose card is it of?"), button=_("Go on"), back=reverse(LIST)
        )
        call = partial(_find_card, page=request.path)
        return ask_or_do(request, confirmation, CardForm(posted(request)), call, done=lambda answer: answer)

    @page_action(description=gettext_lazy("Report"), url_path="to-report", permissions=["view"], icon="balance")
    def show_report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:issuing_cardstatement_report", row_or_404(self, request, object_id).pk)

    @page_action(
        description=gettext_lazy("Draft corrections"), url_path="correct", permissions=["correct", "view"],
        icon="edit_note",
    )  # fmt: skip
    def draft_corrections(self, request: HttpRequest, object_id: str) -> HttpResponse:
        statement = row_or_404(self, request, object_id)
        found = corrections.find(corrections.report_of(statement))
        confirmation = Confirmation(
            title=_("Draft corrections from this statement"),
            words=_(
                "A rule that three purchases or more really earned at another rate gets that rate in a new draft. "
                "Nothing takes effect until somebody else publishes it."
            ),
            button=_("Begin the draft"),
            back=change_page(statement),
            facts=[statement_lines.correction_in_words(each) for each in found],
        )
        user: Any = request.user
        call = partial(corrections.propose, statement=statement, user=user)
        return ask_or_do(request, confirmation, forms.Form(posted(request)), call, done=_show_draft, row=statement)

    def report_page(self, request: HttpRequest, object_id: int) -> HttpResponse:
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        statement = row_of(self, request, object_id)
        if statement is None:
            raise Http404
        form = PeriodForm(request.GET)
        chosen = form.cleaned_data if form.is_valid() else {}
        first = chosen.get("since") or statement.first_on
        last = chosen.get("until") or statement.last_on
        problems = [error for errors in form.errors.values() for error in errors]
        if first > last:
            problems, first, last = [_("The last day lies before the first one.")], *sorted((first, last))
        found = build(method=statement.method, currency=statement.currency, first_on=first, last_on=last)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Statement of %(card)s") % {"card": statement.method},
            "problems": problems,
            "page": change_page(statement),
            "correct": reverse("admin:issuing_cardstatement_draft_corrections", args=[statement.pk]),
            "may_correct": self.has_correct_permission(request),
            "shown": statement_lines.of_report(found),
            "first": first,
            "last": last,
        }
        return TemplateResponse(request, "admin/issuing/cardstatement/report.html", context)

    @admin.display(description=gettext_lazy("Days"), ordering="first_on")
    def days(self, statement: CardStatement) -> str:
        return _("%(first)s to %(last)s") % {
            "first": formats.date_format(statement.first_on),
            "last": formats.date_format(statement.last_on),
        }

    @admin.display(description=gettext_lazy("Funding card"))
    def card(self, statement: CardStatement) -> SafeString:
        holder = reverse("admin:wallet_cardholder_change", args=[statement.method.cardholder_id])
        return SafeString(display.link(holder, f"{statement.method}, {statement.method.cardholder}"))

    @admin.display(description=gettext_lazy("Report"))
    def report(self, statement: CardStatement) -> SafeString:
        page = reverse("admin:issuing_cardstatement_report", args=[statement.pk])
        return SafeString(display.link(page, _("Expected and earned")))

    @admin.display(description=gettext_lazy("Draft of its corrections"))
    def shown_draft(self, statement: CardStatement) -> str:
        return display.link(change_page(statement.draft), statement.draft) if statement.draft else display.NOTHING

    @admin.display(description=gettext_lazy("Imported"), ordering="imported_at")
    def imported(self, statement: CardStatement) -> str:
        return display.moment(statement.imported_at)


def _find_card(*, login: str, last_four: str, page: str) -> HttpResponse:
    owner = Q(cardholder__user__username=login) | Q(cardholder__user__email__iexact=login)
    found = FundingMethod.objects.filter(owner, last_four=last_four, detachment=None)[:2]
    if len(found) != 1:
        raise NoSuchCardError(gettext_lazy("Nobody with this login has exactly one funding card with these digits."))
    return redirect(f"{page}?card={found[0].pk}")


def _ask_for_file(request: HttpRequest, card: FundingMethod) -> HttpResponse:
    confirmation = Confirmation(
        title=_("Import a statement of %(card)s") % {"card": card},
        words=_(
            "Its lines are compared with our charges. Only days, amounts and rewards are kept, and a line that was "
            "imported before changes nothing."
        ),
        button=_("Import"),
        back=reverse(LIST),
        facts=[(_("Cardholder"), str(card.cardholder)), (_("Card product"), card.product or _("None"))],
    )
    form = UploadForm(posted(request), request.FILES or None)
    call = partial(_import, card=card, actor=actor_of(request))
    return ask_or_do(request, confirmation, form, call, done=partial(_show_import, request), refusals=(StatementError,))


def _import(*, card: FundingMethod, file: Any, unit: str, actor: str) -> Imported:
    return importing.import_statement(
        method=card, content=file.read(), actor=actor, in_money=None if not unit else unit == "money"
    )


def _show_import(request: HttpRequest, done: Imported) -> HttpResponse:
    counts = {"new": done.new, "repeated": done.repeated, "matched": done.matched}
    if not done.new:
        messages.info(request, _("All lines were imported before: nothing was changed."))
    else:
        words = _("%(new)s new lines, of which %(matched)s are purchases of ours; %(repeated)s were imported before.")
        messages.success(request, words % counts)
    if done.statement is None:
        return redirect(LIST)
    return redirect("admin:issuing_cardstatement_report", done.statement.pk)


def _show_draft(draft: RankingDraft) -> HttpResponse:
    return redirect(change_page(draft))


references.register("cardstatement", lambda key: reverse("admin:issuing_cardstatement_change", args=[key]))
