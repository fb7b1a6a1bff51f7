"""Cases: open ones first, oldest first, each with its next step and its buttons."""

from functools import partial
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import clock, display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.confirmation_pages import Confirmation, ask_or_do, change_page, posted, turn_away
from onecard.kit.range_filters import AmountFilter
from onecard.kit.sentences import in_a_sentence
from onecard.second_factor import second_people
from onecard.users.models import User
from wallet.admin import labels, money_page
from wallet.admin.case_actions import ACTIONS, AGREES, CaseAction, may, possible
from wallet.admin.filters import FundingCardFilter
from wallet.admin.person_link import person_link
from wallet.admin.second_person import show_result
from wallet.casework import proposals as case_proposals
from wallet.casework import rules as case_rules
from wallet.casework.desk import CaseRefusedError
from wallet.casework.rules import CaseFacts
from wallet.models import Case
from wallet.references import Subject


class OwnerFilter(SimpleListFilter):
    """Filters cases by their owner."""

    title = gettext_lazy("Owner")
    parameter_name = "owned"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", _("Mine")), ("nobodys", _("Nobody's")), ("others", _("Somebody else's"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() == "nobodys":
            return queryset.filter(owner=None)
        if self.value() == "others":
            return queryset.exclude(owner=None).exclude(owner=request.user.pk)
        return queryset.filter(owner=request.user.pk) if self.value() == "mine" else queryset


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    """Cases change only through buttons, and each button asks for confirmation."""

    ordering = ("status", "opened_at", "id")
    list_display = ("what", "state", "amount", "age", "due", "who", "owner_name", "next_step")
    list_filter = (
        "opened_at",
        AmountFilter,
        FundingCardFilter.by("obligation__charges__method"),
        "status",
        OwnerFilter,
        "kind",
    )
    list_select_related = ("obligation__cardholder", "owner")
    search_ids = (("reference",),)
    search_fields = ("summary", "reference", "obligation__cardholder__name", "obligation__description")
    search_help_text = gettext_lazy("Words of the summary, cardholder, merchant, or obligation:1")
    nothing_yet = gettext_lazy(
        "Nothing needs a person. A case opens by itself when a charge fails or money does not add up."
    )
    fields = ("summary",)
    change_form_template = "admin/wallet/case/page.html"

    def get_urls(self) -> list[URLPattern]:
        action = path("<int:pk>/do/<slug:name>/", self.admin_site.admin_view(self.action_page), name="wallet_case_act")
        return [action, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        case = self.get_object(request, object_id)
        if not isinstance(case, Case) or request.method != "GET" or not self.has_view_permission(request, case):
            return super().change_view(request, object_id, form_url, extra_context)
        shown = {"title": _("Case"), **_shown(self, request, case)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)

    def action_page(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """Asks for confirmation, calls the domain function and shows its result."""
        action, case = ACTIONS.get(name), self.get_object(request, str(pk))
        if action is None or not isinstance(case, Case):
            raise Http404
        if not may(request, action) or not self.has_view_permission(request, case):
            raise PermissionDenied
        facts = case_rules.read_facts(case)
        why_not = "" if name in possible(request, facts) else _why_not(request, action, facts)
        if why_not:
            return turn_away(request, why_not, change_page(case))
        return _ask_or_do(request, action, facts)

    @admin.display(description=gettext_lazy("What happened"), ordering="kind")
    def what(self, case: Case) -> str:
        return case.summary if case.kind == Case.Kind.BY_HAND else case.get_kind_display()

    @admin.display(description=gettext_lazy("State"))
    def state(self, case: Case) -> SafeString:
        if case.status == Case.Status.OPEN and case.proposed_by_id:
            return display.label(_("Second person needed"), "warn")
        return display.label(case.get_status_display(), "bad" if case.status == Case.Status.OPEN else "good")

    @admin.display(description=gettext_lazy("Money at stake"), ordering="amount_minor")
    def amount(self, case: Case) -> str:
        return display.money(case.amount_minor or None, case.currency)

    @admin.display(description=gettext_lazy("Age"), ordering="opened_at")
    def age(self, case: Case) -> str:
        return display.age(case.opened_at) if case.resolved_at is None else _("Closed")

    @admin.display(description=gettext_lazy("Due"), ordering="due_on")
    def due(self, case: Case) -> str | SafeString:
        if case.due_on is None:
            return display.NOTHING
        day = formats.date_format(case.due_on, "SHORT_DATE_FORMAT")
        is_late = case.status == Case.Status.OPEN and case.due_on < clock.now().date()
        return display.label(_("%(day)s, overdue") % {"day": day}, "bad") if is_late else day

    @admin.display(description=gettext_lazy("Cardholder"))
    def who(self, case: Case) -> str | SafeString:
        return person_link(case.obligation.cardholder if case.obligation else None)

    @admin.display(description=gettext_lazy("Owner"), ordering="owner__username")
    def owner_name(self, case: Case) -> str:
        return case.owner.get_username() if case.owner else _("Nobody")

    @admin.display(description=gettext_lazy("What to do next"))
    def next_step(self, case: Case) -> str:
        if case.status == Case.Status.RESOLVED:
            return _("Nothing: it is resolved.")
        return str(labels.NEXT_STEP.get(case.kind, display.NOTHING))


def open_case_badge(request: HttpRequest) -> str:
    """Returns the number beside Cases in the sidebar."""
    return str(Case.objects.filter(status=Case.Status.OPEN).count())


def _ask_or_do(request: HttpRequest, action: CaseAction, facts: CaseFacts) -> HttpResponse:
    case, user = facts.case, cast("User", request.user)
    confirmation = Confirmation(
        title=_title(action, case),
        words=action.words,
        button=action.title,
        back=change_page(case),
        danger=action.danger,
        facts=action.facts(facts),
        needs_fresh_code=action.moves_money,
        second_person=action.second_person(facts, user),
    )
    return ask_or_do(
        request,
        confirmation,
        action.form(posted(request), facts),
        partial(action.call, case=case, user=user),
        done=partial(show_result, request, done=action.done),
        refusals=(CaseRefusedError, *action.refusals),
        row=case,
    )


def _title(action: CaseAction, case: Case) -> str:
    """Names the proposed amount when a person agrees: it may be less than the amount at stake."""
    asked_for = case_proposals.proposed(case) if action is ACTIONS["agree"] else None
    if asked_for is not None:
        return f"{action.title}: {in_a_sentence(case.get_proposal_display())}, {asked_for}"
    about = in_a_sentence(case.get_kind_display())
    return f"{action.title}: {display.money(case.amount_minor, case.currency)}, {about}"


def _why_not(request: HttpRequest, action: CaseAction, facts: CaseFacts) -> str:
    user: Any = request.user
    if facts.case.status != Case.Status.OPEN and not action.when_resolved:
        return _("This case is resolved: nothing is left to do about it.")
    return action.why_not(facts, user) or _("This cannot be done now.")


def _shown(model_admin: CaseAdmin, request: HttpRequest, case: Case) -> dict[str, Any]:
    facts = case_rules.read_facts(case)
    names = possible(request, facts)
    buttons = [
        {"title": ACTIONS[name].title, "page": _action_page(case, name), "danger": ACTIONS[name].danger}
        for name in names
    ]
    reference = case_rules.purchase_of(case)
    return {
        "case": case,
        "state": model_admin.state(case),
        "facts": _facts(model_admin, case),
        "next_step": model_admin.next_step(case),
        "proposed": _proposal_in_words(facts),
        "buttons": buttons,
        "money_story": money_page.build(reference) if _is_about_money(case) else None,
        "notes": case.notes.select_related("author"),
    }


def _is_about_money(case: Case) -> bool:
    return case.obligation_id is not None or Subject.PURCHASE.named_by(case.reference)


def _proposal_in_words(facts: CaseFacts) -> str:
    asked_by = facts.case.proposed_by
    if asked_by is None or facts.case.status != Case.Status.OPEN:
        return ""
    asked_for = case_proposals.proposed(facts.case)
    amount = asked_for if asked_for is not None else _("an amount that nobody wrote down")
    sentence = (
        _("%(person)s asks to book %(amount)s as settled outside. %(why_not)s")
        if facts.case.proposal == Case.Proposal.OUTSIDE
        else _("%(person)s asks to write off %(amount)s. %(why_not)s")
    )
    why_not = case_proposals.why_not_agree(facts)
    return sentence % {
        "person": asked_by.get_username(),
        "amount": amount,
        "why_not": why_not or _a_second_person(asked_by),
    }


def _a_second_person(asked_by: User) -> str:
    must = _("A second person has to agree.")
    return f"{must} {second_people.in_words(AGREES, besides=[asked_by])}"


def _facts(model_admin: CaseAdmin, case: Case) -> list[tuple[str, Any]]:
    closed = case.status == Case.Status.RESOLVED
    facts = (
        (_("Due"), model_admin.due(case) if case.due_on else ""),
        (_("Money at stake"), "" if case.kind == Case.Kind.BY_HAND else model_admin.amount(case)),
        (_("Cardholder"), _holder(case)),
        (_("About"), _about(case)),
        (_("Verdicts"), _verdicts(case)),
        (_("Owner"), model_admin.owner_name(case)),
        (
            _("Opened"),
            _("%(when)s, %(age)s ago") % {"when": display.moment(case.opened_at), "age": display.age(case.opened_at)},
        ),
        (_("Resolved"), display.moment(case.resolved_at) if closed else ""),
        (_("Outcome"), case.get_outcome_display() if case.outcome else ""),
        (_("How it ended"), case.resolution or (_("By itself: what it asked for has happened.") if closed else "")),
        (_done_by(case), f"{case.proposed_by} and {case.agreed_by}" if case.agreed_by else ""),
    )
    return [(name, value) for name, value in facts if value]


def _done_by(case: Case) -> str:
    return _("Settled outside, says") if case.proposal == Case.Proposal.OUTSIDE else _("Written off by")


def _holder(case: Case) -> str:
    holder = case.obligation.cardholder if case.obligation else None
    return person_link(holder) if holder else ""


def _about(case: Case) -> str:
    """Links the dispute of our charge or the purchase; otherwise shows the case's reference."""
    if Subject.CHARGE_DISPUTE.named_by(case.reference) and references.page_of(case.reference):
        return display.link(references.page_of(case.reference), _("Dispute: evidence and due date"))
    found = next((name for name in (case_rules.purchase_of(case), case.reference) if references.page_of(name)), "")
    text = case.obligation.description if case.obligation else ""
    named = references.in_words(found or case.reference)
    return display.link(references.page_of(found), text or named) if found else named


def _verdicts(case: Case) -> str:
    """Links what fraud hooks said of the purchases that a suspicion is about."""
    if case.kind != Case.Kind.SUSPECTED_FRAUD:
        return ""
    page = reverse("admin:issuing_fraudverdict_changelist")
    return display.link(f"{page}?case={case.pk}", _("What fraud hooks said"))


def _action_page(case: Case, name: str) -> str:
    return reverse("admin:wallet_case_act", args=[case.pk, name])
