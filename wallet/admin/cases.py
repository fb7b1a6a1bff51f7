"""Cases: what needs a person, the open ones first, with what to do next."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from wallet import words
from wallet.models import Case


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    """Read-only: a case closes when what it asks for has happened."""

    ordering = ("status", "opened_at")
    list_display = ("what", "state", "amount", "age", "who", "next_step")
    list_filter = ("status", "kind", "opened_at")
    list_select_related = ("obligation__cardholder",)
    search_fields = ("summary", "reference", "obligation__cardholder__name", "obligation__description")
    search_help_text = "Words of the summary, cardholder, merchant, or obligation:1"
    nothing_yet = "Nothing needs a person. A case opens by itself when a charge fails or money does not add up."
    fields = ("what", "state", "summary", "next_step", "amount", "about", "who", "opened", "resolved")

    @admin.display(description="What happened", ordering="kind")
    def what(self, case: Case) -> str:
        return case.get_kind_display()

    @admin.display(description="State")
    def state(self, case: Case) -> SafeString:
        return display.label(case.get_status_display(), "bad" if case.status == Case.Status.OPEN else "good")

    @admin.display(description="Money at stake", ordering="amount_minor")
    def amount(self, case: Case) -> str:
        return display.money(case.amount_minor, case.currency)

    @admin.display(description="Age")
    def age(self, case: Case) -> str:
        return display.age(case.opened_at) if case.resolved_at is None else "Closed"

    @admin.display(description="Cardholder")
    def who(self, case: Case) -> str:
        return case.obligation.cardholder.name if case.obligation else display.NOTHING

    @admin.display(description="What to do next")
    def next_step(self, case: Case) -> str:
        if case.status == Case.Status.RESOLVED:
            return "Nothing: it is resolved."
        return words.NEXT_STEP.get(case.kind, display.NOTHING)

    @admin.display(description="About")
    def about(self, case: Case) -> str:
        page = references.page_of(case.reference)
        return display.link(page, case.reference) if page else case.reference

    @admin.display(description="Opened")
    def opened(self, case: Case) -> str:
        return f"{display.moment(case.opened_at)}, {display.age(case.opened_at)} ago"

    @admin.display(description="Resolved")
    def resolved(self, case: Case) -> str:
        return display.moment(case.resolved_at)


def open_case_badge(request: HttpRequest) -> str:
    """The number beside Cases in the sidebar."""
    return str(Case.objects.filter(status=Case.Status.OPEN).count())
