"""The personal rules of cardholders, for staff: listed, added, changed and removed as the person does it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    SelectWidget,
    TextWidget,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.money import MAX_AMOUNT_MINOR
from routing import personal_rules
from routing.admin.ranking_form import DayWidget
from routing.models import PersonalRule
from wallet.models import Cardholder, FundingMethod

ABROAD = (("", gettext_lazy("Anywhere")), ("yes", gettext_lazy("Abroad only")), ("no", gettext_lazy("At home only")))


class RuleForm(forms.Form):
    """One rule. What is left empty covers every purchase."""

    position = forms.IntegerField(label=gettext_lazy("Place, from 1"), min_value=1, max_value=1000, widget=TextWidget)
    action = forms.ChoiceField(
        label=gettext_lazy("What to do"), choices=PersonalRule.Action.choices, widget=SelectWidget
    )
    method = forms.ModelChoiceField(
        label=gettext_lazy("Card"), queryset=FundingMethod.objects.none(), widget=SelectWidget
    )
    merchants = forms.CharField(
        label=gettext_lazy("Merchants"), required=False, max_length=1000, widget=TextWidget,
        help_text=gettext_lazy("Beginnings of their names, with commas between them."),
    )  # fmt: skip
    above_minor = forms.IntegerField(
        label=gettext_lazy("Above, in minor units"), required=False, min_value=0, max_value=MAX_AMOUNT_MINOR,
        widget=TextWidget,
    )  # fmt: skip
    abroad = forms.ChoiceField(label=gettext_lazy("Where"), choices=ABROAD, required=False, widget=SelectWidget)
    counts_from = forms.DateField(label=gettext_lazy("First day"), required=False, widget=DayWidget)
    until = forms.DateField(label=gettext_lazy("Last day"), required=False, widget=DayWidget)
    target_minor = forms.IntegerField(
        label=gettext_lazy("Target, in minor units"), required=False, min_value=0, max_value=MAX_AMOUNT_MINOR,
        widget=TextWidget,
    )  # fmt: skip

    def __init__(self, *args: Any, holder: Cardholder, **options: Any) -> None:
        super().__init__(*args, **options)
        cards: Any = self.fields["method"]
        cards.queryset = holder.funding_methods.filter(detachment=None).order_by("position", "pk")

    def clean(self) -> dict[str, Any]:
        """Turns what was typed into the columns of a rule."""
        values = super().clean() or self.cleaned_data
        names = str(values.pop("merchants", "")).split(",")
        where = {"yes": True, "no": False}.get(str(values.pop("abroad", "")))
        listed = [name.strip() for name in names if name.strip()]
        return values | {"merchants": listed, "is_foreign": where, "target_minor": values.get("target_minor") or 0}


class LoginForm(forms.Form):
    """Whose wallet."""

    login = forms.CharField(label=gettext_lazy("Login or e-mail address"), max_length=254, widget=TextWidget)


@admin.register(PersonalRule)
class PersonalRuleAdmin(ReadOnlyAdmin):
    """Rules that go before the optimiser, in the person's order. They count where value decides."""

    actions_list = ("new_rule",)
    actions_detail = ("change_rule", "add_rule", "remove_rule")
    list_display = (
        "cardholder",
        "position",
        "action",
        "method",
        "shown_conditions",
        "until",
        "shown_target",
        "version",
    )
    list_filter = ("action",)
    list_select_related = ("cardholder", "method")
    search_fields = ("cardholder__name", "method__last_four")
    search_help_text = gettext_lazy("Cardholder, or last four of a card")
    nothing_yet = gettext_lazy("Nobody has rules yet. Press “New rule”, or let people add theirs in the app.")
    fields = (
        ("cardholder", "position"), ("action", "method"), "shown_conditions", ("counts_from", "until", "shown_target"),
        "shown_overlaps", "version",
    )  # fmt: skip

    def has_edit_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm("wallet.change_cardholder")

    @page_action(description=gettext_lazy("New rule"), url_path="new", permissions=["edit", "view"], icon="add")
    def new_rule(self, request: HttpRequest) -> HttpResponse:
        """Asks whose rule it is, and then for the rule."""
        back = reverse("admin:routing_personalrule_changelist")
        number = request.GET.get("wallet", "")
        holder = Cardholder.objects.filter(pk=number).first() if number.isdecimal() and len(number) < 19 else None
        if holder is not None:
            return ask_for_rule(request, holder, back=back)
        confirmation = Confirmation(title=_("New rule"), words=_("Whose rule is it?"), button=_("Go on"), back=back)

        def find(*, login: str) -> HttpResponse:
            found = Cardholder.objects.filter(Q(user__username=login) | Q(user__email__iexact=login)).first()
            if found is None:
                raise personal_rules.RuleRefusedError("login", gettext_lazy("Nobody with a wallet has this login."))
            return redirect(f"{request.path}?wallet={found.pk}")

        return ask_or_do(request, confirmation, LoginForm(posted(request)), find, done=lambda answer: answer)

    @page_action(description=gettext_lazy("Change"), url_path="change-rule", permissions=["edit", "view"], icon="edit")
    def change_rule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        rule = row_or_404(self, request, object_id)
        abroad = "" if rule.is_foreign is None else "yes" if rule.is_foreign else "no"
        names = ("position", "action", "method", "above_minor", "counts_from", "until", "target_minor")
        now = {name: getattr(rule, name) for name in names} | {"merchants": ", ".join(rule.merchants), "abroad": abroad}
        form = RuleForm(posted(request), initial=now, holder=rule.cardholder)
        confirmation = Confirmation(
            title=_("Change the rule of %(person)s") % {"person": rule.cardholder},
            words=_("It counts from the next purchase on. Rules that contradict each other are shown on its page."),
            button=_("Save"),
            back=change_page(rule),
        )

        def save(**values: Any) -> PersonalRule:
            return personal_rules.change(rule, actor=actor_of(request), **_columns(values))

        return ask_or_do(request, confirmation, form, save, done=_("Saved."), row=rule)

    @page_action(description=gettext_lazy("New rule"), url_path="new-rule", permissions=["edit", "view"], icon="add")
    def add_rule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        holder = row_or_404(self, request, object_id).cardholder
        return ask_for_rule(request, holder, back=reverse("admin:routing_personalrule_changelist"))

    @page_action(
        description=gettext_lazy("Remove"), url_path="remove-rule", permissions=["edit", "view"], icon="delete"
    )
    def remove_rule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        rule = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Remove the rule of %(person)s") % {"person": rule.cardholder},
            words=str(rule),
            button=_("Remove"),
            back=reverse("admin:routing_personalrule_changelist"),
            danger=True,
        )

        def remove() -> None:
            personal_rules.remove(rule, actor=actor_of(request))

        return ask_or_do(request, confirmation, forms.Form(posted(request)), remove, done=_("Removed."))

    @admin.display(description=gettext_lazy("Only if"))
    def shown_conditions(self, rule: PersonalRule) -> str:
        abroad = "" if rule.is_foreign is None else _("abroad") if rule.is_foreign else _("at home")
        said = [
            _("at %(merchants)s") % {"merchants": display.joined(rule.merchants)} if rule.merchants else "",
            _("above %(amount)s") % {"amount": display.money(rule.above_minor, "USD")} if rule.above_minor else "",
            abroad,
        ]
        found = [each for each in said if each]
        return display.joined(found) if found else _("every purchase")

    @admin.display(description=PersonalRule._meta.get_field("target_minor").verbose_name)
    def shown_target(self, rule: PersonalRule) -> str:
        return display.money(rule.target_minor, "USD") if rule.target_minor else display.NOTHING

    @admin.display(description=gettext_lazy("Contradicts"))
    def shown_overlaps(self, rule: PersonalRule) -> SafeString | str:
        pairs = personal_rules.overlaps(personal_rules.rules_of_person(rule.cardholder))
        others = [b if a.pk == rule.pk else a for a, b in pairs if rule.pk in (a.pk, b.pk)]
        lines = format_html_join("", "<p>{}</p>", ((display.link(change_page(each), each),) for each in others))
        return lines or _("No other rule.")


def ask_for_rule(request: HttpRequest, holder: Cardholder, *, back: str) -> HttpResponse:
    """Asks for a new rule of a person."""
    form = RuleForm(posted(request), initial={"position": 1}, holder=holder)
    confirmation = Confirmation(
        title=_("New rule of %(person)s") % {"person": holder},
        words=_(
            "It goes before the optimiser, where purchases are decided by value: the first rule that can, decides."
        ),
        button=_("Add it"),
        back=back,
    )

    def save(**values: Any) -> PersonalRule:
        return personal_rules.add(holder, actor=actor_of(request), **_columns(values))

    return ask_or_do(request, confirmation, form, save, done=_("Added."))


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in (*personal_rules.FIELDS, "position")}


references.register("personalrule", lambda key: reverse("admin:routing_personalrule_change", args=[key]))
